"""What an answer means. Pure: no socket, no clock, no sleep.

https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import counted, own_command
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client import json_text
from airflow_provider_pipedrive.client.limits import WINDOW
from airflow_provider_pipedrive.client.paging import missing_data
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveBlockedError,
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveEndpointRemovedError,
    PipedriveError,
    PipedriveNotFoundError,
    PipedrivePaymentRequiredError,
    PipedrivePermissionError,
    PipedriveResponseError,
    PipedriveServerError,
    PipedriveValidationError,
)

log = logging.getLogger(__name__)
LONGEST_WAIT = 10.0
"""Seconds that are slept at most before one repeat."""
WINDOWS_BEFORE_DAILY = 3
"""Full windows waited, after which a 429 without an explanation means that the day is spent."""


def outcome_unknown(call: Operation) -> str:
    """What to say of a write to which no clear answer came."""
    if call.may_be_run_again:
        return "Whether it was carried out is unknown; doing it again leads to the same state."
    return "Whether it was carried out is unknown: look in Pipedrive before you repeat it."


_GAVE_UP = 408
"""A gateway's answer for a request that it did not wait for any longer, or that a server did not take in time.
https://www.rfc-editor.org/rfc/rfc9110#name-408-request-timeout"""
_REFUSED = (400, 405, 409, 413, 414, 422)
_DAILY = re.compile(r"\bdaily\b|per day", re.IGNORECASE)


@dataclass(frozen=True)
class Operation:
    """What a request does: all that must be known of it to judge its answer, to count it and to speak of it.

    Most are calls of one of the catalog's actions, with the placeholders of its path filled in; a raw request and those
    of OAuth are operations, too. How one is sent is said by a
    :class:`~airflow_provider_pipedrive.client.prepared.PreparedRequest`.

    :ivar key: of its action
    :ivar idempotent: its action is: see :class:`~airflow_provider_pipedrive.catalog.Action`
    :ivar safe: it changes nothing, though its method is one that writes (a token renewal)
    """

    method: str
    path: str
    key: str | None = None
    scopes: tuple[str, ...] = ()
    search: bool = False
    idempotent: bool = False
    safe: bool = False

    @classmethod
    def of(cls, action: Action, path: str) -> Operation:
        """What a request for ``action`` does."""
        return cls(action.method, path, action.key, action.scopes, action.is_search, action.idempotent)

    @property
    def is_read(self) -> bool:
        """Whether it only reads, so that repeating it is harmless."""
        return self.safe or self.method in ("GET", "HEAD")

    @property
    def is_delete(self) -> bool:
        """Whether it deletes, so that repeating it leads to the same state."""
        return self.method == "DELETE"

    @property
    def may_be_run_again(self) -> bool:
        """Whether a task may do it again, although it may have been done: twice leaves the same state as once.

        What the client itself sends again is less: see
        :func:`~airflow_provider_pipedrive.client.retries.may_repeat`.
        """
        return self.is_read or self.is_delete or self.idempotent

    def __str__(self) -> str:
        return self.key or f"{self.method} {self.path}"


@dataclass(frozen=True)
class Response:
    """What came back: ``headers`` with lower-case names, ``body`` as bytes, and when it ``began`` to come, in seconds
    on the client's clock."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False, default=b"")
    began: float = 0.0


def raise_for_response(
    call: Operation, answer: Response, *, windows_waited: int = 0, redact: Callable[[str], str] = lambda text: text
) -> dict[str, Any]:
    """The parsed body of a good answer.

    :param windows_waited: full 2-second windows that have been waited before this try
    :param redact: takes secrets out of text that will be shown
    :raises PipedriveError: the answer is not good; its class says in which way
    """
    if 200 <= answer.status < 300:
        return _good(call, answer, redact)
    raise _bad(call, answer, windows_waited, redact)


def read_json(body: bytes) -> Any:
    """Strict JSON: UTF-8, no NaN, integers of any size exact; texts and numbers that nothing can hold are mended.

    :raises ValueError: it is not
    """
    return json_text.read(body)[0]


def unreadable(call: Operation, answer: Response, why: str) -> PipedriveResponseError:
    """The error for an answer that cannot be read."""
    return PipedriveResponseError(
        f"{call}: Pipedrive's answer cannot be read: {why} (status {answer.status}{_trace(answer)})."
        + ("" if call.is_read else f" {outcome_unknown(call)}"),
        action=call.key,
        status=answer.status,
        retryable=call.may_be_run_again,
    )


def _good(call: Operation, answer: Response, redact: Callable[[str], str]) -> dict[str, Any]:
    if answer.status == 204:
        return {}
    if not answer.body.strip():
        raise unreadable(call, answer, "it is empty")
    try:
        parsed, lost = json_text.read(answer.body)
    except ValueError as error:
        raise unreadable(call, answer, str(error)) from None
    if lost:
        log.warning("%s: %s: %s.", call, json_text.in_words(lost), json_text.REPAIR)
    if not isinstance(parsed, dict):
        raise unreadable(call, answer, f"an object was expected, a {type(parsed).__name__} came")
    if parsed.get("success") is False:
        reason = redact(_words(parsed))
        raise PipedriveValidationError(
            f"{call}: Pipedrive answered {answer.status}, but refused: {reason}{_where(call, answer)}",
            action=call.key,
            status=answer.status,
            reason=reason,
        )
    action = ACTIONS.get(call.key or "")
    if action is not None and (why := missing_data(action, parsed)):
        raise unreadable(call, answer, why)
    return _without_nulls(call, parsed)


def _without_nulls(call: Operation, parsed: dict[str, Any]) -> dict[str, Any]:
    """The answer, but for nulls that stand where its records do: nobody could do anything with them."""
    data = parsed.get("data")
    if isinstance(data, list) and None in data:
        parsed["data"] = [record for record in data if record is not None]
        log.warning("%s: left out %d of %s, which came as null.", call, data.count(None), counted(len(data), "record"))
    return parsed


def _bad(call: Operation, answer: Response, windows_waited: int, redact: Callable[[str], str]) -> PipedriveError:
    parsed = _parsed(answer)
    reason = redact(_words(parsed) if parsed is not None else _excerpt(answer))
    kind, advice, retryable, retry_after = _classify(call, answer, parsed, windows_waited)
    said = f"Pipedrive answered {answer.status}" + (f": {reason}" if reason else "")
    text = f"{call}: {said.rstrip('.')}. {advice}{_where(call, answer)}"
    return kind(
        text, action=call.key, status=answer.status, reason=reason, retryable=retryable, retry_after=retry_after
    )


_Judgement = tuple[type[PipedriveError], str, bool, float | None]


def _classify(call: Operation, answer: Response, parsed: dict[str, Any] | None, windows_waited: int) -> _Judgement:
    """Class of the error, advice, whether a later try could help, and after how many seconds."""
    status = answer.status
    if status == 429:
        return _too_fast(call, answer, parsed, windows_waited)
    if status == 403 and parsed is None:
        return (
            PipedriveBlockedError,
            "Pipedrive's gateway blocks this client for a while because of requests sent after a limit was "
            "reached. Stop whatever else uses this credential, and wait before running again.",
            False,
            None,
        )
    if status >= 500 or status == _GAVE_UP:
        advice = "Pipedrive has a problem of its own; another try may succeed."
        if not call.is_read:
            advice = outcome_unknown(call)
        return (
            PipedriveServerError,
            advice,
            call.may_be_run_again and status != 501,
            _retry_after(answer),
        )
    kind, advice = _refusal(call, answer, parsed)
    return kind, advice, False, None


def _refusal(call: Operation, answer: Response, parsed: dict[str, Any] | None) -> tuple[type[PipedriveError], str]:
    status = answer.status
    oauth_error = str((parsed or {}).get("error", ""))
    if status == 400 and oauth_error in ("invalid_grant", "invalid_client", "unauthorized_client"):
        return PipedriveAuthError, "The authorization is no longer valid: connect the account again."
    if status == 401:
        return PipedriveAuthError, (
            "The credential is wrong, expired or revoked. For an API token: copy it again from Pipedrive (Company "
            "settings > Personal preferences > API). For OAuth: connect the account again."
        )
    if status == 402:
        return PipedrivePaymentRequiredError, "The company's Pipedrive account is not open: see to its billing."
    if status in (403, 415):
        return PipedrivePermissionError, _permission_advice(call, status)
    if status in (404, 410):
        return _not_there(call, status)
    if 300 <= status < 400:
        return PipedriveResponseError, (
            "It redirects, which the API does not do: check the connection's host (a company's host changes when the "
            "company is renamed in Pipedrive)."
        )
    if status in _REFUSED or status < 500:
        return PipedriveValidationError, _refused_advice(call)
    return PipedriveServerError, ""


def _refused_advice(call: Operation) -> str:
    known = f" {own_command(f'actions {call.key}')} shows what the action takes." if call.key else ""
    return f"Correct the request.{known}"


def _permission_advice(call: Operation, status: int) -> str:
    if status == 415:
        return "The feature is not enabled for this Pipedrive account."
    if call.scopes:
        return (
            f"The user or the app may not do this. An OAuth app needs the scope {' or '.join(call.scopes)} "
            "(Developer Hub > OAuth & access scopes, then authorize again); a user needs the right in Pipedrive, and "
            "the plan must offer the feature."
        )
    return "The user or the app may not do this: a right, an OAuth scope or a feature of the plan is missing."


def _not_there(call: Operation, status: int) -> tuple[type[PipedriveError], str]:
    removed = next((action for action in ACTIONS.values() if _is_removed_path(action, call)), None)
    if removed is not None:
        return PipedriveEndpointRemovedError, removed.removed_message()
    if status == 410:
        return PipedriveNotFoundError, "It is gone: deleted, or the operation has been removed from Pipedrive's API."
    path = "" if call.key else " Check the path, too."
    return PipedriveNotFoundError, f"It does not exist, was deleted, or the credential's user may not see it.{path}"


def _is_removed_path(action: Action, call: Operation) -> bool:
    if action.lifecycle != "removed" or action.method != call.method:
        return False
    pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(action.path))
    return re.fullmatch(pattern, call.path.split("?")[0].replace("/api/v1/", "/v1/")) is not None


def _too_fast(call: Operation, answer: Response, parsed: dict[str, Any] | None, windows_waited: int) -> _Judgement:
    """Burst or day, in the order of how reliable the signs are."""
    day_left = _integer(answer.headers.get("x-daily-ratelimit-token-remaining"))
    window_left = _integer(answer.headers.get("x-ratelimit-remaining"))
    waited = windows_waited >= WINDOWS_BEFORE_DAILY
    if day_left is not None and day_left <= 0:
        daily = True
    elif window_left == 0:
        daily = False
    elif window_left is not None:
        # Room in the general window: the day is spent, or the Search API's own limit was hit.
        daily = waited if call.search else True
    elif day_left is None and _DAILY.search(_words(parsed or {})):
        daily = True
    else:
        daily = waited
    if daily:
        return (
            PipedriveDailyBudgetError,
            "The company's API tokens for today are spent; all its integrations share them. Run again after the "
            "reset (midnight in Pipedrive's time zone), or buy a top-up in Pipedrive.",
            True,
            _seconds(answer.headers.get("retry-after"), 86400),
        )
    wait = max(_retry_after(answer) or 0, _seconds(answer.headers.get("x-ratelimit-reset"), 60) or 0, WINDOW)
    return (
        PipedriveBurstLimitError,
        "Too many requests within 2 seconds: other tasks or programs use the same credential at the same time. Run "
        "fewer tasks at once (an Airflow pool), or give the connection a burst_limit that is each machine's share.",
        True,
        min(wait, LONGEST_WAIT),
    )


def _retry_after(answer: Response) -> float | None:
    return _seconds(answer.headers.get("retry-after"), 86400)


def _seconds(text: str | None, largest: float) -> float | None:
    """A header's seconds; anything larger is an epoch or nonsense."""
    try:
        seconds = float(text or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds <= largest else None


def _integer(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"-?[0-9]{1,18}", text) else None


def _parsed(answer: Response) -> dict[str, Any] | None:
    try:
        parsed = read_json(answer.body)
    except ValueError:
        if answer.body.strip() or "json" not in answer.headers.get("content-type", ""):
            return None
        return {}
    return parsed if isinstance(parsed, dict) else None


def _words(parsed: Mapping[str, Any]) -> str:
    """Pipedrive's own explanation."""
    errors = parsed.get("errors")
    if isinstance(errors, Mapping):
        errors = "; ".join(f"{name}: {_joined(texts)}" for name, texts in errors.items())
    found = [parsed.get("error"), parsed.get("error_description"), parsed.get("error_info")]
    found += [parsed.get("message"), errors, parsed.get("field_code")]
    texts = [str(text).strip() for text in found if text and not str(text).startswith("Please check developers")]
    return _cut(" - ".join(dict.fromkeys(texts)))


def _joined(texts: Any) -> str:
    return ", ".join(map(str, texts)) if isinstance(texts, list) else str(texts)


def _excerpt(answer: Response) -> str:
    text = re.sub(r"<[^>]*>|\s+", " ", answer.body[:2000].decode("utf-8", "replace"))
    return _cut(re.sub(r"\s+", " ", text).strip())


def _cut(text: str) -> str:
    return text if len(text) <= 400 else text[:397] + "..."


def _trace(answer: Response) -> str:
    correlation = answer.headers.get("x-correlation-id")
    return f", correlation id {correlation}" if correlation else ""


def _where(call: Operation, answer: Response) -> str:
    where = f"{call.method} {call.path.split('?')[0]}"
    return f" [{where}{_trace(answer)}]"
