"""What is remembered of an authorization, in the connection itself: whose it is, and when that was last seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_pipedrive.accounts import approved_routes
from airflow_provider_pipedrive.accounts.companies import STATUS
from airflow_provider_pipedrive.accounts.oauth import IDLE_DAYS
from airflow_provider_pipedrive.client.clock import Clock, SystemClock
from airflow_provider_pipedrive.errors import PipedriveParameterError

KEY = STATUS
"""Its name in the connection's extra. Airflow's masker leaves it alone, and so does the client."""
TOKENS = ("access_token", "refresh_token", "api_token")
"""Names of the credentials in the connection's extra."""
clock: Clock = SystemClock()
"""The time that authorizations, and the pages, go by."""
_KEPT = ("used", approved_routes.KEY)
_USED_FOR = timedelta(minutes=15)  # longer than any attempt lives


@dataclass(frozen=True)
class AuthorizationStatus:
    """Times are ISO 8601 in UTC, empty where unknown.

    :param state: ``connected``, ``revoked``, ``expired``, ``disconnected``, or empty: never asked
    :param domain: the company's name in its address, ``acme``
    :param renewed: when the refresh token was last used here; its idle days count from then
    :param checked: when Pipedrive last said whose it is
    """

    state: str = ""
    user: str = ""
    user_id: int = 0
    company: str = ""
    company_id: int = 0
    domain: str = ""
    scopes: tuple[str, ...] = ()
    connected: str = ""
    renewed: str = ""
    checked: str = ""

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> AuthorizationStatus:
        """What the extra says; people can edit it, so nothing is taken for granted."""
        given = extra.get(KEY)
        if not isinstance(given, Mapping):
            return cls()
        right: dict[str, Any] = {}
        for name, default in asdict(cls()).items():
            value = given.get(name)
            if name == "scopes" and isinstance(value, list):
                right[name] = tuple(str(scope) for scope in value)
            elif isinstance(value, type(default)) and name != "scopes":
                right[name] = value
        return cls(**right)

    def replace(self, **changes: Any) -> AuthorizationStatus:
        """The same with other values."""
        return replace(self, **changes)

    @property
    def expires(self) -> datetime | None:
        """The earliest day on which Pipedrive lets an idle authorization die."""
        try:
            return datetime.fromisoformat(self.renewed) + timedelta(days=IDLE_DAYS)
        except ValueError:
            return None


def remember(extra: dict[str, Any], status: AuthorizationStatus) -> dict[str, Any]:
    """The extra with this status in it. Attempts that are used up and approved routes stay."""
    kept = extra.get(KEY)
    others = {name: kept[name] for name in _KEPT if kept.get(name)} if isinstance(kept, Mapping) else {}
    return {**extra, KEY: asdict(status) | others}


def forget_tokens(extra: dict[str, Any]) -> dict[str, Any]:
    """The extra of a connection whose authorization was given back: without its tokens, and saying so."""
    kept = {name: value for name, value in extra.items() if name not in TOKENS}
    return remember(kept, AuthorizationStatus.of(extra).replace(state="disconnected"))


def consume_attempt(extra: dict[str, Any], attempt: str) -> dict[str, Any]:
    """The extra in which this attempt to connect is used up.

    :raises PipedriveParameterError: it was used up before
    """
    kept = extra.get(KEY)
    kept = dict(kept) if isinstance(kept, Mapping) else {}
    before = kept.get("used")
    before = before if isinstance(before, Mapping) else {}
    if attempt in before:
        raise PipedriveParameterError("This answer of Pipedrive's has been used already. Press Connect again.")
    recent = {name: time for name, time in before.items() if str(time) > stamp(now() - _USED_FOR)}
    return {**extra, KEY: {**kept, "used": {**recent, attempt: stamp(now())}}}


def now() -> datetime:
    """The present time, in UTC."""
    return datetime.fromtimestamp(clock.time(), UTC)


def stamp(time: datetime) -> str:
    """A time as it is remembered."""
    return time.isoformat(timespec="seconds")
