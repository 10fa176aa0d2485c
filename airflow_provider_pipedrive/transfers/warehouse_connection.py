"""The destination of a load, with the credentials of an Airflow connection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse import Destination

_LIBPQ = (
    *("ssl", "gss", "krb", "channel_binding", "requirepeer", "keepalives", "tcp_user_timeout", "connect_timeout"),
    *("application_name", "options", "target_session_attrs", "service", "passfile"),
)
"""How the connection parameters of Postgres begin that an Airflow connection may have as extra.
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS"""


def check_connection_id(conn_id: Any) -> None:
    """Find an Airflow connection id that is none.

    :raises PipedriveParameterError: it is none
    """
    if conn_id is not None and not isinstance(conn_id, str):
        raise PipedriveParameterError(
            "destination_conn_id must be the id of an Airflow connection, such as 'warehouse', not "
            f"{type(conn_id).__name__}. The credentials themselves belong in that connection."
        )


def destination_of(name: str, conn_id: str | None) -> Destination:
    """dlt's destination of that name, with the credentials of an Airflow connection.

    :param conn_id: the connection; None where dlt finds the credentials in its own configuration
    """
    from airflow_provider_pipedrive.warehouse import Destination
    from airflow_provider_pipedrive.warehouse.destination import SQLALCHEMY_NAMES

    if not conn_id:
        return Destination(name)
    connection = BaseHook.get_connection(conn_id)
    parts = {
        "host": connection.host,
        "port": connection.port,
        "username": connection.login,
        "password": connection.password,
        "database": connection.schema,
    }
    if name == "sqlalchemy" and connection.conn_type in SQLALCHEMY_NAMES:
        parts["drivername"] = "mysql+pymysql"
    given = {part: value for part, value in parts.items() if value not in (None, "")}
    return Destination(name, {**given, **_extra(name, connection.extra_dejson)})


def _extra(destination: str, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What a connection has besides host and login, where dlt looks for it."""
    if destination not in ("postgres", "redshift"):
        return dict(extra)
    # dlt passes over what it does not know: without this, sslmode would be ignored in silence.
    libpq = {name: value for name, value in extra.items() if name.startswith(_LIBPQ)}
    return {"query": libpq} if libpq else {}
