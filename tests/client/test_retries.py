"""What is sent again, and after how long."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.responses import LONGEST_WAIT, Operation
from airflow_provider_pipedrive.client.retries import BURST_PATIENCE, may_repeat, wait_before
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveBlockedError,
    PipedriveBurstLimitError,
    PipedriveConnectionError,
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveResponseError,
    PipedriveServerError,
)
from tests.support.scripted_server import FakeClock, MakeClient, ScriptedServer, envelope, http

JSON = "application/json"
READ = Operation("GET", "/api/v2/deals", "getDeals")
CREATE = Operation("POST", "/api/v2/deals", "addDeal")
UPDATE = Operation("PATCH", "/api/v2/deals/1", "updateDeal", idempotent=True)


def limited(**headers: str) -> bytes:
    return http(429, b'{"success": false, "error": "Request over limit"}', Content_Type=JSON, **headers)


def test_a_burst_is_waited_out_as_its_headers_say_with_a_little_spread(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited(x_ratelimit_remaining="0", x_ratelimit_reset="4"), envelope({"id": 1})]
    client.run("getDeal", {"id": 1})
    assert 4.0 < sum(clock.slept) <= 6.0


def test_a_429_is_no_attempt_since_nothing_was_carried_out(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [*[limited(x_ratelimit_remaining="0")] * 6, envelope(1)]
    assert make_client(max_attempts=2).run("getDeal", {"id": 1}) == 1


def test_a_burst_that_does_not_end_fails_when_the_patience_does(
    make_client: MakeClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited(x_ratelimit_remaining="0")] * 99
    with pytest.raises(PipedriveBurstLimitError) as raised:
        make_client(max_attempts=4).run("getDeal", {"id": 1})
    assert raised.value.retryable
    assert BURST_PATIENCE - 2 * LONGEST_WAIT <= sum(clock.slept) <= BURST_PATIENCE


def test_429s_that_say_nothing_are_a_spent_day_after_three_windows(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited()] * 9
    with pytest.raises(PipedriveDailyBudgetError):
        client.run("getDeal", {"id": 1})
    assert len(server.requests) == 4
    assert 6.0 <= sum(clock.slept) <= 6.0 + 2 + 4 + 6


def test_one_clients_429_pauses_all_that_share_its_credential(
    make_client: MakeClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited(x_ratelimit_remaining="0", x_ratelimit_reset="5"), envelope(1)]
    first, second = make_client(max_attempts=1), make_client()
    with pytest.raises(PipedriveBurstLimitError):
        first.run("getDeal", {"id": 1})
    second.run("getDeal", {"id": 1})
    assert 5.0 <= sum(clock.slept) <= 6.0  # spread, so that machines do not come back together


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (5, 8.0), (6, 10.0), (50, 10.0)])
def test_without_a_word_from_pipedrive_the_wait_doubles_up_to_ten_seconds(attempt: int, seconds: float) -> None:
    assert wait_before(PipedriveServerError("down"), attempt) == seconds


def test_a_wait_that_a_failing_server_asks_for_is_clamped_too() -> None:
    assert wait_before(PipedriveServerError("down", retry_after=3600), 1) == 10.0


def fault(*, sent: bool, retryable: bool = True) -> PipedriveConnectionError:
    error = PipedriveConnectionError("cut", retryable=retryable)
    error.nothing_sent = not sent
    return error


@pytest.mark.parametrize(
    ("error", "read", "create", "update"),
    [
        (PipedriveBurstLimitError("429"), True, True, True),
        (fault(sent=False), True, True, True),
        (fault(sent=False, retryable=False), False, False, False),
        (fault(sent=True), True, False, False),
        (PipedriveServerError("503", retryable=True), True, False, False),
        (PipedriveServerError("501", retryable=False), False, False, False),
        (PipedriveResponseError("not JSON", retryable=True), True, False, False),
        (PipedriveDailyBudgetError("spent"), False, False, False),
        (PipedriveBlockedError("HTML 403"), False, False, False),
        (PipedriveAuthError("401"), False, False, False),
        (PipedriveNotFoundError("404"), False, False, False),
    ],
)
def test_a_write_is_repeated_only_when_nothing_can_have_happened(
    error: PipedriveError, read: bool, create: bool, update: bool
) -> None:
    assert [may_repeat(call, error) for call in (READ, CREATE, UPDATE)] == [read, create, update]
