"""Approves a connection's route when somebody stores it together with a secret, see :mod:`.approved_routes`.

Airflow's form and REST API write connections themselves. What they write passes by here in the web server: a secret
that was not there before has been typed by whoever stores it, and so is approved for the route that is stored with it.
A secret that stayed (Airflow puts it back in place of ``***``) is not.
"""

from __future__ import annotations

import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any

from airflow.models import Connection
from sqlalchemy import event, inspect

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.approved_routes import (
    LABELS,
    CredentialRoute,
    check_approved,
    secrets_in,
    unapproved,
    with_approval,
)
from airflow_provider_pipedrive.accounts.store import StoredConnection
from airflow_provider_pipedrive.connection_form import CONN_TYPE
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError

log = logging.getLogger(__name__)


def watch_connections() -> None:
    """Have every connection that this process stores pass by; once is enough."""
    for name, listener in (("before_insert", _inserted), ("before_update", _updated)):
        if not event.contains(Connection, name, listener):
            event.listen(Connection, name, listener)


def must_be_approved(stored: StoredConnection, *names: str) -> CredentialRoute:
    """The connection's route, if those of its secrets that are named may take it; by default all of them.

    A connection of the environment or a secrets backend cannot be edited in a page.

    :raises PipedriveParameterError: they may not
    """
    route = CredentialRoute.of(stored.connection, stored.extra)
    if stored.source == "database":
        secrets = {name: secret for name, secret in _secrets(stored).items() if not names or name in names}
        check_approved(stored.conn_id, route, secrets, stored.extra)
    return route


def missing(stored: StoredConnection) -> list[tuple[str, str]]:
    """Name and label of each secret that has to be entered again before a page may use the connection."""
    if stored.source != "database" or stored.unreadable:
        return []
    try:
        names = unapproved(CredentialRoute.of(stored.connection, stored.extra), _secrets(stored), stored.extra)
    except PipedriveError:  # a field cannot be read: each button says which
        return []
    return [(name, LABELS[name]) for name in names]


def approve(stored: StoredConnection, typed: Mapping[str, str]) -> None:
    """Approve the connection's route for the secrets that somebody has typed; for those left empty it is not approved.

    :raises PipedriveParameterError: one of them is not the stored one, or none was typed
    """
    route, secrets = CredentialRoute.of(stored.connection, stored.extra), _secrets(stored)
    names = [name for name, _ in missing(stored) if typed.get(name)]
    right = [hmac.compare_digest(typed[name].encode(), secrets[name].encode()) for name in names]
    if not names or not all(right):
        raise PipedriveParameterError("Not approved: what was entered is not what the connection holds.")
    chosen = {name: secrets[name] for name in names}
    store.change_extra(stored.conn_id, lambda extra: with_approval(extra, route, chosen))


def _secrets(stored: StoredConnection) -> dict[str, str]:
    return secrets_in(stored.connection, stored.extra)


def _inserted(_mapper: Any, _connection: Any, row: Connection) -> None:
    _note(row, None)


def _updated(_mapper: Any, _connection: Any, row: Connection) -> None:
    before = Connection(conn_id=row.conn_id, conn_type=row.conn_type)
    for name in ("_password", "_extra", "is_encrypted", "is_extra_encrypted"):
        history: Any = inspect(row).attrs[name].history
        found = history.deleted or history.unchanged
        if not found:  # what was there is not known, so nothing is known to be typed
            return
        setattr(before, name, found[0])
    _note(row, before)


def _note(row: Connection, before: Connection | None) -> None:
    """Write the approvals of what was typed into the row that is about to be stored."""
    if row.conn_type != CONN_TYPE:
        return
    try:
        extra = row.extra_dejson
        stored = {} if before is None else secrets_in(before, before.extra_dejson)
        typed = {name: secret for name, secret in secrets_in(row, extra).items() if stored.get(name) != secret}
        approved = with_approval(extra, CredentialRoute.of(row, extra), typed)
    except Exception as error:  # noqa: BLE001 - storing a connection is Airflow's business, and must not fail for this
        log.info("The route of connection %s is not approved: %s", row.conn_id, type(error).__name__)
        return
    if approved != extra:
        row.set_extra(json.dumps(approved))
