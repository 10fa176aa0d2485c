"""The routes.

The route of a code: ``connect`` sends the browser to Pipedrive with a random state, which the browser also keeps,
sealed. ``callback`` takes the code of an answer with that state and exchanges it. A code without a state (an
installation that began in Pipedrive's Marketplace) is sealed into a cookie for its 5 minutes, and ``finish`` exchanges
it for the connection that someone who may edit it has chosen. The tokens wait in another sealed cookie until
``confirm`` has said whose they are, and are stored then.

https://pipedrive.readme.io/docs/app-installation-flows
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import asdict
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from airflow_provider_pipedrive.accounts import approvals, authorization, store
from airflow_provider_pipedrive.accounts.approvals import watch_connections
from airflow_provider_pipedrive.accounts.approved_routes import CredentialRoute
from airflow_provider_pipedrive.accounts.oauth import CODE_LIFE, Grant, authorize_url, new_state
from airflow_provider_pipedrive.accounts.status import AuthorizationStatus, now
from airflow_provider_pipedrive.accounts.store import StoredConnection
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, trimmed
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.plugin import access, addresses, webhooks
from airflow_provider_pipedrive.plugin.sealed_cookies import seal, unseal
from airflow_provider_pipedrive.plugin.web import (
    LONGEST_BODY,
    PageRequest,
    StopError,
    basic_credentials,
    body_of,
    log,
    open_to_all,
    require,
    requires_edit,
)

STATE_SECONDS = 600
"""How long someone may take on Pipedrive's consent page."""
_HELD = "pipedrive_code"
_GRANTED = "pipedrive_grant"
_FREE = ("", "disconnected", "revoked", "expired")
"""States of connections that nothing uses."""
_LONGEST_CODE = 2048


def make_app() -> Starlette:
    """The web app that Airflow mounts."""
    watch_connections()  # where the plugin was loaded before Airflow's web app
    routes = [
        Route("/page", requires_edit(overview), methods=["GET"]),
        Route("/create", requires_edit(create), methods=["POST"]),
        Route("/connect", requires_edit(connect), methods=["POST"]),
        Route("/test", requires_edit(test), methods=["POST"]),
        Route("/approve", requires_edit(ask_approval), methods=["GET"]),
        Route("/approve", requires_edit(approve), methods=["POST"]),
        Route("/disconnect", requires_edit(ask_disconnect), methods=["GET"]),
        Route("/disconnect", requires_edit(disconnect), methods=["POST"]),
        Route("/connected", requires_edit(connected), methods=["GET"]),
        Route("/finish", requires_edit(choose), methods=["GET"]),
        Route("/finish", requires_edit(finish), methods=["POST"]),
        Route("/confirm", requires_edit(confirm), methods=["GET"]),
        Route("/confirm", requires_edit(confirmed), methods=["POST"]),
        Route("/callback", open_to_all(callback), methods=["GET"]),
        Route("/callback", uninstalled, methods=["DELETE"]),
        Route("/webhook/{secret:path}", webhooks.receive, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    for route in routes:
        assert route.methods is not None
        route.methods.discard("HEAD")  # Starlette adds it to GET; a look at the callback must not use up its code
    app = Starlette(routes=routes)
    # Starlette would lead `/page/` on to `/page` below whatever Host the request names, its query with it.
    app.router.redirect_slashes = False
    return app


# ---- the page


def overview(page: PageRequest) -> Response:
    """All connections with their states."""
    uri, unknown = _default_redirect_uri(page)
    return page.render(
        "overview.html",
        connections=[
            _shown(page, stored) for stored in store.all_connections() if access.may_edit(page.user, stored.conn_id)
        ],
        redirect_uri=uri,
        redirect_uri_unknown=unknown,
        may_create=access.may_edit(page.user, method="POST"),
        backend=store.backend_name(),
        encrypted=store.is_encrypted(),
        command=own_command,
        testing=access.testing(),
    )


def create(page: PageRequest) -> Response:
    """Store a new connection."""
    conn_id = page.form.get("conn_id", "")
    require(access.may_edit(page.user, conn_id, "POST"))
    try:
        store.create(
            conn_id,
            page.form.get("client_id", ""),
            page.form.get("client_secret", ""),
            page.form.get("redirect_uri", ""),
        )
    except PipedriveParameterError as error:
        return page.redirect("page", f"Not created. {error}")
    return page.redirect(
        "page", f"Created {conn_id!r}. Register the redirect URI with the app, then press Connect.", good=True
    )


def test(page: PageRequest) -> Response:
    """Ask Pipedrive whose a connection is, where Airflow's configuration lets connections be tested."""
    conn_id = page.form.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    if access.testing() != "enabled":
        raise StopError(
            403,
            "Connections are not tested here",
            "Airflow's setting [core] test_connection decides that, and is not Enabled. Ask an Airflow administrator, "
            f"or use `{own_command('check')}` in the shell.",
        )
    try:
        account = authorization.test(store.find(conn_id))
    except PipedriveError as error:
        return page.redirect("page", f"{conn_id}: {error}")
    return page.redirect("page", f"{conn_id} works: connected as {account}.", good=True)


def ask_approval(page: PageRequest) -> Response:
    """Show which route a connection leads, and ask for the secrets that would take it."""
    conn_id = page.query.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    stored = store.find(conn_id)
    missing = approvals.missing(stored)
    if not missing:
        return page.redirect("page", f"{conn_id} needs no approval.", good=True)
    route = CredentialRoute.of(stored.connection, stored.extra)
    return page.render("approve.html", it=_shown(page, stored), missing=missing, route=route)


def approve(page: PageRequest) -> Response:
    """Let a connection's secrets take its route, for someone who knows them."""
    stored = _changeable(page)
    try:
        approvals.approve(stored, page.form)
    except PipedriveParameterError as error:
        return page.redirect("page", f"{stored.conn_id}: {error}")
    log.info("User %s approved the route of connection %s", page.user_id, stored.conn_id)
    return page.redirect("page", f"{stored.conn_id} may be used from this page as it is now.", good=True)


# ---- connecting


def connect(page: PageRequest) -> Response:
    """Send the browser to Pipedrive's consent page."""
    stored = _changeable(page)
    try:
        approvals.must_be_approved(stored, "client_secret")
    except PipedriveParameterError as error:
        return page.redirect("page", str(error))
    uri = addresses.redirect_uri(page.request, stored.extra)
    _must_come_back(page, uri)
    state = new_state()
    sealed = seal("state", {"state": state, "conn_id": stored.conn_id, "user": page.user_id, "redirect_uri": uri})
    page.keep(_state_cookie(state), sealed, STATE_SECONDS, _callback_path(uri))
    # A page that leads on, no redirect: `form-action` would have to name every host that Pipedrive's login leads over.
    return page.render(
        "redirect.html",
        address=authorize_url(authorization.app_of(stored), uri, state),
        conn_id=stored.conn_id,
        redirect_uri=uri,
    )


def callback(page: PageRequest) -> Response:
    """Take what Pipedrive sends the browser back with, and lead on at once to an address without it."""
    code, state, error = (page.query.get(name, "") for name in ("code", "state", "error"))
    if len(code) > _LONGEST_CODE or len(state) > _LONGEST_CODE or (code and not HEADER_SAFE.fullmatch(code)):
        raise StopError(400, "Not understood", "This is not a code of Pipedrive's.")
    if state:
        return _answered(page, code, state, error)
    if code:
        held = {"code": code, "attempt": _digest(new_state())}
        page.keep(_HELD, seal("code", held), CODE_LIFE)
        return page.redirect("finish")
    return page.redirect("page", _refusal(error) if error else "Pipedrive sent no code. Press Connect to try again.")


def _answered(page: PageRequest, code: str, state: str, error: str) -> Response:
    """The answer to an attempt that began here."""
    cookie = _state_cookie(state)
    begun = unseal("state", page.request.cookies.get(cookie), STATE_SECONDS)
    if begun is None or not hmac.compare_digest(str(begun["state"]).encode(), state.encode()):
        raise StopError(
            400,
            "Not connected",
            "This answer does not belong to an attempt that was begun in this browser in the last "
            f"{STATE_SECONDS // 60} minutes, or has been used already. Nothing was changed. Press Connect again.",
        )
    page.drop(cookie, _callback_path(begun["redirect_uri"]))
    conn_id = str(begun["conn_id"])
    if page.user is None:
        return page.redirect(
            "page", f"{conn_id} is not connected: your session had ended meanwhile. Press Connect again."
        )
    if begun["user"] != page.user_id:
        raise StopError(403, "Not connected", "Someone else signed in meanwhile. Press Connect again.")
    require(access.may_edit(page.user, conn_id))
    if error or not code:
        return page.redirect("page", f"{conn_id}: {_refusal(error)}")
    try:
        return _exchange(page, conn_id, code, str(begun["redirect_uri"]), _digest(state))
    except PipedriveError as error:
        return page.redirect("page", f"{conn_id} is not connected. {error}")


def choose(page: PageRequest) -> Response:
    """Ask which connection a code from the Marketplace is for."""
    held = _held(page)
    return page.render(
        "finish.html",
        connections=[_shown(page, stored) for stored in _candidates(page)],
        minutes=CODE_LIFE // 60,
        may_create=access.may_edit(page.user, method="POST"),
        attempt=held["attempt"],
    )


def finish(page: PageRequest) -> Response:
    """Exchange a code from the Marketplace, for the connection that was chosen. Nothing is stored yet."""
    held = _held(page)
    _must_be_about(page, held["attempt"])
    if not page.form.get("conn_id"):
        if not page.form.get("new_conn_id"):
            return page.redirect("finish", "Choose a connection.")
        page.form["conn_id"] = page.form["new_conn_id"]
        require(access.may_edit(page.user, page.form["conn_id"], "POST"))
        try:
            store.create(page.form["conn_id"], page.form.get("client_id", ""), page.form.get("client_secret", ""))
        except PipedriveParameterError as error:
            return page.redirect("finish", f"Not created. {error}")
    stored = _changeable(page)
    try:
        uri = addresses.redirect_uri(page.request, stored.extra)
        grant = authorization.granted(stored, held["code"], uri, held["attempt"])
    except PipedriveAuthError as error:
        # Where the app was refused, not the code, another connection may be the right one.
        over = authorization.is_over(error)
        if over:
            page.drop(_HELD)
        return page.redirect("page" if over else "finish", f"{stored.conn_id} is not connected. {error}")
    page.drop(_HELD)
    granted = asdict(grant) | {"conn_id": stored.conn_id, "attempt": held["attempt"], "user": page.user_id}
    page.keep(_GRANTED, seal("grant", granted), STATE_SECONDS)
    return page.redirect("confirm")


def confirm(page: PageRequest) -> Response:
    """Say whose account it is, and what it would replace, before anything is stored."""
    granted, stored, grant = _granted(page)
    account = authorization.owner(stored, grant)
    about = {"attempt": granted["attempt"], "account": asdict(account)}
    return page.render("confirm.html", it=_shown(page, stored), account=account, about=about)


def confirmed(page: PageRequest) -> Response:
    """Store what the Marketplace's code was good for, now that its account was shown and accepted."""
    granted, stored, grant = _granted(page)
    account = _must_be_about(page, granted["attempt"])["account"]
    if _shown(page, stored)["state"] not in _FREE and page.form.get("replace") != "yes":
        return page.redirect("confirm", f"{stored.conn_id} is in use: tick the box to replace its account.")
    before = AuthorizationStatus.of(stored.extra)
    authorization.keep(stored, grant, authorization.Account(**account))
    page.drop(_GRANTED)
    return _report(page, stored.conn_id, before)


def _must_be_about(page: PageRequest, attempt: str) -> dict[str, Any]:
    """What a form was shown for, if that is the installation that waits in this browser now.

    :raises StopError: another one has come meanwhile
    """
    about = page.form_about
    if not hmac.compare_digest(str(about.get("attempt")).encode(), attempt.encode()):
        raise StopError(
            409,
            "Another installation has come meanwhile",
            "This form was shown for another installation than the one that waits in this browser now. Nothing was "
            "changed. If you yourself have just installed the app, open the page again: " + f"{page.root}/finish",
        )
    return about


def _granted(page: PageRequest) -> tuple[dict[str, Any], StoredConnection, Grant]:
    """The tokens that wait in this browser for a confirmation, and the connection they are for.

    :raises StopError: none do, or no longer
    """
    granted = unseal("grant", page.request.cookies.get(_GRANTED), STATE_SECONDS)
    if granted is None or granted["user"] != page.user_id:
        page.drop(_GRANTED)
        raise StopError(410, "The installation has to begin again", "Nothing waits in this browser to be confirmed.")
    page.form["conn_id"] = granted["conn_id"]
    stored = _changeable(page)
    parts = {name: granted[name] for name in ("access_token", "refresh_token", "expires_in", "api_domain")}
    return granted, stored, Grant(**parts, scopes=tuple(granted["scopes"]))


def _exchange(page: PageRequest, conn_id: str, code: str, uri: str, attempt: str) -> Response:
    """Exchange a code and lead on to the page that tells of it.

    :raises PipedriveError: no tokens came
    """
    return _report(page, conn_id, authorization.connect(store.find(conn_id), code, uri, attempt))


def _report(page: PageRequest, conn_id: str, before: AuthorizationStatus) -> Response:
    """Lead on to the page that reports a new authorization."""
    log.info("User %s connected %s to a Pipedrive account", page.user_id, conn_id)
    status = AuthorizationStatus.of(store.find(conn_id).extra)
    changed = before.company_id and status.company_id and before.company_id != status.company_id
    text = f"Before, it belonged to another company: {before.company}." if changed else ""
    return page.redirect(f"connected?conn_id={quote(conn_id, safe='')}", text)


def connected(page: PageRequest) -> Response:
    """Say whom a connection is connected to now."""
    conn_id = page.query.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    return page.render("connected.html", it=_shown(page, store.find(conn_id)))


# ---- disconnecting


def ask_disconnect(page: PageRequest) -> Response:
    """Say what disconnecting does, before it is done."""
    conn_id = page.query.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    return page.render("disconnect.html", it=_shown(page, store.find(conn_id)))


def disconnect(page: PageRequest) -> Response:
    """Give an authorization back."""
    stored = _changeable(page)
    try:
        authorization.disconnect(stored)
    except PipedriveError as error:
        return page.redirect("page", f"{stored.conn_id} is still connected. {error}")
    log.info("User %s disconnected %s from Pipedrive", page.user_id, stored.conn_id)
    return page.redirect("page", f"{stored.conn_id} is disconnected: Pipedrive has ended the authorization.", good=True)


async def uninstalled(request: Request) -> Response:
    """Pipedrive tells that a user has uninstalled the app; the app's own id and secret prove that it is Pipedrive.

    Whoever does not know them is refused before anything is read, of the request or of the connections.

    https://pipedrive.readme.io/docs/app-uninstallation
    """
    request.scope["query_string"] = b""
    page = PageRequest.of_nobody(request)
    given = basic_credentials(request)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LONGEST_BODY:
        return page.finish(Response(status_code=413, headers={"Connection": "close"}))
    conn_ids = await webhooks.endpoints.ask(webhooks.endpoints.connections_of_app, given) if b":" in given else []
    if not conn_ids:
        headers = {"WWW-Authenticate": 'Basic realm="Pipedrive app"', "Connection": "close"}
        return page.finish(Response(status_code=401, headers=headers))
    try:
        body = await body_of(request)
    except ClientDisconnect:  # nobody is there to read an answer
        return Response(status_code=408)
    return page.finish(await run_in_threadpool(_note_uninstalled, conn_ids, given, body or b""))


def _note_uninstalled(conn_ids: list[str], given: bytes, body: bytes) -> Response:
    try:
        payload: Any = json.loads(body)
        company_id, user_id = payload["company_id"], payload["user_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Response(status_code=400)
    # What was known of them may be a few seconds old.
    theirs = [stored for stored in map(store.find, conn_ids) if stored.source == "database" and _is_app(stored, given)]
    for stored in theirs:
        if authorization.uninstalled(stored, company_id, user_id, alone=len(theirs) == 1):
            log.warning("The Pipedrive app of connection %s was uninstalled by its user", stored.conn_id)
    return Response(status_code=204)


def _is_app(stored: StoredConnection, given: bytes) -> bool:
    login, password = (None, None) if stored.unreadable else (stored.connection.login, stored.connection.password)
    same = hmac.compare_digest(f"{trimmed(login)}:{trimmed(password)}".encode(), given)
    return same and bool(login and password)


# ---- parts


def _changeable(page: PageRequest) -> StoredConnection:
    """The stored connection that a form is about.

    :raises StopError: the user may not change it, or it is not stored in the database
    """
    conn_id = page.form.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    stored = store.find(conn_id)
    if stored.source != "database":
        raise StopError(
            409,
            f"{conn_id} is not changed from here",
            f"{_elsewhere(stored)} Get a new value by {own_command('connect --print json')}, and put it there.",
        )
    return stored


def _candidates(page: PageRequest) -> list[StoredConnection]:
    return [
        stored
        for stored in store.all_connections()
        if stored.source == "database"
        and not stored.unreadable
        and stored.connection.login
        and access.may_edit(page.user, stored.conn_id)
    ]


def _held(page: PageRequest) -> dict[str, Any]:
    """The code that waits in this browser.

    :raises StopError: none does, or no longer
    """
    held = unseal("code", page.request.cookies.get(_HELD), CODE_LIFE)
    if held is None:
        page.drop(_HELD)
        raise StopError(
            410,
            "The installation has to begin again",
            f"A code of Pipedrive's is good for {CODE_LIFE // 60} minutes, and there is none in this browser now. "
            "Press Install in Pipedrive's Marketplace again, or Connect on the Pipedrive page of Airflow.",
        )
    return held


def _refusal(error: str) -> str:
    if error == "user_denied":
        return "Access was denied on Pipedrive's consent page. Nothing was changed. Press Connect to try again."
    return "Pipedrive's consent page failed. Nothing was changed. Press Connect to try again."


def _must_come_back(page: PageRequest, uri: str) -> None:
    """Stop where the state's cookie would stay behind: the browser must have come by the host that it returns to.

    :raises StopError: it has not
    """
    origin = page.request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc.lower() != urlsplit(addresses.origin_of_url(uri)).netloc:
        back = addresses.origin_of_url(uri)
        raise StopError(
            409,
            "Open Airflow by its other address",
            f"Pipedrive will send the browser to {back}, but you opened Airflow at {origin}. Open it at {back} and "
            "press Connect there, or change the redirect URI.",
        )


def _default_redirect_uri(page: PageRequest) -> tuple[str, str]:
    """The redirect URI for connections without one of their own, or why there is none."""
    try:
        return addresses.redirect_uri(page.request, {}), ""
    except PipedriveParameterError as error:
        return "", str(error)


def _callback_path(uri: str) -> str:
    return urlsplit(uri).path or "/"


def _state_cookie(state: str) -> str:
    """A cookie for each attempt: two tabs don't disturb one another."""
    return f"pipedrive_state_{_digest(state)[:16]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _elsewhere(stored: StoredConnection) -> str:
    """Where a connection is that is not in the database; empty where it is."""
    if stored.source == "environment":
        return (
            f"Set by the environment variable AIRFLOW_CONN_{stored.conn_id.upper()}, which comes before the database."
        )
    if stored.source == "backend":
        return f"Kept in the secrets backend {store.backend_name()}, which comes before the database."
    return ""


def _shown(page: PageRequest, stored: StoredConnection) -> dict[str, Any]:
    """What the pages tell of a connection. No secret gets this far."""
    extra, status = stored.extra, AuthorizationStatus.of(stored.extra)
    expires = status.expires
    state = status.state
    if extra.get("api_token"):
        state = "api_token"
    elif not (extra.get("refresh_token") or extra.get("access_token")):
        state = "disconnected" if status.state == "disconnected" else ""
    elif status.state == "connected" and expires is not None and expires <= now():
        state = "expired"
    elif not status.state:
        state = "unchecked"
    return {
        "conn_id": stored.conn_id,
        "source": stored.source,
        "unreadable": stored.unreadable,
        "elsewhere": _elsewhere(stored),
        "state": state,
        "user": status.user,
        "company": status.company,
        "scopes": status.scopes,
        "checked": _day(status.checked),
        "expires": f"{expires:%Y-%m-%d}" if expires else "",
        "has_app": bool(not stored.unreadable and stored.connection.login and stored.connection.password),
        "has_tokens": any(extra.get(name) for name in ("refresh_token", "access_token")),
        "redirect_uri": str(extra.get("redirect_uri") or ""),
        "testing": access.testing(),
        "approval": bool(approvals.missing(stored)),
        "in_use": state not in _FREE,
    }


def _day(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return ""
