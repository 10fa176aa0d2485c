"""Airflow connections on the command line: found, and printed."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from airflow.models import Connection
from sqlalchemy.exc import SQLAlchemyError

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.store import AppAuthorization, StoredConnection
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.cli.terminal import put
from airflow_provider_pipedrive.connection_form import CONN_TYPE
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError


def find(conn_id: str) -> StoredConnection:
    """The connection, from wherever Airflow takes it.

    :raises PipedriveAuthError: there is none
    :raises PipedriveParameterError: it cannot be read
    """
    found = store.resolved(conn_id) or _unreadable(conn_id)
    if found is None and variable(conn_id) in os.environ:
        raise PipedriveParameterError(
            f"What {variable(conn_id)} holds is not a valid connection: neither JSON nor a URI."
        )
    if found is None:
        raise PipedriveAuthError(
            f"There is no Airflow connection {conn_id!r}. Make it with: " + own_command(f"connect --save {conn_id}")
        )
    if found.unreadable:
        raise PipedriveParameterError(f"The connection {conn_id!r} cannot be read: {found.unreadable}.")
    return found


def _unreadable(conn_id: str) -> StoredConnection | None:
    """The database's connection, where Airflow reports one that it cannot read like one that is not there."""
    with suppress(SQLAlchemyError, RuntimeError):  # RuntimeError: Airflow 3 forbids it to tasks
        return store.stored_in_database(conn_id)
    return None


@contextmanager
def explained_database_errors() -> Iterator[None]:
    """Say what to do where Airflow's metadata database is out of reach.

    :raises PipedriveError: it is
    """
    try:
        yield
    except (SQLAlchemyError, RuntimeError) as error:  # RuntimeError: Airflow 3 forbids it to tasks
        raise PipedriveError(
            f"Airflow's metadata database cannot be used from here ({type(error).__name__}). Run this where Airflow's "
            "own commands work (airflow connections list), or have the connection printed: --print json."
        ) from None


def put_authorization(conn_id: str, authorization: AppAuthorization, form: str) -> None:
    """Print a new connection, secrets included."""
    fields = {"login": authorization.client_id, "password": authorization.client_secret, "host": authorization.host}
    _put(conn_id, {**fields, "extra": authorization.extra}, form)


def put_connection(connection: Connection, refresh_token: str, form: str) -> None:
    """Print a connection with another refresh token, secrets included."""
    fields = {"login": connection.login, "password": connection.password, "host": connection.host}
    extra = {**connection.extra_dejson, "refresh_token": refresh_token}
    _put(str(connection.conn_id), {**fields, "extra": extra}, form)


def variable(conn_id: str) -> str:
    """The environment variable that holds a connection."""
    return f"{store.ENVIRONMENT}{conn_id.upper()}"


def _put(conn_id: str, fields: dict[str, Any], form: str) -> None:
    """Print a connection as a line for a shell or an environment file.

    :param form: ``json`` or ``uri``
    """
    given = {"conn_type": CONN_TYPE, **{name: value for name, value in fields.items() if value not in (None, "", {})}}
    value = json.dumps(given) if form == "json" else _uri(given)
    put(f"{variable(conn_id)}={shlex.quote(value)}")


def _uri(given: dict[str, Any]) -> str:
    extra = given.get("extra")
    return str(Connection(**{**given, "extra": json.dumps(extra) if extra else None}).get_uri())
