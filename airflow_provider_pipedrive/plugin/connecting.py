"""From Connect to the consent page, and from there back with a code.

``connect`` sends the browser to Pipedrive with a random state, which the browser also keeps, sealed. ``callback`` takes
the code of an answer with that state and exchanges it.

https://pipedrive.readme.io/docs/app-installation-flows
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

from starlette.responses import Response

from airflow_provider_pipedrive.accounts import approvals, authorization, store
from airflow_provider_pipedrive.accounts.oauth import authorize_url, new_state
from airflow_provider_pipedrive.client.settings import HEADER_SAFE
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.plugin import access, addresses, marketplace
from airflow_provider_pipedrive.plugin.sealed_cookies import seal, unseal
from airflow_provider_pipedrive.plugin.stored_connections import changeable, connected_response, shown
from airflow_provider_pipedrive.plugin.web import PageRequest, require, stop

STATE_SECONDS = 600
"""How long someone may take on Pipedrive's consent page."""
_LONGEST_CODE = 2048


def connect(page: PageRequest) -> Response:
    """Send the browser to Pipedrive's consent page."""
    stored = changeable(page)
    try:
        approvals.must_be_approved(stored, "client_secret")
    except PipedriveParameterError as error:
        return page.redirect("page", str(error))
    uri = addresses.redirect_uri(page.request, stored.extra)
    _must_come_back(page, uri)
    state = new_state()
    sealed = seal("state", {"state": state, "conn_id": stored.conn_id, "user": page.user_id, "redirect_uri": uri})
    page.set_cookie(_state_cookie(state), sealed, STATE_SECONDS, _callback_path(uri))
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
        stop(400, "Not understood", "This is not a code of Pipedrive's.")
    if state:
        return _answered(page, code, state, error)
    if code:
        return marketplace.hold(page, code)
    return page.redirect("page", _refusal(error) if error else "Pipedrive sent no code. Press Connect to try again.")


def _answered(page: PageRequest, code: str, state: str, error: str) -> Response:
    """The answer to an attempt that began here."""
    cookie = _state_cookie(state)
    begun = unseal("state", page.request.cookies.get(cookie), STATE_SECONDS)
    if begun is None or not hmac.compare_digest(str(begun["state"]).encode(), state.encode()):
        stop(
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
        stop(403, "Not connected", "Someone else signed in meanwhile. Press Connect again.")
    require(access.may_edit(page.user, conn_id))
    if error or not code:
        return page.redirect("page", f"{conn_id}: {_refusal(error)}")
    try:
        before = authorization.connect(store.find(conn_id), code, str(begun["redirect_uri"]), _digest(state))
    except PipedriveError as error:
        return page.redirect("page", f"{conn_id} is not connected. {error}")
    return connected_response(page, conn_id, before)


def connected(page: PageRequest) -> Response:
    """Say whom a connection is connected to now."""
    conn_id = page.query.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    return page.render("connected.html", it=shown(page, store.find(conn_id)))


def _refusal(error: str) -> str:
    if error == "user_denied":
        return "Access was denied on Pipedrive's consent page. Nothing was changed. Press Connect to try again."
    return "Pipedrive's consent page failed. Nothing was changed. Press Connect to try again."


def _must_come_back(page: PageRequest, uri: str) -> None:
    """Stop where the state's cookie would stay behind: the browser must have come by the host that it returns to."""
    origin = page.request.headers.get("origin", "")
    if origin and urlsplit(origin).netloc.lower() != urlsplit(addresses.origin_of_url(uri)).netloc:
        back = addresses.origin_of_url(uri)
        stop(
            409,
            "Open Airflow by its other address",
            f"Pipedrive will send the browser to {back}, but you opened Airflow at {origin}. Open it at {back} and "
            "press Connect there, or change the redirect URI.",
        )


def _callback_path(uri: str) -> str:
    return urlsplit(uri).path or "/"


def _state_cookie(state: str) -> str:
    """A cookie for each attempt: two tabs don't disturb one another."""
    return f"pipedrive_state_{_digest(state)[:16]}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
