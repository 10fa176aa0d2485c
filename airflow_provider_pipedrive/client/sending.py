"""The way of a request: with retries, with the credential, within the limits, to the transport.

Each layer is a class that sends a request by the one below it::

    WithRetries -> WithAuth -> WithinLimits -> Transport

The token request takes a shorter way: ``WithRetries -> Transport``.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

from airflow_provider_pipedrive.client.auth import Auth
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.limits import Limits
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.readers import ResponseReader
from airflow_provider_pipedrive.client.responses import Operation, Response
from airflow_provider_pipedrive.client.retries import Tries, attempts
from airflow_provider_pipedrive.client.spending import Spending
from airflow_provider_pipedrive.client.usage import Meter
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveValidationError

T = TypeVar("T")


class Layer(Protocol):
    """Sends a request once."""

    def send(self, request: PreparedRequest) -> Response:
        """The response, whatever its status.

        :raises PipedriveError: none came
        """


class WithRetries:
    """Sends again where that does no harm, and makes the result of the response.

    :param below: sends once
    :param max_attempts: how often a request may fail
    """

    def __init__(self, below: Layer, limits: Limits, clock: Clock, meter: Meter, max_attempts: int) -> None:
        self._below = below
        self._limits = limits
        self._clock = clock
        self._meter = meter
        self._max_attempts = max_attempts

    def send(self, request: PreparedRequest, reader: ResponseReader[T], tries: Tries | None = None) -> T:
        """The result of the first good response.

        :param tries: takes note of what the attempts may have done
        :raises PipedriveError: what the last attempt raised
        """
        tries = tries or Tries()
        began = self._clock.monotonic()
        try:
            for attempt in attempts(request.operation, tries, self._max_attempts, self._limits, self._clock):
                with attempt:
                    result = reader.read(request.operation, self._below.send(request), tries.windows_waited)
                    if not request.operation.is_read:
                        self._meter.metrics.count("records_written")
                    return result
            raise AssertionError("the attempts end by a result or an error")
        except PipedriveError as error:
            error.__traceback__ = None  # the frames of the attempts say nothing about the request
            raise error
        finally:
            self._meter.add_seconds(self._clock.monotonic() - began)


class WithAuth:
    """Signs a request; again with a renewed credential where Pipedrive answers 401, twice at most."""

    def __init__(self, below: Layer, auth: Auth) -> None:
        self._below = below
        self._auth = auth

    def send(self, request: PreparedRequest) -> Response:
        """The response to the signed request."""
        credential = self._auth.headers()
        response = self._below.send(request.signed(self._auth.origin(), credential))
        for again in (False, True):
            if response.status != 401 or not self._auth.renew(credential, again=again):
                break
            credential = self._auth.headers()
            response = self._below.send(request.signed(self._auth.origin(), credential))
        return response


class WithinLimits:
    """Waits for room in the rate limit, counts tokens, and refuses what would exceed a cap or a budget.

    :param spending: notes the day's API tokens
    """

    def __init__(self, below: Layer, limits: Limits, meter: Meter, clock: Clock, spending: Spending) -> None:
        self._below = below
        self._limits = limits
        self._meter = meter
        self._clock = clock
        self._spending = spending

    def send(self, request: PreparedRequest) -> Response:
        """The response, once there was room."""
        operation = request.operation
        self._meter.check(request)
        self._spending.spend(request, self._clock.time())
        start = self._wait_for_room(operation)
        self._meter.count(request)
        response = self._below.send(request)
        self._limits.settle(start, response.began, search=operation.search)
        if not operation.search:  # searches have a limit of their own, which their headers may report instead
            self._limits.learn(response.headers, start, response.began)
        now = self._clock.time()
        self._meter.learn(response.headers, now)
        self._spending.learn(request, response.headers, now)
        if response.status == 429:
            self._meter.metrics.count("rate_limited")
        return response

    def _wait_for_room(self, operation: Operation) -> float:
        """The time at which the request starts, once it has come."""
        now = self._clock.monotonic()
        start = self._limits.reserve(now, search=operation.search)
        while start > now:
            self._clock.sleep(start - now)
            now = self._clock.monotonic()
            start = self._limits.reserve_again(start, now, search=operation.search)
        return start


class TokenRequests:
    """Sends forms to the OAuth host's token endpoint.

    :param sender: sends without a credential of its own
    """

    def __init__(self, sender: WithRetries, reader: ResponseReader[dict[str, Any]]) -> None:
        self._sender = sender
        self._reader = reader

    def __call__(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        """The parsed answer.

        :raises PipedriveAuthError: the authorization is over, or the app is not known
        """
        # Repeated after passing faults: unlike a create, a second renewal does no harm.
        operation = Operation("POST", "/oauth/token", safe=True)
        try:
            return self._sender.send(PreparedRequest(operation, url, headers, body), self._reader)
        except (PipedriveValidationError, PipedriveAuthError) as error:
            raise PipedriveAuthError(
                "Pipedrive does not renew the connection's OAuth authorization "
                f"({error.reason or f'status {error.status}'}). The refresh_token was revoked, replaced, or unused "
                "for 60 days, or client id (login) and secret (password) are not those of its app. Authorize the app "
                "again and store the new refresh_token.",
                status=error.status,
                reason=error.reason,
            ) from None
