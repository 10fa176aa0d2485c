"""Airflow connections: found, saved, printed."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.accounts.status import AuthorizationStatus, forget_tokens, now, remember, stamp
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.cli.terminal import UsageError
from airflow_provider_pipedrive.client.hosts import OAUTH_ORIGIN
from airflow_provider_pipedrive.client.settings import OAuth
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError

if TYPE_CHECKING:
    from airflow.models import Connection
    from sqlalchemy.orm import Session

CONN_TYPE = "pipedrive"


class StoreError(PipedriveError):
    """Airflow's metadata database cannot be used from here, or already has something else under this name."""


@dataclass(frozen=True)
class Fields:
    """What a connection to an OAuth authorization consists of. A refresh token is enough: an access token would be
    stale within the hour.

    :param host: only where it is not to follow the company (a sandbox)
    """

    login: str
    password: str = field(repr=False)
    refresh_token: str = field(repr=False)
    oauth_host: str = OAUTH_ORIGIN
    host: str | None = None

    @classmethod
    def of(cls, app: OAuth, refresh_token: str, host: str | None) -> Fields:
        """The fields of an app's authorization."""
        return cls(app.client_id, app.client_secret, refresh_token, app.origin, host)

    def extra(self) -> dict[str, str]:
        """What goes into the connection's extra."""
        elsewhere = {} if self.oauth_host == OAUTH_ORIGIN else {"oauth_host": self.oauth_host}
        return {"refresh_token": self.refresh_token, **elsewhere}


def find(conn_id: str) -> Connection:
    """The connection, from wherever Airflow takes it.

    :raises PipedriveAuthError: there is none
    """
    from airflow.models import Connection
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    try:
        return Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        raise PipedriveAuthError(
            f"There is no Airflow connection {conn_id!r}. Make it with: " + own_command(f"connect --save {conn_id}")
        ) from None


def stored(conn_id: str) -> Connection | None:
    """The connection of the metadata database, or ``None``.

    :raises StoreError: the database cannot be read from here, or the connection there is of another type
    """
    with _database() as session:
        row = _row(session, conn_id)
        if row is not None:
            session.expunge(row)
        return row


def save(conn_id: str, fields: Fields) -> bool:
    """Save into the metadata database: a new connection, or the authorization of one that is there. What else it says
    (time limits, proxies, webhooks) stays.

    :returns: whether it is encrypted there
    :raises StoreError: the database cannot be written from here
    """

    def change(connection: Connection) -> None:
        connection.login, connection.host, connection.port = fields.login, fields.host, None
        connection.set_password(fields.password)
        kept = {
            name: value
            for name, value in connection.extra_dejson.items()
            if name not in ("api_token", "access_token", "oauth_host")
        }
        time = stamp(now())
        status = AuthorizationStatus(connected=time, renewed=time)  # of this authorization; whose it is, the page asks
        connection.set_extra(json.dumps(remember({**kept, **fields.extra()}, status)))

    return _change(conn_id, change)


def save_refresh_token(conn_id: str, refresh_token: str) -> None:
    """Replace the refresh token of a connection in the metadata database.

    :raises StoreError: the database cannot be written from here
    """

    def change(connection: Connection) -> None:
        connection.set_extra(json.dumps({**connection.extra_dejson, "refresh_token": refresh_token}))

    _change(conn_id, change)


def note_renewal(conn_id: str, refresh_token: str) -> None:
    """Remember in the metadata database that its idle days begin anew, if this is the token there.

    :raises StoreError: the database cannot be written from here
    """
    with _database() as session:
        connection = _row(session, conn_id)
        extra = connection.extra_dejson if connection else {}
        if connection is not None and extra.get("refresh_token") == refresh_token:
            status = AuthorizationStatus.of(extra)
            status = status.replace(renewed=stamp(now()), state="connected" if status.state else "")
            connection.set_extra(json.dumps(remember(extra, status)))


def forget_authorization(conn_id: str, credential: OAuth) -> bool:
    """Remove a revoked authorization's tokens from the metadata database, as the page's Disconnect does.

    :returns: whether they were there
    :raises StoreError: the database cannot be written from here
    """
    with _database() as session:
        connection = _row(session, conn_id)
        extra = connection.extra_dejson if connection else {}
        tokens = (extra.get("refresh_token") or None, extra.get("access_token") or None)
        theirs = tokens == (credential.refresh_token, credential.access_token)
        if connection is not None and theirs:
            connection.set_extra(json.dumps(forget_tokens(extra)))
        return theirs


def is_what_airflow_uses(conn_id: str, refresh_token: str) -> bool:
    """Whether Airflow finds this token under the name: environment variables and secrets backends come before the
    metadata database."""
    return bool(find(conn_id).extra_dejson.get("refresh_token") == refresh_token)


def variable(conn_id: str) -> str:
    """The environment variable that holds a connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


def line(conn_id: str, fields: dict[str, Any], form: str) -> str:
    """A connection as a line for a shell or an environment file, secrets included.

    :param fields: ``login``, ``password``, ``host``, ``extra``, as far as they are given
    :param form: ``json`` or ``uri``
    """
    given = {"conn_type": CONN_TYPE, **{name: value for name, value in fields.items() if value not in (None, "", {})}}
    value = json.dumps(given) if form == "json" else _uri(given)
    return f"{variable(conn_id)}={shlex.quote(value)}"


def checked_conn_id(conn_id: str) -> str:
    """The name, if Airflow takes it.

    :raises UsageError: it does not
    """
    if not re.fullmatch(r"[\w#!()\-.:/\\]{1,250}", conn_id, re.ASCII):
        raise UsageError(f"{conn_id!r} is not a valid connection id: use letters, digits, _ - . :")
    return conn_id


def _uri(given: dict[str, Any]) -> str:
    from airflow.models import Connection

    extra = given.get("extra")
    return str(Connection(**{**given, "extra": json.dumps(extra) if extra else None}).get_uri())


def _change(conn_id: str, change: Callable[[Connection], None]) -> bool:
    from airflow.models import Connection

    with _database() as session:
        connection = _row(session, conn_id)
        if connection is None:
            connection = Connection(conn_id=conn_id, conn_type=CONN_TYPE)
            session.add(connection)
        change(connection)
        return bool(connection.is_extra_encrypted)


def _row(session: Session, conn_id: str) -> Connection | None:
    from airflow.models import Connection
    from sqlalchemy import select

    row: Connection | None = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
    if row is not None and row.conn_type != CONN_TYPE:
        raise StoreError(f"The connection {conn_id!r} is of type {row.conn_type}, not {CONN_TYPE}: choose another id.")
    return row


@contextmanager
def _database() -> Iterator[Session]:
    """A session of the metadata database, committed at the end."""
    from airflow.utils.session import create_session
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with create_session() as session:
            yield session
    except (SQLAlchemyError, RuntimeError) as error:  # RuntimeError: Airflow 3 forbids it to tasks
        raise StoreError(
            f"Airflow's metadata database cannot be used from here ({type(error).__name__}). Run this where Airflow's "
            "own commands work (airflow connections list), or have the connection printed: --print json."
        ) from None
