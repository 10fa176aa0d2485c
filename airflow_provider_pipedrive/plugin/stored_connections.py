"""The stored connection that a page is about: who may change it, and what the page shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from airflow_provider_pipedrive.accounts import approvals, store
from airflow_provider_pipedrive.accounts.status import AuthorizationStatus, now
from airflow_provider_pipedrive.accounts.store import StoredConnection
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.plugin import access
from airflow_provider_pipedrive.plugin.web import PageRequest, log, require, stop

FREE: Final = ("", "disconnected", "revoked", "expired")
"""States of connections that nothing uses."""


def changeable(page: PageRequest) -> StoredConnection:
    """The stored connection that a form is about.

    Stops where the user may not change it, or it is not stored in the database.
    """
    conn_id = page.form.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    stored = store.find(conn_id)
    if stored.source != "database":
        stop(
            409,
            f"{conn_id} is not changed from here",
            f"{elsewhere(stored)} Get a new value by {own_command('connect --print json')}, and put it there.",
        )
    return stored


def connected_response(page: PageRequest, conn_id: str, before: AuthorizationStatus) -> Response:
    """Lead on to the page that reports a new authorization."""
    log.info("User %s connected %s to a Pipedrive account", page.user_id, conn_id)
    status = AuthorizationStatus.of(store.find(conn_id).extra)
    changed = before.company_id and status.company_id and before.company_id != status.company_id
    text = f"Before, it belonged to another company: {before.company}." if changed else ""
    return page.redirect(f"connected?conn_id={quote(conn_id, safe='')}", text)


def shown(page: PageRequest, stored: StoredConnection) -> dict[str, Any]:
    """What the pages show of a connection. No secret gets this far."""
    extra, status = stored.extra, AuthorizationStatus.of(stored.extra)
    expires = status.expires
    state = _state(extra, status)
    return {
        "conn_id": stored.conn_id,
        "source": stored.source,
        "team": stored.team,
        "unreadable": stored.unreadable,
        "elsewhere": elsewhere(stored),
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
        "in_use": state not in FREE,
    }


def elsewhere(stored: StoredConnection) -> str:
    """Where a connection is that is not in the database; empty where it is."""
    if stored.source == "environment":
        variable = store.variable_of(stored.conn_id, stored.team)
        return f"Set by the environment variable {variable}, which comes before the database."
    if stored.source == "backend":
        return f"Kept in the secrets backend {store.backend_name()}, which comes before the database."
    return ""


def _state(extra: Mapping[str, Any], status: AuthorizationStatus) -> str:
    """What the page says first of a connection: its own word for where the authorization is."""
    if extra.get("api_token"):
        return "api_token"
    if not (extra.get("refresh_token") or extra.get("access_token")):
        return "disconnected" if status.state == "disconnected" else ""
    if status.state == "connected" and status.expires is not None and status.expires <= now():
        return "expired"
    return status.state or "unchecked"


def _day(time: str) -> str:
    try:
        return f"{datetime.fromisoformat(time):%Y-%m-%d %H:%M} UTC"
    except ValueError:
        return ""
