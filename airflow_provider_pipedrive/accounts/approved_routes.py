"""Which route a stored credential takes to Pipedrive, and whether somebody who knows it has approved that route.

Whoever may edit a connection need not be able to read its secrets: Airflow shows them as ``***`` and keeps what was
there. Host, proxies and TLS checks can be edited all the same, and a test would then hand the secrets over. So where a
web page asks for a request, a secret is sent on its plain route only (Pipedrive's own hosts, certificates checked, no
proxy of the connection's), or on a route that was stored together with it by someone who typed it.

Such an approval is a keyed digest of secret and route in the connection's extra. Nobody can make one up or use it for
another secret or another route; whoever takes it away has to type the secret again. Tasks and the shell need none: who
decides what they run can read the connection anyway.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote, urlsplit

from airflow_provider_pipedrive.accounts.companies import STATUS
from airflow_provider_pipedrive.client.hosts import is_loopback
from airflow_provider_pipedrive.client.settings import settings_from
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveConnectionError,
    PipedriveError,
    PipedriveParameterError,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

KEY: Final = "approved_routes"
"""Name of the approvals in the connection's extra, or in what the page remembers there. Airflow's masker leaves both
alone, and so does the client."""
LABELS: Final[Mapping[str, str]] = {
    "client_secret": "Client secret",  # nosec B105 # a label
    "api_token": "API token",  # nosec B105 # a label
    "refresh_token": "OAuth refresh token",  # nosec B105 # a label
    "access_token": "OAuth access token",  # nosec B105 # a label
}
"""The secrets that travel, as people call them."""
_MOST: Final = 16
"""Approvals that a connection keeps: a few secrets, and a few routes that it has had."""
_ASKING: Final = ("airflow.api_fastapi.", "airflow.api_connexion.")
"""Modules of Airflow's web server, whose own Test asks the hook."""


@dataclass(frozen=True)
class CredentialRoute:
    """Where a connection's secrets go, and through what.

    :ivar origin: where the API is; ``None``: at Pipedrive's
    :ivar oauth_origin: where tokens are asked for
    :ivar verify: whether certificates are checked, or against which file
    :ivar proxies: the connection's own
    """

    origin: str | None
    oauth_origin: str
    verify: bool | str
    proxies: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, connection: Connection, extra: Mapping[str, Any]) -> Self:
        """The route of a connection.

        :raises PipedriveError: a field of it cannot be read
        """
        parts = {name: extra.get(name) for name in ("oauth_host", "verify", "proxies")}
        # The client's own reading of the fields; the credential plays no part in it.
        settings = settings_from(
            host=unquote(connection.host or ""),
            port=connection.port,
            login="-",
            password="-",  # nosec B106 # never sent
            extra={**parts, "refresh_token": "-"},  # nosec B105 # never sent
        )
        oauth_origin: str = getattr(settings.credential, "origin", "")
        return cls(settings.origin, oauth_origin, settings.verify, dict(settings.proxies or {}))

    @property
    def detours(self) -> list[str]:
        """What makes it another route than the plain one, for people."""
        found = []
        if any(is_loopback(urlsplit(origin or "").hostname) for origin in (self.origin, self.oauth_origin)):
            found.append("to a host on this machine")
        if self.verify is False:
            found.append("without checking certificates")
        elif self.verify is not True:
            found.append("trusting other certificates")
        if self.proxies:
            found.append("through a proxy")
        return found

    @property
    def is_plain(self) -> bool:
        """Whether it leads to Pipedrive's own hosts and nowhere else."""
        return not self.detours

    def digest(self, name: str, secret: str) -> str:
        """What approves this route for a secret.

        :raises PipedriveParameterError: Airflow has no key to make one with
        """
        parts = [name, secret, self.origin, self.oauth_origin, self.verify, sorted(self.proxies.items())]
        return hmac.new(_key(), json.dumps(parts).encode(), hashlib.sha256).hexdigest()[:40]


def secrets_in(connection: Connection, extra: Mapping[str, Any]) -> dict[str, str]:
    """The secrets of a connection that would travel, by name."""
    found = {name: str(extra.get(name) or "").strip() for name in LABELS if name != "client_secret"}
    if found["api_token"]:
        return {"api_token": found["api_token"]}
    found["client_secret"] = connection.password or ""
    return {name: secret for name, secret in found.items() if secret}


def unapproved(route: CredentialRoute, secrets: Mapping[str, str], extra: Mapping[str, Any]) -> list[str]:
    """Names of the secrets that must not take this route when a web page asks."""
    if route.is_plain:
        return []
    kept = _kept(extra)
    if not kept:  # and so no key is needed either
        return list(secrets)
    return [name for name, secret in secrets.items() if not _is_among(route.digest(name, secret), kept)]


def with_approval(extra: Mapping[str, Any], route: CredentialRoute, secrets: Mapping[str, str]) -> dict[str, Any]:
    """The extra in which these secrets may take this route; the plain one needs no approval."""
    if route.is_plain or not secrets:
        return dict(extra)
    fresh = [route.digest(name, secret) for name, secret in secrets.items()]
    approved = [*(digest for digest in _kept(extra) if digest not in fresh), *fresh][-_MOST:]
    status = extra.get(STATUS)
    if isinstance(status, Mapping):  # with what else the page remembers
        return {name: value for name, value in extra.items() if name != KEY} | {STATUS: {**status, KEY: approved}}
    return {**extra, KEY: approved}


def check_approved(conn_id: str, route: CredentialRoute, secrets: Mapping[str, str], extra: Mapping[str, Any]) -> None:
    """Stop before a secret takes a route that nobody who knows it has approved.

    :raises PipedriveParameterError: it would
    """
    if unapproved(route, secrets, extra):
        raise PipedriveParameterError(
            f"Nothing was sent: the connection {conn_id} leads {', '.join(route.detours)}, and its secrets were not "
            "entered for that. Take host, OAuth host, proxies and verify back, or enter the secrets again on the "
            "Pipedrive page (Approve). The command `check` in the shell of a machine that runs tasks needs no approval."
        )


def is_asked_by_page() -> bool:
    """Whether Airflow's web server asks, for somebody who has pressed Test there.

    It hands the hook a connection of its own making, with the stored secrets merged in, and says so nowhere else.
    """
    frame = sys._getframe()
    while frame is not None:
        if str(frame.f_globals.get("__name__")).startswith(_ASKING):
            return True
        frame = frame.f_back  # type: ignore[assignment]
    return False


@contextmanager
def uniform_errors(route: CredentialRoute) -> Iterator[None]:
    """Have every failure on another route than the plain one read the same, but for what Pipedrive itself says.

    Otherwise a web page would tell which files the server has, and who listens at which of its ports.
    """
    try:
        yield
    except (PipedriveError, ValueError, OSError) as error:  # libraries raise the others for strange proxies
        if route.is_plain or (isinstance(error, PipedriveAuthError) and error.reason):
            raise
        raise PipedriveConnectionError(
            f"No answer of Pipedrive's came back: the connection leads {', '.join(route.detours)}. Check its host, "
            "OAuth host, proxies and verify. The command `check` in the shell of a machine that runs tasks tells more."
        ) from None


def _kept(extra: Mapping[str, Any]) -> list[str]:
    status = extra.get(STATUS)
    lists = [extra.get(KEY), status.get(KEY) if isinstance(status, Mapping) else None]
    return [digest for kept in lists if isinstance(kept, list) for digest in kept if isinstance(digest, str)]


def _is_among(digest: str, kept: Iterable[str]) -> bool:
    return any(hmac.compare_digest(digest.encode(), other.encode()) for other in kept)


def _key() -> bytes:
    from airflow.configuration import conf

    secret = conf.get("core", "fernet_key", fallback="") or conf.get("api", "secret_key", fallback="")
    if not secret:
        raise PipedriveParameterError(
            "Airflow has neither [core] fernet_key nor [api] secret_key, so no route can be approved: set one."
        )
    return hashlib.sha256(f"airflow-provider-pipedrive approved routes {secret}".encode()).digest()
