"""Who is there, and what they may do: Airflow's own sign-in and permissions."""

from __future__ import annotations

from typing import Any, Literal
from urllib.parse import urlencode

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.base_auth_manager import COOKIE_NAME_JWT_TOKEN
from airflow.api_fastapi.auth.managers.models.resource_details import ConnectionDetails
from airflow.api_fastapi.core_api.security import resolve_user_from_token
from airflow.configuration import conf
from airflow.models import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request


async def user_of(request: Request) -> Any:
    """The signed-in user, or ``None``."""
    try:
        return await resolve_user_from_token(request.cookies.get(COOKIE_NAME_JWT_TOKEN))
    except HTTPException:  # no token, an expired or a forged one: a guest
        return None


def login_path(next_path: str) -> str:
    """Airflow's login page, which leads on to one of our pages."""
    address = str(get_auth_manager().get_url_login(next_url=next_path))
    if "next=" in address:
        return address
    # Airflow 3.1's managers leave it out, and Airflow's own routes add it just so.
    return f"{address}{'&' if '?' in address else '?'}{urlencode({'next': next_path})}"


def may_edit(user: Any, conn_id: str | None = None, method: Literal["PUT", "POST"] = "PUT", team: str = "") -> bool:
    """Whether the user may change (``PUT``) or make (``POST``) this connection; without one: connections at all.

    :param team: whose own it is, where the database does not know it
    """
    if conn_id is None:
        return bool(get_auth_manager().is_authorized_connection(method=method, user=user))
    details = ConnectionDetails(conn_id=conn_id)
    if conf.getboolean("core", "multi_team", fallback=False):
        details = ConnectionDetails(conn_id=conn_id, team_name=team or Connection.get_team_name(conn_id))
    return bool(get_auth_manager().is_authorized_connection(method=method, details=details, user=user))


def testing() -> str:
    """Whether connections may be tested, as Airflow's own Test button takes it: ``enabled``, else ``disabled`` (the
    button is there and does nothing) or ``hidden``."""
    return str(conf.get("core", "test_connection", fallback="Disabled")).strip().lower()
