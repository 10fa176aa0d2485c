"""The end of an authorization: given back here, or by its user in Pipedrive."""

from __future__ import annotations

import hmac
import json
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.accounts.store import StoredConnection
from airflow_provider_pipedrive.client.settings import trimmed
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.plugin import access, webhooks
from airflow_provider_pipedrive.plugin.stored_connections import changeable, shown
from airflow_provider_pipedrive.plugin.web import (
    LONGEST_BODY,
    PageRequest,
    basic_credentials,
    body_of,
    log,
    require,
)


def ask_disconnect(page: PageRequest) -> Response:
    """Say what disconnecting does, before it is done."""
    conn_id = page.query.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    return page.render("disconnect.html", it=shown(page, store.find(conn_id)))


def disconnect(page: PageRequest) -> Response:
    """Give an authorization back."""
    stored = changeable(page)
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
