"""The routes.

The way of a code: ``connect`` sends the browser to Pipedrive with a random state, which the browser also keeps,
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

from airflow_provider_pipedrive.accounts import approvals, store
from airflow_provider_pipedrive.accounts import authorization as accounts
from airflow_provider_pipedrive.accounts.approvals import watch_connections
from airflow_provider_pipedrive.accounts.approved_routes import Way
from airflow_provider_pipedrive.accounts.oauth import CODE_LIFE, Grant, authorize_url, new_state
from airflow_provider_pipedrive.accounts.status import Memory
from airflow_provider_pipedrive.accounts.store import Known
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, trimmed
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.plugin import access, addresses, webhooks
from airflow_provider_pipedrive.plugin.sealed_cookies import now, seal, unseal
from airflow_provider_pipedrive.plugin.web import (
    LONGEST_BODY,
    StopError,
    Visit,
    basic_credentials,
    body_of,
    demand,
    for_editors,
    log,
    open_to_all,
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
        Route("/page", for_editors(overview), methods=["GET"]),
        Route("/create", for_editors(create), methods=["POST"]),
        Route("/connect", for_editors(connect), methods=["POST"]),
        Route("/test", for_editors(test), methods=["POST"]),
        Route("/approve", for_editors(ask_approval), methods=["GET"]),
        Route("/approve", for_editors(approve), methods=["POST"]),
        Route("/disconnect", for_editors(ask_disconnect), methods=["GET"]),
        Route("/disconnect", for_editors(disconnect), methods=["POST"]),
        Route("/connected", for_editors(connected), methods=["GET"]),
        Route("/finish", for_editors(choose), methods=["GET"]),
        Route("/finish", for_editors(finish), methods=["POST"]),
        Route("/confirm", for_editors(confirm), methods=["GET"]),
        Route("/confirm", for_editors(confirmed), methods=["POST"]),
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


def overview(visit: Visit) -> Response:
    """All connections with their states."""
    uri, unknown = _default_redirect_uri(visit)
    return visit.page(
        "overview.html",
        connections=[_shown(visit, known) for known in store.all_known() if access.may_edit(visit.user, known.conn_id)],
        redirect_uri=uri,
        redirect_uri_unknown=unknown,
        may_create=access.may_edit(visit.user, method="POST"),
        backend=store.backend_name(),
        encrypted=store.is_encrypted(),
        command=own_command,
        testing=access.testing(),
    )


def create(visit: Visit) -> Response:
    """Store a new connection."""
    conn_id = visit.form.get("conn_id", "")
    demand(access.may_edit(visit.user, conn_id, "POST"))
    try:
        store.create(
            conn_id,
            visit.form.get("client_id", ""),
            visit.form.get("client_secret", ""),
            visit.form.get("redirect_uri", ""),
        )
    except PipedriveParameterError as error:
        return visit.go("page", f"Not created. {error}")
    return visit.go(
        "page", f"Created {conn_id!r}. Register the redirect URI with the app, then press Connect.", good=True
    )


def test(visit: Visit) -> Response:
    """Ask Pipedrive whose a connection is, where Airflow's configuration lets connections be tested."""
    conn_id = visit.form.get("conn_id", "")
    demand(access.may_edit(visit.user, conn_id))
    if access.testing() != "enabled":
        raise StopError(
            403,
            "Connections are not tested here",
            "Airflow's setting [core] test_connection decides that, and is not Enabled. Ask an Airflow administrator, "
            f"or use `{own_command('check')}` in the shell.",
        )
    try:
        whose = accounts.test(store.find(conn_id))
    except PipedriveError as error:
        return visit.go("page", f"{conn_id}: {error}")
    return visit.go("page", f"{conn_id} works: connected as {whose}.", good=True)


def ask_approval(visit: Visit) -> Response:
    """Show which way a connection leads, and ask for the secrets that would take it."""
    conn_id = visit.query.get("conn_id", "")
    demand(access.may_edit(visit.user, conn_id))
    known = store.find(conn_id)
    missing = approvals.missing(known)
    if not missing:
        return visit.go("page", f"{conn_id} needs no approval.", good=True)
    way = Way.of(known.connection, known.extra)
    return visit.page("approve.html", it=_shown(visit, known), missing=missing, way=way)


def approve(visit: Visit) -> Response:
    """Let a connection's secrets take its way, for someone who knows them."""
    known = _changeable(visit)
    try:
        approvals.approve(known, visit.form)
    except PipedriveParameterError as error:
        return visit.go("page", f"{known.conn_id}: {error}")
    log.info("User %s approved the way of connection %s", visit.user_id, known.conn_id)
    return visit.go("page", f"{known.conn_id} may be used from this page as it is now.", good=True)


# ---- connecting


def connect(visit: Visit) -> Response:
    """Send the browser to Pipedrive's consent page."""
    known = _changeable(visit)
    try:
        approvals.must_be_approved(known, "client_secret")
    except PipedriveParameterError as error:
        return visit.go("page", str(error))
    uri = addresses.redirect_uri(visit.request, known.extra)
    _must_come_back(visit, uri)
    state = new_state()
    sealed = seal("state", {"state": state, "conn_id": known.conn_id, "user": visit.user_id, "redirect_uri": uri})
    visit.keep(_state_cookie(state), sealed, STATE_SECONDS, _callback_path(uri))
    # A page that leads on, no redirect: `form-action` would have to name every host that Pipedrive's login leads over.
    return visit.page(
        "redirect.html",
        address=authorize_url(accounts.app_of(known), uri, state),
        conn_id=known.conn_id,
        redirect_uri=uri,
    )


def callback(visit: Visit) -> Response:
    """Take what Pipedrive sends the browser back with, and lead on at once to an address without it."""
    code, state, error = (visit.query.get(name, "") for name in ("code", "state", "error"))
    if len(code) > _LONGEST_CODE or len(state) > _LONGEST_CODE or (code and not HEADER_SAFE.fullmatch(code)):
        raise StopError(400, "Not understood", "This is no code of Pipedrive's.")
    if state:
        return _answered(visit, code, state, error)
    if code:
        held = {"code": code, "attempt": _digest(new_state())}
        visit.keep(_HELD, seal("code", held), CODE_LIFE)
        return visit.go("finish")
    return visit.go("page", _refusal(error) if error else "Pipedrive sent no code. Press Connect to try again.")


def _answered(visit: Visit, code: str, state: str, error: str) -> Response:
    """The answer to an attempt that began here."""
    cookie = _state_cookie(state)
    begun = unseal("state", visit.request.cookies.get(cookie), STATE_SECONDS)
    if begun is None or not hmac.compare_digest(str(begun["state"]).encode(), state.encode()):
        raise StopError(
            400,
            "Not connected",
            "This answer does not belong to an attempt that was begun in this browser in the last "
            f"{STATE_SECONDS // 60} minutes, or has been used already. Nothing was changed. Press Connect again.",
        )
    visit.drop(cookie, _callback_path(begun["redirect_uri"]))
    conn_id = str(begun["conn_id"])
    if visit.user is None:
        return visit.go("page", f"{conn_id} is not connected: your session had ended meanwhile. Press Connect again.")
    if begun["user"] != visit.user_id:
        raise StopError(403, "Not connected", "Someone else signed in meanwhile. Press Connect again.")
    demand(access.may_edit(visit.user, conn_id))
    if error or not code:
        return visit.go("page", f"{conn_id}: {_refusal(error)}")
    try:
        return _exchange(visit, conn_id, code, str(begun["redirect_uri"]), _digest(state))
    except PipedriveError as error:
        return visit.go("page", f"{conn_id} is not connected. {error}")


def choose(visit: Visit) -> Response:
    """Ask which connection a code from the Marketplace is for."""
    held = _held(visit)
    return visit.page(
        "finish.html",
        connections=[_shown(visit, known) for known in _candidates(visit)],
        minutes=CODE_LIFE // 60,
        may_create=access.may_edit(visit.user, method="POST"),
        attempt=held["attempt"],
    )


def finish(visit: Visit) -> Response:
    """Exchange a code from the Marketplace, for the connection that was chosen. Nothing is stored yet."""
    held = _held(visit)
    _must_be_about(visit, held["attempt"])
    if not visit.form.get("conn_id"):
        if not visit.form.get("new_conn_id"):
            return visit.go("finish", "Choose a connection.")
        visit.form["conn_id"] = visit.form["new_conn_id"]
        demand(access.may_edit(visit.user, visit.form["conn_id"], "POST"))
        try:
            store.create(visit.form["conn_id"], visit.form.get("client_id", ""), visit.form.get("client_secret", ""))
        except PipedriveParameterError as error:
            return visit.go("finish", f"Not created. {error}")
    known = _changeable(visit)
    try:
        uri = addresses.redirect_uri(visit.request, known.extra)
        grant = accounts.granted(known, held["code"], uri, held["attempt"])
    except PipedriveAuthError as error:
        # Where the app was refused, not the code, another connection may be the right one.
        over = accounts.is_over(error)
        if over:
            visit.drop(_HELD)
        return visit.go("page" if over else "finish", f"{known.conn_id} is not connected. {error}")
    visit.drop(_HELD)
    granted = asdict(grant) | {"conn_id": known.conn_id, "attempt": held["attempt"], "user": visit.user_id}
    visit.keep(_GRANTED, seal("grant", granted), STATE_SECONDS)
    return visit.go("confirm")


def confirm(visit: Visit) -> Response:
    """Say whose account it is, and what it would replace, before anything is stored."""
    granted, known, grant = _granted(visit)
    whose = accounts.owner(known, grant)
    about = {"attempt": granted["attempt"], "whose": asdict(whose)}
    return visit.page("confirm.html", it=_shown(visit, known), whose=whose, about=about)


def confirmed(visit: Visit) -> Response:
    """Store what the Marketplace's code was good for, now that its account was shown and accepted."""
    granted, known, grant = _granted(visit)
    whose = _must_be_about(visit, granted["attempt"])["whose"]
    if _shown(visit, known)["state"] not in _FREE and visit.form.get("replace") != "yes":
        return visit.go("confirm", f"{known.conn_id} is in use: tick the box to replace its account.")
    before = Memory.of(known.extra)
    accounts.keep(known, grant, accounts.Whose(**whose))
    visit.drop(_GRANTED)
    return _told_of(visit, known.conn_id, before)


def _must_be_about(visit: Visit, attempt: str) -> dict[str, Any]:
    """What a form was shown for, if that is the installation that waits in this browser now.

    :raises StopError: another one has come meanwhile
    """
    about = visit.form_about
    if not hmac.compare_digest(str(about.get("attempt")).encode(), attempt.encode()):
        raise StopError(
            409,
            "Another installation has come meanwhile",
            "This form was shown for another installation than the one that waits in this browser now. Nothing was "
            "changed. If you yourself have just installed the app, open the page again: " + f"{visit.root}/finish",
        )
    return about


def _granted(visit: Visit) -> tuple[dict[str, Any], Known, Grant]:
    """The tokens that wait in this browser for a confirmation, and the connection they are for.

    :raises StopError: none do, or no longer
    """
    granted = unseal("grant", visit.request.cookies.get(_GRANTED), STATE_SECONDS)
    if granted is None or granted["user"] != visit.user_id:
        visit.drop(_GRANTED)
        raise StopError(410, "The installation has to begin again", "Nothing waits in this browser to be confirmed.")
    visit.form["conn_id"] = granted["conn_id"]
    known = _changeable(visit)
    parts = {name: granted[name] for name in ("access_token", "refresh_token", "expires_in", "api_domain")}
    return granted, known, Grant(**parts, scopes=tuple(granted["scopes"]))


def _exchange(visit: Visit, conn_id: str, code: str, uri: str, attempt: str) -> Response:
    """Exchange a code and lead on to the page that tells of it.

    :raises PipedriveError: no tokens came
    """
    return _told_of(visit, conn_id, accounts.connect(store.find(conn_id), code, uri, attempt))


def _told_of(visit: Visit, conn_id: str, before: Memory) -> Response:
    """Lead on to the page that reports a new authorization."""
    log.info("User %s connected %s to a Pipedrive account", visit.user_id, conn_id)
    memory = Memory.of(store.find(conn_id).extra)
    changed = before.company_id and memory.company_id and before.company_id != memory.company_id
    text = f"Before, it belonged to another company: {before.company}." if changed else ""
    return visit.go(f"connected?conn_id={quote(conn_id, safe='')}", text)


def connected(visit: Visit) -> Response:
    """Say whom a connection is connected to now."""
    conn_id = visit.query.get("conn_id", "")
    demand(access.may_edit(visit.user, conn_id))
    return visit.page("connected.html", it=_shown(visit, store.find(conn_id)))


# ---- disconnecting


def ask_disconnect(visit: Visit) -> Response:
    """Say what disconnecting does, before it is done."""
    conn_id = visit.query.get("conn_id", "")
    demand(access.may_edit(visit.user, conn_id))
    return visit.page("disconnect.html", it=_shown(visit, store.find(conn_id)))


def disconnect(visit: Visit) -> Response:
    """Give an authorization back."""
    known = _changeable(visit)
    try:
        accounts.disconnect(known)
    except PipedriveError as error:
        return visit.go("page", f"{known.conn_id} is still connected. {error}")
    log.info("User %s disconnected %s from Pipedrive", visit.user_id, known.conn_id)
    return visit.go("page", f"{known.conn_id} is disconnected: Pipedrive has ended the authorization.", good=True)


async def uninstalled(request: Request) -> Response:
    """Pipedrive tells that a user has uninstalled the app; the app's own id and secret prove that it is Pipedrive.

    Whoever does not know them is refused before anything is read, of the request or of the connections.

    https://pipedrive.readme.io/docs/app-uninstallation
    """
    request.scope["query_string"] = b""
    visit = Visit.of_nobody(request)
    given = basic_credentials(request)
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LONGEST_BODY:
        return visit.finish(Response(status_code=413, headers={"Connection": "close"}))
    conn_ids = await webhooks.doors.heard(webhooks.doors.of_app, given) if b":" in given else []
    if not conn_ids:
        headers = {"WWW-Authenticate": 'Basic realm="Pipedrive app"', "Connection": "close"}
        return visit.finish(Response(status_code=401, headers=headers))
    try:
        body = await body_of(request)
    except ClientDisconnect:  # nobody is there to read an answer
        return Response(status_code=408)
    return visit.finish(await run_in_threadpool(_note_uninstalled, conn_ids, given, body or b""))


def _note_uninstalled(conn_ids: list[str], given: bytes, body: bytes) -> Response:
    try:
        told: Any = json.loads(body)
        company_id, user_id = told["company_id"], told["user_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Response(status_code=400)
    # What was known of them may be a few seconds old.
    stored = [known for known in map(store.find, conn_ids) if known.source == "database" and _is_app(known, given)]
    for known in stored:
        if accounts.uninstalled(known, company_id, user_id, alone=len(stored) == 1):
            log.warning("The Pipedrive app of connection %s was uninstalled by its user", known.conn_id)
    return Response(status_code=204)


def _is_app(known: Known, given: bytes) -> bool:
    login, password = (None, None) if known.unreadable else (known.connection.login, known.connection.password)
    same = hmac.compare_digest(f"{trimmed(login)}:{trimmed(password)}".encode(), given)
    return same and bool(login and password)


# ---- parts


def _changeable(visit: Visit) -> Known:
    """The stored connection that a form is about.

    :raises StopError: the user may not change it, or it is not stored in the database
    """
    conn_id = visit.form.get("conn_id", "")
    demand(access.may_edit(visit.user, conn_id))
    known = store.find(conn_id)
    if known.source != "database":
        raise StopError(
            409,
            f"{conn_id} is not changed from here",
            f"{_elsewhere(known)} Get a new value by {own_command('connect --print json')}, and put it there.",
        )
    return known


def _candidates(visit: Visit) -> list[Known]:
    return [
        known
        for known in store.all_known()
        if known.source == "database"
        and not known.unreadable
        and known.connection.login
        and access.may_edit(visit.user, known.conn_id)
    ]


def _held(visit: Visit) -> dict[str, Any]:
    """The code that waits in this browser.

    :raises StopError: none does, or no longer
    """
    held = unseal("code", visit.request.cookies.get(_HELD), CODE_LIFE)
    if held is None:
        visit.drop(_HELD)
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


def _must_come_back(visit: Visit, uri: str) -> None:
    """Stop where the state's cookie would stay behind: the browser must have come by the host that it returns to.

    :raises StopError: it has not
    """
    origin = visit.request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc.lower() != urlsplit(addresses.origin_of_url(uri)).netloc:
        back = addresses.origin_of_url(uri)
        raise StopError(
            409,
            "Open Airflow by its other address",
            f"Pipedrive will send the browser to {back}, but you opened Airflow at {origin}. Open it at {back} and "
            "press Connect there, or change the redirect URI.",
        )


def _default_redirect_uri(visit: Visit) -> tuple[str, str]:
    """The redirect URI for connections without one of their own, or why there is none."""
    try:
        return addresses.redirect_uri(visit.request, {}), ""
    except PipedriveParameterError as error:
        return "", str(error)


def _callback_path(uri: str) -> str:
    return urlsplit(uri).path or "/"


def _state_cookie(state: str) -> str:
    """A cookie for each attempt: two tabs don't disturb one another."""
    return f"pipedrive_state_{_digest(state)[:16]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _elsewhere(known: Known) -> str:
    """Where a connection is that is not in the database; empty where it is."""
    if known.source == "environment":
        return f"Set by the environment variable AIRFLOW_CONN_{known.conn_id.upper()}, which comes before the database."
    if known.source == "backend":
        return f"Kept in the secrets backend {store.backend_name()}, which comes before the database."
    return ""


def _shown(visit: Visit, known: Known) -> dict[str, Any]:
    """What the pages tell of a connection. No secret gets this far."""
    extra, memory = known.extra, Memory.of(known.extra)
    expires = memory.expires
    state = memory.state
    if extra.get("api_token"):
        state = "api_token"
    elif not (extra.get("refresh_token") or extra.get("access_token")):
        state = "disconnected" if memory.state == "disconnected" else ""
    elif memory.state == "connected" and expires is not None and expires <= now():
        state = "expired"
    elif not memory.state:
        state = "unchecked"
    return {
        "conn_id": known.conn_id,
        "source": known.source,
        "unreadable": known.unreadable,
        "elsewhere": _elsewhere(known),
        "state": state,
        "user": memory.user,
        "company": memory.company,
        "scopes": memory.scopes,
        "checked": _day(memory.checked),
        "expires": f"{expires:%Y-%m-%d}" if expires else "",
        "has_app": bool(not known.unreadable and known.connection.login and known.connection.password),
        "has_tokens": any(extra.get(name) for name in ("refresh_token", "access_token")),
        "redirect_uri": str(extra.get("redirect_uri") or ""),
        "testing": access.testing(),
        "approval": bool(approvals.missing(known)),
        "in_use": state not in _FREE,
    }


def _day(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return ""
