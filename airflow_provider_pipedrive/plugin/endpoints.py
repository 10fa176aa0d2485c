"""What strangers must know to be heard: digests of the connections' secrets, read now and then.

Two routes are open to the whole internet, the webhooks' and the one that reports an uninstallation. Whatever is sent
to them is compared with digests in memory. The connections are read by one request at a time and at most every
:data:`FRESH_SECONDS`; all others take what was known. A connection whose stored text is the same as before is not
decrypted again.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from airflow.models import Connection, Variable
from airflow.utils.session import create_session
from sqlalchemy import event, select
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from airflow_provider_pipedrive.accounts.companies import Company, known_company, variable_name
from airflow_provider_pipedrive.accounts.store import UndecryptedConnection
from airflow_provider_pipedrive.client.settings import trimmed
from airflow_provider_pipedrive.events.webhook_registration import SHORTEST_SECRET, is_password, secret_part

T = TypeVar("T")

log = logging.getLogger(__name__)

FRESH_SECONDS: Final = 10.0
"""How soon a changed password counts, and how often strangers can make this server read its connections at most."""
_KEY: Final = secrets.token_bytes(32)


@dataclass(frozen=True)
class Endpoint:
    """A connection that deliveries are taken for.

    :ivar team: the only team that is to know of them; empty where all may
    :ivar secret_part_digest: of the part of its address that nobody guesses
    :ivar credentials_digest: of the user and the password that a delivery has to bring
    """

    conn_id: str
    secret_part_digest: bytes = field(repr=False)
    credentials_digest: bytes = field(repr=False)
    company: Company = field(default_factory=Company)
    team: str = ""


@dataclass(frozen=True)
class _Entry:
    """What is remembered of a connection, without its secrets."""

    endpoint: Endpoint | None
    app: bytes | None = field(repr=False)
    variable: str = ""
    connection: Any = field(default=None, repr=False)
    status: Mapping[str, Any] = field(default_factory=dict, repr=False)


class Endpoints:
    """The connections with a complete webhook address, and those with an app, read again now and then.

    :param load: reads them
    :param clock: seconds that never go back
    """

    def __init__(
        self, load: Callable[[], Iterable[UndecryptedConnection]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._entries: dict[Any, _Entry] = {}
        self._endpoints: tuple[Endpoint, ...] = ()
        self._apps: tuple[tuple[str, bytes], ...] = ()
        self._read_at: float | None = None
        self._changes = 1
        """How often connections have changed in this process, and how much of that is read."""
        self._read_changes = 0

    @property
    def is_fresh(self) -> bool:
        """Whether nothing has to be read now: then asking costs no more than a few comparisons."""
        return not self._is_due(FRESH_SECONDS)

    async def ask(self, ask: Callable[..., T], *given: Any) -> T:
        """Ask one of the questions below; a thread is taken only where the connections have to be read."""
        return ask(*given) if self.is_fresh else await run_in_threadpool(ask, *given)

    def matching(self, secret_part: str, seconds: float = FRESH_SECONDS) -> list[Endpoint]:
        """Those whose address ends in this; as a rule one or none. All are compared, each in constant time.

        :param seconds: how old an answer may be
        """
        self._refresh(seconds)
        given = digest(secret_part.encode())
        return [endpoint for endpoint in self._endpoints if hmac.compare_digest(endpoint.secret_part_digest, given)]

    def connections_of_app(self, credentials: bytes) -> list[str]:
        """The ids of the database's connections whose app has these credentials, ``id:secret``."""
        self._refresh(FRESH_SECONDS)
        given = digest(credentials)
        return [conn_id for conn_id, app in self._apps if hmac.compare_digest(app, given)]

    def forget(self) -> None:
        """Have the connections read again by the next one who asks."""
        self._changes += 1

    def _is_due(self, seconds: float) -> bool:
        return self._is_outdated or self._read_at is None or self._clock() - self._read_at >= seconds

    @property
    def _is_outdated(self) -> bool:
        return self._read_changes != self._changes

    def _refresh(self, seconds: float) -> None:
        if not self._is_due(seconds):
            return
        # One reads, and the others take what was known; they wait only where something is known to have changed.
        if not self._lock.acquire(blocking=self._is_outdated):
            return
        try:
            if self._is_due(seconds):
                changes = self._changes  # what changes while it is read is read once more
                self._read()
                self._read_changes = changes
        except SQLAlchemyError as error:
            if self._read_at is None:
                raise
            log.warning("The connections could not be read again, so those known count: %s", type(error).__name__)
            self._read_at, self._read_changes = self._clock(), self._changes
        finally:
            self._lock.release()

    def _read(self) -> None:
        entries: dict[Any, _Entry] = {}
        for undecrypted in self._load():
            entries[undecrypted.stamp] = self._entries.get(undecrypted.stamp) or _entry(undecrypted)
        learned = _learned({entry.variable for entry in entries.values() if entry.endpoint})
        self._endpoints = tuple(_with_company(entry, learned) for entry in entries.values() if entry.endpoint)
        self._apps = tuple((stamp[0], entry.app) for stamp, entry in entries.items() if entry.app)
        self._entries = entries
        self._read_at = self._clock()


def digest(text: bytes) -> bytes:
    """Of the same length whatever was sent, so that comparing says nothing about the length of a secret."""
    return hmac.digest(_KEY, text, "sha256")


def forget_at_changes(endpoints: Endpoints) -> None:
    """Have connections read again as soon as this process stores one; others' changes count after a while."""

    def changed(_mapper: Any, _connection: Any, _row: Connection) -> None:
        endpoints.forget()

    for name in ("after_insert", "after_update", "after_delete"):
        event.listen(Connection, name, changed)


def _entry(undecrypted: UndecryptedConnection) -> _Entry:
    stored = undecrypted.decrypt()
    extra, connection = stored.extra, stored.connection
    app = None
    if stored.source == "database" and not stored.unreadable and connection.login and connection.password:
        app = digest(f"{trimmed(connection.login)}:{trimmed(connection.password)}".encode())
    endpoint = _endpoint(stored.conn_id, stored.team, extra)
    return _Entry(
        endpoint,
        app,
        variable_name(connection, extra) if endpoint else "",
        connection if endpoint else None,
        {"oauth_status": extra.get("oauth_status")} if endpoint else {},
    )


def _endpoint(conn_id: str, team: str, extra: Mapping[str, Any]) -> Endpoint | None:
    secret = secret_part(trimmed(str(extra.get("webhook_url") or "")))
    user, password = (trimmed(str(extra.get(f"webhook_{name}") or "")) for name in ("user", "password"))
    if not (secret and user and password):
        return None
    if not is_password(password):
        log.warning(
            "Connection %s takes no webhooks: its webhook_password has spaces in it or is shorter than %d characters. "
            "Put a longer one into the connection, then let `airflow pipedrive webhooks ensure` tell Pipedrive.",
            conn_id,
            SHORTEST_SECRET,
        )
        return None
    return Endpoint(conn_id, digest(secret.encode()), digest(f"{user}:{password}".encode()), team=team)


def _with_company(entry: _Entry, learned: Mapping[str, str]) -> Endpoint:
    assert entry.endpoint is not None
    company = known_company(entry.connection, entry.status, learned.get(entry.variable))
    return replace(entry.endpoint, company=company)


def _learned(names: set[str]) -> dict[str, str]:
    """What ``webhooks ensure`` has kept of companies."""
    if not names:
        return {}
    with create_session() as session:
        rows = session.scalars(select(Variable).where(Variable.key.in_(names))).all()
        return {str(row.key): str(row.get_val() or "") for row in rows}  # type: ignore[no-untyped-call]
