"""What an answer means, as tables: no socket, no clock."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.responses import (
    Operation,
    Response,
    raise_for_response,
    read_json,
)
from airflow_provider_pipedrive.client.retries import wait_before
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

READ = Operation("GET", "/api/v2/deals", "getDeals", ("deals:read", "deals:full"))
SEARCH = Operation("GET", "/api/v2/deals/search", "searchDeals", search=True)
CREATE = Operation("POST", "/api/v2/deals", "addDeal")
UPDATE = Operation("PATCH", "/api/v2/deals/1", "updateDeal", idempotent=True)
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


def answer(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Response:
    content = body if isinstance(body, bytes) else json.dumps(body or {"success": False, "error": "No."}).encode()
    return Response(status, {**JSON, **(headers or {})}, content)


def error_of(call: Operation, given: Response, windows_waited: int = 0) -> PipedriveError:
    with pytest.raises(PipedriveError) as raised:
        raise_for_response(call, given, windows_waited=windows_waited)
    return raised.value


@pytest.mark.parametrize(
    ("status", "body", "read"),
    [
        (200, b'{"success": true, "data": []}', {"success": True, "data": []}),
        (201, b'{"data": {"id": 1}}', {"data": {"id": 1}}),
        (204, b"", {}),
        (200, b'{"data": 123456789012345678901234567890}', {"data": 123456789012345678901234567890}),
    ],
)
def test_a_good_answer_is_its_json(status: int, body: bytes, read: dict[str, Any]) -> None:
    assert raise_for_response(READ, Response(status, JSON, body)) == read


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"<html>",
        b'{"data": NaN}',
        b'{"data": Infinity}',
        b'{"data": "\xff"}',
        b'{"data": "cut',
        b"[1, 2]",
        b'"text"',
        b"null",
        b"[" * 100_000,
        b'{"data": 1} and more',
    ],
)
def test_an_answer_that_is_no_strict_json_object_is_unreadable(body: bytes) -> None:
    error = error_of(READ, Response(200, JSON, body))
    assert type(error) is PipedriveResponseError
    assert (error.status, error.retryable) == (200, True)


def test_the_outcome_of_a_create_with_an_unreadable_answer_is_unknown() -> None:
    error = error_of(CREATE, Response(200, JSON, b""))
    assert error.retryable is False
    assert "look in Pipedrive before you repeat it" in str(error)


@pytest.mark.parametrize(
    ("call", "given", "kind", "retryable"),
    [
        (READ, answer(200), PipedriveValidationError, False),
        (READ, answer(400), PipedriveValidationError, False),
        (READ, answer(401), PipedriveAuthError, False),
        (READ, answer(402), PipedrivePaymentRequiredError, False),
        (READ, answer(403), PipedrivePermissionError, False),
        (READ, answer(403, b"<html>Cloudflare</html>", HTML), PipedriveBlockedError, False),
        (READ, answer(404), PipedriveNotFoundError, False),
        (READ, answer(404, b"<html>", HTML), PipedriveNotFoundError, False),
        (READ, answer(405), PipedriveValidationError, False),
        (READ, answer(409), PipedriveValidationError, False),
        (READ, answer(410), PipedriveNotFoundError, False),
        (READ, answer(415), PipedrivePermissionError, False),
        (READ, answer(418), PipedriveValidationError, False),
        (READ, answer(422), PipedriveValidationError, False),
        (READ, answer(302), PipedriveResponseError, False),
        (READ, answer(500), PipedriveServerError, True),
        (READ, answer(501), PipedriveServerError, False),
        (READ, answer(408, b"<html>", HTML), PipedriveServerError, True),
        (READ, answer(502, b"<html>", HTML), PipedriveServerError, True),
        (READ, answer(524, b"", HTML), PipedriveServerError, True),
        (UPDATE, answer(500), PipedriveServerError, True),
        (CREATE, answer(500), PipedriveServerError, False),
        (CREATE, answer(429), PipedriveBurstLimitError, True),
        (Operation("GET", "/v1/subscriptions/5"), answer(404), PipedriveEndpointRemovedError, False),
        (Operation("POST", "/oauth/token"), answer(400, {"error": "invalid_grant"}), PipedriveAuthError, False),
        (Operation("POST", "/oauth/token"), answer(400, {"error": "invalid_request"}), PipedriveValidationError, False),
    ],
)
def test_the_class_of_an_error_answers_a_question(
    call: Operation, given: Response, kind: type, retryable: bool
) -> None:
    error = error_of(call, given)
    assert type(error) is kind
    assert (error.status, error.retryable, error.action) == (given.status, retryable, call.key)


LEFT = "x-ratelimit-remaining"
DAY_LEFT = "x-daily-ratelimit-token-remaining"
BURST, DAY = PipedriveBurstLimitError, PipedriveDailyBudgetError


@pytest.mark.parametrize(
    ("call", "headers", "body", "waited", "kind"),
    [
        (READ, {DAY_LEFT: "0", LEFT: "0"}, None, 0, DAY),
        (READ, {DAY_LEFT: "-5"}, None, 0, DAY),
        (READ, {DAY_LEFT: "100", LEFT: "0"}, None, 0, BURST),
        (READ, {LEFT: "0"}, {"error": "daily request budget exceeded"}, 9, BURST),
        (READ, {LEFT: "7"}, None, 0, DAY),
        # The Search API has a limit of its own, which these headers do not tell.
        (SEARCH, {LEFT: "7"}, None, 0, BURST),
        (SEARCH, {LEFT: "7"}, None, 3, DAY),
        (READ, {}, {"error": "daily request budget exceeded"}, 0, DAY),
        (READ, {DAY_LEFT: "100"}, {"error": "daily request budget exceeded"}, 0, BURST),
        (READ, {}, None, 0, BURST),
        (READ, {}, None, 2, BURST),
        (READ, {}, None, 3, DAY),
        (READ, {LEFT: "9" * 5000}, None, 0, BURST),
    ],
)
def test_a_429_is_told_apart_by_its_headers_then_its_words_then_the_waits(
    call: Operation, headers: dict[str, str], body: Any, waited: int, kind: type
) -> None:
    assert type(error_of(call, answer(429, body, headers), waited)) is kind


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 2.0),
        ({"x-ratelimit-reset": "1"}, 2.0),
        ({"x-ratelimit-reset": "3.5"}, 3.5),
        ({"retry-after": "5", "x-ratelimit-reset": "3"}, 5.0),
        ({"retry-after": "3600"}, 10.0),
        ({"x-ratelimit-reset": "1800000000"}, 2.0),  # an epoch
        ({"retry-after": "-1"}, 2.0),
        ({"retry-after": "nan"}, 2.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, 2.0),
    ],
)
def test_the_wait_after_a_burst_comes_from_the_headers_and_is_clamped(headers: dict[str, str], seconds: float) -> None:
    error = error_of(READ, answer(429, None, headers))
    assert wait_before(error, attempt=1) == seconds


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"error": "Bad.", "error_info": "Please check developers.pipedrive.com"}, "Bad."),
        ({"error": "Bad.", "field_code": "abc"}, "Bad. - abc"),
        ({"message": "Forbidden"}, "Forbidden"),
        ({"errors": {"event_action": ["is required", "is odd"]}}, "event_action: is required, is odd"),
        ({"error": "invalid_grant", "error_description": "expired"}, "invalid_grant - expired"),
        (b"<html><h1>Gateway</h1>  time-out</html>", "Gateway time-out"),
        ({"error": "x" * 500}, "x" * 397 + "..."),
    ],
)
def test_the_reason_is_pipedrives_own_words(body: Any, reason: str) -> None:
    assert error_of(READ, answer(400, body)).reason == reason


def test_an_error_says_where_it_came_from_and_which_scope_is_missing() -> None:
    error = error_of(READ, answer(403, None, {"x-correlation-id": "c-1"}))
    assert str(error).startswith("getDeals: Pipedrive answered 403: No. The user or the app may not do this.")
    assert "needs the scope deals:read or deals:full" in str(error)
    assert str(error).endswith("[GET /api/v2/deals, correlation id c-1]")


def test_what_is_shown_goes_through_the_redaction() -> None:
    with pytest.raises(PipedriveError) as raised:
        raise_for_response(
            READ, answer(400, {"error": "token abc is bad"}), redact=lambda text: text.replace("abc", "***")
        )
    assert "abc" not in str(raised.value)
    assert raised.value.reason == "token *** is bad"


def test_an_actions_call_knows_what_judging_needs() -> None:
    call = Operation.of(get_action("searchDeals"), "/api/v2/deals/search")
    assert (call.method, call.key, call.search, call.is_read) == ("GET", "searchDeals", True, True)


def test_json_keeps_integers_of_any_size() -> None:
    assert read_json(b"[18446744073709551616, -99999999999999999999]") == [18446744073709551616, -99999999999999999999]
