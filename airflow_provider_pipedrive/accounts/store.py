"""The Pipedrive connections that this Airflow knows, and the one way to change them.

Whatever is written into a connection that is there goes by compare-and-swap: the new text is written only in place of
the very text that was read (an encrypted text never repeats itself), else it is made again from what is there now. So
of two processes that change a connection at once, neither undoes the other's work, whatever the database and its
isolation.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from airflow.configuration import conf
from airflow.models import Connection
from airflow.models.crypto import get_fernet
from airflow.providers.common.compat.sdk import AirflowException, AirflowNotFoundException
from airflow.utils.session import create_session
from cryptography.fernet import InvalidToken
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from airflow_provider_pipedrive.accounts.redirect_uri import checked
from airflow_provider_pipedrive.accounts.status import TOKENS, AuthorizationStatus, now, remember, stamp
from airflow_provider_pipedrive.client.hosts import OAUTH_ORIGIN
from airflow_provider_pipedrive.client.settings import OAuth
from airflow_provider_pipedrive.connection_form import CONN_TYPE
from airflow_provider_pipedrive.errors import PipedriveParameterError

ENVIRONMENT = "AIRFLOW_CONN_"
_TEAM_END = "___"
_TRIES = 10

Extra = dict[str, Any]


@dataclass(frozen=True)
class StoredConnection:
    """A connection and where Airflow has it from.

    :param unreadable: why its secrets cannot be read; empty where they can
    :param team: the only team that may use it, in an Airflow with several; empty where all may
    """

    connection: Connection = field(repr=False)
    source: Literal["database", "environment", "backend"]
    unreadable: str = ""
    team: str = ""

    @property
    def conn_id(self) -> str:
        """Its id."""
        return str(self.connection.conn_id)

    @property
    def extra(self) -> Extra:
        """What its extra holds, decrypted."""
        return {} if self.unreadable else dict(self.connection.extra_dejson)


@dataclass(frozen=True)
class AppAuthorization:
    """An app's authorization as a connection keeps it. A refresh token is enough: an access token would be stale within
    the hour.

    :param host: only where it is not to follow the company (a sandbox)
    """

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    oauth_host: str = OAUTH_ORIGIN
    host: str | None = None

    @classmethod
    def of(cls, app: OAuth, refresh_token: str, host: str | None) -> AppAuthorization:
        """The authorization that an app was given."""
        return cls(app.client_id, app.client_secret, refresh_token, app.origin, host)

    @property
    def extra(self) -> Extra:
        """What goes into the connection's extra."""
        elsewhere = {} if self.oauth_host == OAUTH_ORIGIN else {"oauth_host": self.oauth_host}
        return {"refresh_token": self.refresh_token, **elsewhere}


@dataclass(frozen=True)
class UndecryptedConnection:
    """A connection as it is stored, nothing of it decrypted yet.

    :param stamp: the same for as long as it has not changed; its id and its team come first
    :param judged: decrypts it
    """

    stamp: tuple[Any, ...] = field(repr=False)
    decrypt: Callable[[], StoredConnection] = field(repr=False)


def all_undecrypted() -> list[UndecryptedConnection]:
    """What :func:`all_known` lists, undecrypted."""
    environment = _in_environment()
    hidden = _hidden_by(environment)
    with create_session() as session:
        rows = session.scalars(select(Connection).where(Connection.conn_type == CONN_TYPE)).all()
        session.expunge_all()
    return [
        *map(from_elsewhere, environment),
        *(
            UndecryptedConnection(
                (row.conn_id, _team_of(row), row.login, row.host, row.port, row._password, row._extra),
                partial(_decrypted, row, "database"),
            )
            for row in rows
            if str(row.conn_id).upper() not in hidden
        ),
    ]


def from_elsewhere(stored: StoredConnection) -> UndecryptedConnection:
    """A connection of another source, where nothing is encrypted."""
    row = stored.connection
    return UndecryptedConnection(
        (stored.conn_id, stored.team, stored.source, row.login, row.host, row.port, row.password, row.extra),
        lambda: stored,
    )


def all_connections() -> list[StoredConnection]:
    """Those of the metadata database and of this process's environment, by id.

    A secrets backend cannot be asked for all it has.
    """
    environment = _in_environment()
    hidden = _hidden_by(environment)
    database = (stored for stored in _in_database() if stored.conn_id.upper() not in hidden)
    return sorted((*environment, *database), key=lambda stored: (stored.conn_id, stored.team))


def find(conn_id: str, team: str = "") -> StoredConnection:
    """The connection that a task gets under this id: a secrets backend comes before the environment, which comes before
    the database.

    :param team: whose own it is to be, if any
    :raises PipedriveParameterError: there is none, or it is of another type
    """
    if team:
        found = (_from_environment(conn_id, team), _from_database(conn_id))
        stored = next((each for each in found if each is not None and each.team == team), None)
    else:
        stored = _from_backend(conn_id) or _from_environment(conn_id) or _from_database(conn_id)
    if stored is None:
        raise PipedriveParameterError(f"There is no connection {conn_id!r} of type Pipedrive.")
    return stored


def resolved(conn_id: str) -> StoredConnection | None:
    """What Airflow itself takes for this id, of whatever type; ``None`` where it knows none."""
    try:
        connection = Connection.get_connection_from_secrets(conn_id)
    except AirflowNotFoundException:
        return None
    if connection.id is not None:
        return _decrypted(connection, "database")
    return _decrypted(connection, "environment" if ENVIRONMENT + conn_id.upper() in os.environ else "backend")


def stored_in_database(conn_id: str) -> StoredConnection | None:
    """The connection of the metadata database, or ``None``.

    :raises PipedriveParameterError: the one there is of another type
    """
    with create_session() as session:
        row = _row_of_ours(session, conn_id)
        session.expunge_all()
    return None if row is None else _decrypted(row, "database")


def checked_conn_id(conn_id: str) -> str:
    """The id, if Airflow takes it.

    :raises PipedriveParameterError: it does not
    """
    if not re.fullmatch(r"[\w#!()\-.:/\\]{1,250}", conn_id, re.ASCII):
        raise PipedriveParameterError(
            f"{conn_id!r} is not a valid connection id. The connection id may have letters, digits, and _ - . : in it, "
            "and no spaces."
        )
    return conn_id


def create(conn_id: str, client_id: str, client_secret: str, own_redirect_uri: str = "") -> None:
    """Store a new connection: the app, still without an authorization.

    :raises PipedriveParameterError: a field is wrong, or the id is taken
    """
    checked_conn_id(conn_id)
    for name, value in (("client id", client_id), ("client secret", client_secret)):
        if not re.fullmatch(r"[\x21-\x7e]{1,500}", value):
            raise PipedriveParameterError(f"The {name} is missing or has spaces in it: copy it from the Developer Hub.")
    if ":" in client_id:  # Basic auth ends a name there
        raise PipedriveParameterError("The client id has a colon in it: copy it from the Developer Hub.")
    extra = {"redirect_uri": checked(own_redirect_uri, "The redirect URI")} if own_redirect_uri else {}
    taken = PipedriveParameterError(f"There is a connection {conn_id!r} already: choose another id.")
    if ENVIRONMENT + conn_id.upper() in os.environ:
        raise taken
    try:
        with create_session() as session:
            session.add(
                Connection(
                    conn_id=conn_id,
                    conn_type=CONN_TYPE,
                    login=client_id,
                    password=client_secret,
                    extra=json.dumps(extra) if extra else None,
                )
            )
    except IntegrityError:
        raise taken from None


def save_authorization(conn_id: str, authorization: AppAuthorization) -> bool:
    """Store an authorization: in a new connection, or in place of the one that the connection has. What else the
    connection says (time limits, proxies, webhooks) stays.

    :returns: whether it is encrypted there
    :raises PipedriveParameterError: the connection is of another type, cannot be read, or others change it all the time
    """
    for _ in range(_TRIES):
        with create_session() as session:
            row = _row_of_ours(session, conn_id)
            before = None if row is None else row._extra
            fresh = _connection(conn_id, _authorized({} if row is None else _extra_of(row), authorization))
            fresh.login, fresh.host = authorization.client_id, authorization.host
            fresh.set_password(authorization.client_secret)
            columns = ("login", "host", "port", "_password", "is_encrypted")
            if _insert(session, fresh) if row is None else _swap(session, row.id, before, fresh, *columns):
                return bool(fresh.is_extra_encrypted)
    raise _changed_by_others(conn_id)


def change_extra(conn_id: str, edit: Callable[[Extra], Extra]) -> Extra:
    """Replace a stored connection's extra by what ``edit`` makes of it; it is asked again where others were faster.

    :returns: the extra that was written
    :raises PipedriveParameterError: there is no such connection in the database, or others change it all the time
    """
    for _ in range(_TRIES):
        with create_session() as session:
            row = session.scalar(_query(conn_id))
            if row is None:
                raise PipedriveParameterError(f"The database has no connection {conn_id!r} of type Pipedrive.")
            before = row._extra
            extra = edit(_extra_of(row))
            if _swap(session, row.id, before, _connection(conn_id, extra)):
                return extra
    raise _changed_by_others(conn_id)


def is_encrypted() -> bool:
    """Whether Airflow encrypts what it stores: without a Fernet key it does not."""
    return bool(get_fernet().is_encrypted)


def backend_name() -> str:
    """Class of the secrets backend that comes before environment and database; empty where there is none."""
    return str(conf.get("secrets", "backend", fallback="") or "")


def _query(conn_id: str) -> Any:
    return select(Connection).where(Connection.conn_id == conn_id, Connection.conn_type == CONN_TYPE)


def _row_of_ours(session: Session, conn_id: str) -> Connection | None:
    """The row with this id.

    :raises PipedriveParameterError: it is of another type
    """
    row: Connection | None = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
    if row is not None and row.conn_type != CONN_TYPE:
        raise PipedriveParameterError(
            f"The connection {conn_id!r} is of type {row.conn_type}, not {CONN_TYPE}: choose another id."
        )
    return row


def _extra_of(row: Connection) -> Extra:
    stored = _decrypted(row, "database")
    if stored.unreadable:
        raise PipedriveParameterError(f"The connection {stored.conn_id!r} cannot be read: {stored.unreadable}.")
    return stored.extra


def _connection(conn_id: str, extra: Extra) -> Connection:
    return Connection(conn_id=conn_id, conn_type=CONN_TYPE, extra=json.dumps(extra))


def _authorized(before: Extra, authorization: AppAuthorization) -> Extra:
    """The extra with another authorization in it, whose account is not known yet."""
    kept = {name: value for name, value in before.items() if name not in (*TOKENS, "oauth_host")}
    time = stamp(now())
    return remember({**kept, **authorization.extra}, AuthorizationStatus(connected=time, renewed=time))


def _insert(session: Session, fresh: Connection) -> bool:
    """Add a row; whether nobody else had added it before."""
    session.add(fresh)
    try:
        session.flush()
    except IntegrityError:
        session.rollback()
        return False
    return True


def _swap(session: Session, row_id: int, before: str | None, fresh: Connection, *columns: str) -> bool:
    """Write the extra of ``fresh``, and these columns, into a row; whether it was still as it was read.

    :param before: the stored text of its extra, as it was read
    """
    unchanged = Connection._extra.is_(None) if before is None else Connection._extra == before
    written = {name: getattr(fresh, name) for name in ("_extra", "is_extra_encrypted", *columns)}
    done: Any = session.execute(
        update(Connection)
        .where(Connection.id == row_id, unchanged)
        .values(written)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount == 1)


def _changed_by_others(conn_id: str) -> PipedriveParameterError:
    return PipedriveParameterError(f"The connection {conn_id!r} is being changed by others all the time: try again.")


def _in_database() -> list[StoredConnection]:
    with create_session() as session:
        rows = session.scalars(select(Connection).where(Connection.conn_type == CONN_TYPE)).all()
        session.expunge_all()
    return [_decrypted(row, "database") for row in rows]


def _from_database(conn_id: str) -> StoredConnection | None:
    with create_session() as session:
        row = session.scalar(_query(conn_id))
        session.expunge_all()
    return None if row is None else _decrypted(row, "database")


def _hidden_by(environment: list[StoredConnection]) -> set[str]:
    """Ids, in capitals, of the database's connections that the environment's come before. Those of a team come before
    them for that team only."""
    return {stored.conn_id.upper() for stored in environment if not stored.team}


def _in_environment() -> list[StoredConnection]:
    names = [name.removeprefix(ENVIRONMENT) for name in os.environ if name.startswith(ENVIRONMENT)]
    found = [_from_environment(name.lower()) for name in names]
    for team in _teams() if any(name.startswith("_") and _TEAM_END in name for name in names) else ():
        prefix = variable_of("", team).removeprefix(ENVIRONMENT)
        own = (name.removeprefix(prefix).lower() for name in names if name.startswith(prefix))
        found += [_from_environment(conn_id, team) for conn_id in own]
    return [stored for stored in found if stored is not None]


def variable_of(conn_id: str, team: str = "") -> str:
    """The environment variable of a connection, as Airflow 3.3 names it in
    ``airflow.secrets.environment_variables.EnvironmentVariablesBackend``."""
    return f"{ENVIRONMENT}{f'_{team.upper()}{_TEAM_END}' if team else ''}{conn_id.upper()}"


def _has_teams() -> bool:
    return bool(conf.getboolean("core", "multi_team", fallback=False))


def _teams() -> list[str]:
    """All teams of this Airflow."""
    if not _has_teams():
        return []
    from airflow.models.team import Team

    return sorted(Team.get_all_team_names())


def _team_of(row: Connection) -> str:
    """The team that a stored connection belongs to: Airflow knows teams since 3.3."""
    return str(getattr(row, "team_name", None) or "") if _has_teams() else ""


def _from_environment(conn_id: str, team: str = "") -> StoredConnection | None:
    if _has_teams() and _TEAM_END in conn_id:  # to Airflow, the id of none: it could name another team's
        return None
    value = os.environ.get(variable_of(conn_id, team))
    if not value:
        return None
    try:
        if value.lstrip().startswith("{"):
            connection = Connection.from_json(value, conn_id)
        else:
            connection = Connection(conn_id, uri=value)
    except (ValueError, TypeError, AirflowException):
        # Not a connection that a task could use, so of no type that could be told.
        return None
    return _decrypted(connection, "environment", team) if connection.conn_type == CONN_TYPE else None


def _from_backend(conn_id: str) -> StoredConnection | None:
    found = resolved(conn_id) if backend_name() else None
    is_there = found is not None and found.source == "backend" and found.connection.conn_type == CONN_TYPE
    return found if is_there else None


def _decrypted(
    connection: Connection, source: Literal["database", "environment", "backend"], team: str = ""
) -> StoredConnection:
    """With the reason why its secrets cannot be read, if so: one such connection must not hide the others."""
    unreadable = ""
    try:
        _ = (connection.password, connection.extra_dejson)
    except InvalidToken:
        unreadable = "it was encrypted with another Fernet key than this server has"
    except (ValueError, AirflowException):
        unreadable = "its extra is not a JSON object"
    return StoredConnection(connection, source, unreadable, team or _team_of(connection))
