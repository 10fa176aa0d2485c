"""Everything that can go wrong with Pipedrive, as one small tree.

::

    PipedriveError
        did I ask wrongly?
            PipedriveParameterError          found before anything was sent (a ValueError too)
            PipedriveValidationError         Pipedrive refused the request: 400, 405, 409, 413, 422
        am I not allowed?
            PipedriveAuthError               401, a dead refresh token, no credential at all
            PipedrivePermissionError         403: a scope, a right or a plan's feature is missing
            PipedrivePaymentRequiredError    402: the company's account is not open
        is it not there?
            PipedriveNotFoundError           404, 410
                PipedriveGoneError               what a sensor waits for is deleted, merged, or cannot come any more
                PipedriveEndpointRemovedError    the whole operation is gone: since when, what replaces it
        am I too fast?
            PipedriveBurstLimitError         429 within the 2 s window
            PipedriveDailyBudgetError        429 until Pipedrive's midnight, or this process's own budget
            PipedriveBlockedError            the HTML 403 that follows ignored 429s
            PipedriveTokenCapError           a run would spend more API tokens than it was granted
        were rows refused?
            PipedriveRejectedRowsError       more rows of a bulk run than max_rejects allows
        did the load fail?
            PipedriveWarehouseError          the warehouse is out of reach, or did not take the rows
        does the storage refuse?
            PipedriveStorageError            object storage does not allow a call, or does not answer now
        is Pipedrive down?
            PipedriveServerError             5xx
        did no whole answer come?
            PipedriveConnectionError         refused, reset, timed out, cut short
        is the answer unreadable?
            PipedriveResponseError           not JSON, not an object, a list that does not end

Every error survives pickling, and none carries a secret.
"""

from __future__ import annotations

from typing import Any


class PipedriveError(Exception):
    """Something went wrong with Pipedrive.

    :ivar action: key of the action, or ``None`` for a raw request
    :ivar status: HTTP status, or ``None`` where no answer came
    :ivar reason: Pipedrive's own words, or ``None``
    :ivar retryable: whether the same task, run again later, could succeed without doing harm
    :ivar retry_after: seconds after which another try makes sense, or ``None``
    """

    retryable: bool = False

    def __init__(
        self,
        message: str,
        *,
        action: str | None = None,
        status: int | None = None,
        reason: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.action = action
        self.status = status
        self.reason = reason
        self.retry_after = retry_after
        if retryable is not None:
            self.retryable = retryable

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, self.__dict__


class PipedriveParameterError(PipedriveError, ValueError):
    """A wrong or missing parameter, action key or setting, found before anything was sent."""


class PipedriveValidationError(PipedriveError):
    """Pipedrive refused the request as wrong (400, 405, 409, 413, 422, or ``success: false``)."""


class PipedriveAuthError(PipedriveError):
    """The credential is missing, wrong, expired or revoked (401)."""


class PipedrivePermissionError(PipedriveError):
    """The credential is right, but may not do this (403, 415): a scope, a right or a plan's feature is missing."""


class PipedrivePaymentRequiredError(PipedriveError):
    """The company's Pipedrive account is not open (402)."""


class PipedriveNotFoundError(PipedriveError):
    """The record does not exist, is deleted, or is not visible to the credential's user (404, 410)."""


class PipedriveGoneError(PipedriveNotFoundError):
    """A record that a sensor waits for is deleted or merged away, or what it waits for can no longer come."""


class PipedriveEndpointRemovedError(PipedriveNotFoundError):
    """Pipedrive has removed this operation; the message says since when and what replaces it."""


class PipedriveBurstLimitError(PipedriveError):
    """Too many requests within Pipedrive's rolling window of 2 seconds (429)."""

    retryable = True


class PipedriveDailyBudgetError(PipedriveError):
    """The day's API tokens are spent: Pipedrive's (429), or those that the connection grants this process."""

    retryable = True


class PipedriveTokenCapError(PipedriveError):
    """A run would spend more API tokens than its ``max_tokens`` grants; the request was not sent."""


class PipedriveBlockedError(PipedriveError):
    """Pipedrive's gateway has blocked this client for a while (an HTML 403): continuing would make it worse."""


class PipedriveServerError(PipedriveError):
    """Pipedrive failed (5xx)."""


class PipedriveConnectionError(PipedriveError):
    """No whole answer came: the connection was refused, reset, cut short or timed out.

    :ivar nothing_sent: whether it is certain that Pipedrive never saw the request
    """

    nothing_sent: bool = False


class PipedriveResponseError(PipedriveError):
    """The answer cannot be read, or a list's pages contradict each other."""


class PipedriveRejectedRowsError(PipedriveError):
    """More rows are rejected than a bulk run's ``max_rejects`` allows; its folder has each with the reason."""


class PipedriveWarehouseError(PipedriveError):
    """The warehouse could not be reached, or did not take what it was given. Nothing is wrong with Pipedrive.

    :ivar rows_refused: whether it is the rows themselves that it did not take, so that they have to be read again
    """

    rows_refused: bool = False


class PipedriveStorageError(PipedriveError):
    """Object storage does not allow a call: the message names the right that is missing. Or it does not answer now, or
    the credentials have expired: then it is ``retryable``. Nothing is wrong with Pipedrive."""
