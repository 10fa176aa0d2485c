"""A client's send stack, put together from its settings. From top to bottom:

::

    WithRetries     sends again what may be, by the rules of retries.py      sending.py
    WithAuth        adds the credential; renews it once after a 401          sending.py, auth.py
    WithinLimits    waits for room in the rate limit, and counts             sending.py, limits.py, usage.py, ledger.py
    Transport       one request over one socket                              transport.py
"""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_pipedrive.client.auth import (
    ApiTokenAuth,
    Auth,
    NoRefreshTokenStore,
    OAuthTokenAuth,
    RefreshTokenStore,
    secrets_of,
)
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.limits import limits_of
from airflow_provider_pipedrive.client.metrics import CountedWaits, Metrics
from airflow_provider_pipedrive.client.readers import EnvelopeReader
from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.client.sending import Layer, TokenRequests, WithAuth, WithinLimits, WithRetries
from airflow_provider_pipedrive.client.settings import ApiToken, Settings
from airflow_provider_pipedrive.client.spending import Spender, Spending
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.client.usage import Meter


class SendStack:
    """All that sends one client's requests.

    :param on_secret: is told every secret that comes up, in each form in which it may be shown
    :param token_store: keeps a refresh token that Pipedrive hands out in place of the connection's
    :param metrics: is told of what is counted
    :param spender: who spends the API tokens
    :ivar sender: the uppermost layer
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        on_secret: Callable[[str], None],
        token_store: RefreshTokenStore | None,
        metrics: Metrics | None,
        spender: Spender,
    ) -> None:
        self._settings = settings
        self._on_secret = on_secret
        self.clock = clock
        self.redact = Redactor()
        for secret in secrets_of(settings):
            self._learn(secret)
        self.envelopes = EnvelopeReader(self.redact)
        self.limits = limits_of(settings)
        self.meter = Meter(metrics)
        self._waits = CountedWaits(clock, self.meter.metrics)
        self._transport = Transport(settings, clock)
        self.auth = self._make_auth(token_store or NoRefreshTokenStore())
        spending = Spending(settings, spender)
        within_limits = WithinLimits(self._transport, self.limits, self.meter, self._waits, spending)
        self.sender = self._with_retries(WithAuth(within_limits, self.auth), self.meter)

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def _with_retries(self, below: Layer, meter: Meter) -> WithRetries:
        return WithRetries(below, self.limits, self._waits, meter, self._settings.max_attempts)

    def _make_auth(self, token_store: RefreshTokenStore) -> Auth:
        credential = self._settings.credential
        if isinstance(credential, ApiToken):
            return ApiTokenAuth(self._settings, credential)
        # Its time is not counted: it is part of the request that waits for the token.
        token_requests = TokenRequests(self._with_retries(self._transport, Meter()), self.envelopes)
        return OAuthTokenAuth(self._settings, credential, token_requests, self.clock, self._learn, token_store)

    def _learn(self, secret: str) -> None:
        self.redact.add(secret)
        for form in self.redact.forms:
            self._on_secret(form)
