"""Signing requests, and keeping OAuth access tokens alive.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

import base64
import copy
import hashlib
import logging
import re
import threading
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlencode, urlsplit

from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.hosts import SHARED_ORIGIN, is_loopback, origin_of
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, ApiToken, OAuth, Settings
from airflow_provider_pipedrive.client.shared_tokens import SharedState, SharedTokens
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveResponseError,
)

log = logging.getLogger(__name__)
REFRESH_AHEAD = 300.0
"""Seconds of life left at which an access token is renewed."""


class TokenRequest(Protocol):
    """Sends one form to the OAuth host's token endpoint."""

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """Send it and return the parsed answer."""


class RefreshTokenStore(Protocol):
    """Keeps a refresh token that Pipedrive handed out in place of the connection's, for processes to come."""

    def load(self) -> str | None:
        """The newest refresh token kept, if there is one."""

    def save(self, refresh_token: str) -> bool:
        """Keep it; whether that was possible."""


class NoRefreshTokenStore:
    """Keeps nothing: outside Airflow there is no place that every process can reach."""

    def load(self) -> str | None:
        """None."""
        return None

    def save(self, refresh_token: str) -> bool:
        """It is not kept."""
        return False


class Auth(Protocol):
    """Adds the credential to a request."""

    def origin(self) -> str:
        """Where requests go."""

    def headers(self) -> dict[str, str]:
        """The headers that carry the credential."""

    def renew(self, used: dict[str, str], *, again: bool) -> bool:
        """After a 401: whether there is a better credential now than the ``used`` headers.

        :param again: those were such a better one, and got a 401 too
        """


class ApiTokenAuth:
    """Signs with a personal API token."""

    def __init__(self, settings: Settings, credential: ApiToken) -> None:
        self._origin = settings.origin or SHARED_ORIGIN
        self._headers = {"x-api-token": credential.token}

    def origin(self) -> str:
        """The connection's host, else the shared one."""
        return self._origin

    def headers(self) -> dict[str, str]:
        """``x-api-token``: a query parameter would end up in logs."""
        return self._headers

    def renew(self, used: dict[str, str], *, again: bool) -> bool:
        """An API token cannot be renewed."""
        return False


class Tokens:
    """The OAuth tokens of one authorization, shared by everything in this process. Change them under ``lock``."""

    def __init__(self, credential: OAuth) -> None:
        self.lock = threading.Lock()
        self.shared = SharedTokens(credential)
        self.is_borrowed = False
        """Whether another process has renewed the access token."""
        self.access_token = credential.access_token
        self.refresh_token = credential.refresh_token
        self.renew_at: float | None = None  # unknown for a token that came with the connection
        self.api_domain: Any = None
        """The company's origin, as the OAuth host says, not yet checked."""
        self.refresh_attempts = 0
        """How many renewals have been tried."""
        self.failure: PipedriveError | None = None
        """How the last renewal failed. Final where Pipedrive refused the refresh token: it is not offered again."""


_shared: dict[str, Tokens] = {}
_shared_lock = threading.Lock()


def tokens_of(credential: OAuth) -> Tokens:
    """The tokens shared in this process for this authorization."""
    secret = credential.refresh_token or credential.access_token
    identity = f"{credential.origin} {credential.client_id} {credential.client_secret} {secret}"
    with _shared_lock:
        return _shared.setdefault(hashlib.sha256(identity.encode()).hexdigest(), Tokens(credential))


def basic(credential: OAuth) -> str:
    """Client id and secret, as they travel to the OAuth host."""
    return base64.b64encode(f"{credential.client_id}:{credential.client_secret}".encode()).decode()


def secrets_of(settings: Settings) -> list[str]:
    """Everything in the settings that must never be shown."""
    credential = settings.credential
    if isinstance(credential, ApiToken):
        found = [credential.token]
    else:
        found = [credential.client_secret, credential.refresh_token or "", credential.access_token or ""]
        found.append(basic(credential))
    proxies = [urlsplit(url).password or "" for url in (settings.proxies or {}).values()]
    found += [*proxies, *map(unquote, proxies), settings.hash_key or ""]
    return [secret for secret in found if secret]


def app_headers(credential: OAuth) -> dict[str, str]:
    """The headers of a form for the OAuth host."""
    return {
        "Authorization": f"Basic {basic(credential)}",
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }


def lifetime(expires_in: Any) -> float:
    """Seconds that a token lives; an hour, as Pipedrive documents, where the answer is silent or strange."""
    try:
        seconds = float(expires_in)
    except (TypeError, ValueError):
        return 3600.0
    return seconds if 0 < seconds < 10**7 else 3600.0


def company_origin(said: Any, oauth_origin: str) -> str | None:
    """The company's origin that the OAuth host names, if it names one.

    :raises PipedriveAuthError: it is none to send a credential to; one on this machine counts only when the OAuth host
        is on this machine too
    """
    if not isinstance(said, str) or not said:
        return None
    try:
        origin = origin_of(said)
    except PipedriveParameterError as error:
        raise PipedriveAuthError(f"The OAuth host names a strange api_domain. {error}") from None
    if is_loopback(urlsplit(origin).hostname) and not is_loopback(urlsplit(oauth_origin).hostname):
        raise PipedriveAuthError("The OAuth host names an api_domain on this machine: the credential stays here.")
    return origin


def is_refused(failure: PipedriveError | None) -> bool:
    """Whether the OAuth host refuses for good what it was asked with. Anything but a 400 may pass."""
    return isinstance(failure, PipedriveAuthError) and failure.status == 400


def is_over(failure: PipedriveAuthError) -> bool:
    """Whether the authorization, or the code, is over: the OAuth host refuses that, and not only the app.

    How it says so is not documented but for these words
    (https://pipedrive.readme.io/docs/marketplace-oauth-authorization).
    """
    return is_refused(failure) and re.search(r"grant|refresh", failure.reason or "", re.IGNORECASE) is not None


def forget_tokens() -> None:
    """Forget all tokens that this process shares, with others too: what the first process would begin with."""
    with _shared_lock:
        for tokens in _shared.values():
            tokens.shared.forget()
        _shared.clear()


class OAuthTokenAuth:
    """Signs with an OAuth access token: renewed before it expires, one renewal at a time, once after a 401.

    Processes of one user on one machine renew once for all of them, see :mod:`.shared_tokens`.

    :param request: sends the token request
    :param on_secret: is told every new secret, so that it is never shown
    :param token_store: keeps a refresh token that replaces the connection's
    """

    def __init__(
        self,
        settings: Settings,
        credential: OAuth,
        request: TokenRequest,
        clock: Clock,
        on_secret: Callable[[str], None],
        token_store: RefreshTokenStore,
    ) -> None:
        self._token_store = token_store
        self._settings = settings
        self._credential = credential
        self._request = request
        self._clock = clock
        self._on_secret = on_secret
        self.tokens = tokens_of(credential)
        self._told = credential.access_token

    def origin(self) -> str:
        """The connection's host, else the company's as the token answer says, else the shared one."""
        self.headers()
        return self._settings.origin or company_origin(self.tokens.api_domain, self._credential.origin) or SHARED_ORIGIN

    def headers(self) -> dict[str, str]:
        """A Bearer token that is good for some minutes more.

        :raises PipedriveAuthError: it cannot be renewed
        """
        tokens = self.tokens
        refresh_attempts = tokens.refresh_attempts
        with tokens.lock:
            if tokens.access_token is None or self._expires_soon(tokens):
                self._refresh(tokens, refresh_attempts)
            if tokens.access_token != self._told:  # another client of this process may have renewed it
                self._tell(tokens)
            return {"Authorization": f"Bearer {tokens.access_token}"}

    def renew(self, used: dict[str, str], *, again: bool) -> bool:
        """Renew, unless another thread or process already has since ``used`` was handed out.

        Another process's token may be dead as well, if it has not been used since all died: then once more.
        """
        tokens = self.tokens
        refresh_attempts = tokens.refresh_attempts
        with tokens.lock:
            if used.get("Authorization") == f"Bearer {tokens.access_token}":
                if tokens.refresh_token is None or (again and not tokens.is_borrowed):
                    return False
                self._refresh(tokens, refresh_attempts)
            return True

    def _expires_soon(self, tokens: Tokens) -> bool:
        return (
            tokens.renew_at is not None and tokens.refresh_token is not None and self._clock.time() >= tokens.renew_at
        )

    def _refresh(self, tokens: Tokens, refresh_attempts: int) -> None:
        """Renew the tokens, or fail as the renewal failed that this thread has just waited for.

        :param refresh_attempts: renewals tried when this thread came for a token
        """
        old = tokens.access_token
        if self._take_cached(tokens, old):
            return
        failure = tokens.failure
        if failure is not None and (tokens.refresh_attempts > refresh_attempts or is_refused(failure)):
            raise copy.copy(failure)
        try:
            with tokens.shared.lock(self._clock, lambda: self._take_cached(tokens, old)):
                if not self._take_cached(tokens, old):
                    self._adopt(tokens, self._ask_with_any(tokens))
            tokens.failure = None
        except PipedriveError as error:
            tokens.failure = copy.copy(error)
            raise
        finally:
            tokens.refresh_attempts += 1

    def _take_cached(self, tokens: Tokens, old: str | None) -> bool:
        """Whether another process has left a better access token than the ``old`` one; it is then used here."""
        found = tokens.shared.read()
        if found is None:
            return False
        tokens.refresh_token = found.refresh_token
        is_better = found.access_token != old and self._clock.time() < found.renew_at
        if is_better:
            tokens.access_token, tokens.renew_at, tokens.is_borrowed = found.access_token, found.renew_at, True
            tokens.api_domain = found.api_domain or tokens.api_domain
            tokens.failure = None
        self._tell(tokens)
        return is_better

    def _ask_with_any(self, tokens: Tokens) -> dict[str, Any]:
        """Ask with the refresh token known here; where that is over, with one that another process has kept."""
        try:
            return self._ask(tokens)
        except PipedriveAuthError as error:
            kept = self._token_store.load() if is_over(error) else None
            if kept is None or kept == tokens.refresh_token or not HEADER_SAFE.fullmatch(kept):
                raise
            self._on_secret(kept)
            tokens.refresh_token = kept
        return self._ask(tokens)

    def _ask(self, tokens: Tokens) -> dict[str, Any]:
        form = urlencode({"grant_type": "refresh_token", "refresh_token": tokens.refresh_token or ""})
        return self._request(f"{self._credential.origin}/oauth/token", app_headers(self._credential), form.encode())

    def _adopt(self, tokens: Tokens, answer: dict[str, Any]) -> None:
        access = answer.get("access_token")
        if not isinstance(access, str) or not HEADER_SAFE.fullmatch(access):
            raise PipedriveResponseError("Pipedrive's answer to the token renewal has no access_token to be used.")
        refresh = answer.get("refresh_token")
        is_replaced = isinstance(refresh, str) and HEADER_SAFE.fullmatch(refresh) and refresh != tokens.refresh_token
        tokens.access_token, tokens.is_borrowed = access, False
        tokens.refresh_token = str(refresh) if is_replaced else tokens.refresh_token
        seconds = lifetime(answer.get("expires_in"))
        tokens.renew_at = self._clock.time() + seconds - min(REFRESH_AHEAD, seconds / 2)
        tokens.api_domain = answer.get("api_domain") or tokens.api_domain
        self._tell(tokens)
        domain = tokens.api_domain if isinstance(tokens.api_domain, str) else None
        tokens.shared.write(SharedState(access, tokens.refresh_token or "", tokens.renew_at, domain))
        if is_replaced and not self._token_store.save(tokens.refresh_token or ""):
            log.warning(
                "Pipedrive handed out a new refresh_token and may refuse the connection's old one from now on: "
                "store it by `airflow pipedrive refresh` (or `python -m airflow_provider_pipedrive refresh`)."
            )

    def _tell(self, tokens: Tokens) -> None:
        self._told = tokens.access_token
        for secret in (tokens.access_token, tokens.refresh_token):
            self._on_secret(secret or "")
