"""One poll for many: how many requests it makes, and what it does when things go wrong."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveParameterError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
from airflow_provider_pipedrive.events.waits.outcomes import WaitOutcome
from airflow_provider_pipedrive.events.waits.records import DealsWait
from airflow_provider_pipedrive.events.waits.specs import Wait
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers import connected, wait_polling
from tests.conftest import api_token_connection, oauth_connection
from tests.support.virtual_time import run

CONNECTION = "pipedrive_default"
MINUTE = 60.0


@pytest.fixture(autouse=True)
def _one_attempt(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))


def reach(deal_id: int, stage: int) -> Wait:
    movement = Movement(reaches=(stage,))
    return Wait(DealsWait((deal_id,), movement, write_time(datetime.now(UTC)), local_clock=True, single=True))


def wait(waited_for: Wait, interval: float = MINUTE, retry_errors: bool = False) -> Awaitable[WaitOutcome]:
    return wait_polling.wait_for(CONNECTION, waited_for, interval, retry_errors=retry_errors)


def requests_to(sandbox: Sandbox, path: str) -> int:
    return sum(sent.path == path for sent in sandbox.requests)


def pollers() -> int:
    return wait_polling.pollers.count()


def test_waits_that_start_at_different_times_share_their_requests(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> list[WaitOutcome]:
        waits = []
        for deal_id in deals:
            waits.append(asyncio.ensure_future(wait(reach(deal_id, target))))
            await asyncio.sleep(0.4)
        await asyncio.sleep(3 * MINUTE)
        for deal_id in deals:
            sandbox.move_deal(deal_id, target)
        return await asyncio.gather(*waits)

    assert [outcome.result["deal_id"] for outcome in run(main(), sandbox.advance)] == deals
    assert {sent.path for sent in sandbox.requests} == {"/api/v2/deals"}
    assert 4 <= len(sandbox.requests) <= 5


def test_waits_with_other_intervals_are_looked_at_as_often_as_they_ask(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> None:
        waits = [asyncio.ensure_future(wait(reach(deals[0], target), MINUTE))]
        waits.append(asyncio.ensure_future(wait(reach(deals[1], target), 10 * MINUTE)))
        await asyncio.sleep(20 * MINUTE)
        for waiting in waits:
            waiting.cancel()

    run(main(), sandbox.advance)
    together, alone = requests_to(sandbox, "/api/v2/deals"), requests_to(sandbox, f"/api/v2/deals/{deals[0]}")
    assert (together, together + alone) in {(2, 20), (2, 19), (1, 19), (1, 20)}


def test_files_and_deals_have_polls_of_their_own(sandbox: Sandbox, deals: list[int], target: int) -> None:
    async def main() -> int:
        spec = FilesWait(after_id=max(sandbox.records("files")))
        waits = [asyncio.ensure_future(wait(pending)) for pending in (Wait(spec), reach(deals[0], target))]
        await asyncio.sleep(MINUTE)
        found = pollers()
        for waiting in waits:
            waiting.cancel()
        return found

    assert run(main(), sandbox.advance) == 2


def test_a_wait_that_is_cancelled_harms_no_other_and_the_last_one_ends_the_poll(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> tuple[int, WaitOutcome, int]:
        first, second = (asyncio.ensure_future(wait(reach(deal_id, target))) for deal_id in deals[:2])
        await asyncio.sleep(MINUTE)
        first.cancel()
        await asyncio.sleep(0)
        sandbox.move_deal(deals[1], target)
        outcome, before = await second, pollers()
        third = asyncio.ensure_future(wait(reach(deals[2], target)))
        await asyncio.sleep(0)
        third.cancel()
        await asyncio.sleep(1)
        return before, outcome, len(asyncio.all_tasks())

    before, outcome, tasks = run(main(), sandbox.advance)
    assert (before, outcome.kind, tasks) == (0, "success", 1)


def test_a_cleared_task_begins_its_wait_before_the_old_one_ends(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> WaitOutcome:
        old = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(1)
        new = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(0)
        old.cancel()
        await asyncio.sleep(1)
        sandbox.move_deal(deals[0], target)
        return await new

    assert run(main(), sandbox.advance).kind == "success"


def test_an_hour_of_5xx_is_waited_out_by_a_patient_wait_with_fewer_and_fewer_looks(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> tuple[WaitOutcome, int]:
        waiting = asyncio.ensure_future(wait(reach(deals[0], target), retry_errors=True))
        sandbox.fault("*", "503", count=None)
        await asyncio.sleep(3600)
        failed = len(sandbox.requests)
        sandbox.clear_faults()
        sandbox.move_deal(deals[0], target)
        return await waiting, failed

    outcome, failed = run(main(), sandbox.advance)
    assert outcome.kind == "success"
    assert 4 <= failed <= 7


def test_a_failing_round_is_told_to_every_wait_that_was_looked_for(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> list[Any]:
        sandbox.fault("*", "503")
        waits = [wait(reach(deal_id, target)) for deal_id in deals[:3]]
        return await asyncio.gather(*waits, return_exceptions=True)

    assert [type(answer) for answer in run(main(), sandbox.advance)] == [PipedriveServerError] * 3
    assert len(sandbox.requests) == 1


def test_a_wait_with_an_error_of_its_own_leaves_the_others_waiting(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    async def main() -> tuple[BaseException | None, WaitOutcome]:
        wrong = replace(reach(deals[0], target), names=NameRefs(reaches=("Nowhere",)))
        waits = [asyncio.ensure_future(wait(pending)) for pending in (wrong, reach(deals[1], target))]
        await asyncio.sleep(2 * MINUTE)
        sandbox.move_deal(deals[1], target)
        outcome = await waits[1]
        return waits[0].exception(), outcome

    error, outcome = run(main(), sandbox.advance)
    assert isinstance(error, PipedriveParameterError)
    assert outcome.kind == "success"


def test_a_spent_daily_budget_is_waited_out_in_silence(sandbox: Sandbox, deals: list[int], target: int) -> None:
    async def main() -> tuple[WaitOutcome, int]:
        sandbox.fault("*", "429-daily", headers={"retry-after": "7200"})
        waiting = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(7200)
        asked = len(sandbox.requests)
        sandbox.move_deal(deals[0], target)
        return await waiting, asked

    outcome, asked = run(main(), sandbox.advance)
    assert (outcome.kind, asked) == ("success", 1)


def test_a_token_that_expires_mid_wait_is_renewed(
    sandbox: Sandbox, deals: list[int], target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox))

    async def main() -> WaitOutcome:
        waiting = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(2 * MINUTE)
        sandbox.expire_access_tokens()
        await asyncio.sleep(2 * MINUTE)
        sandbox.move_deal(deals[0], target)
        return await waiting

    assert run(main(), sandbox.advance).kind == "success"
    assert sandbox.counters()["refreshes"] == 2


def test_a_connection_that_is_changed_is_used_from_the_next_look_on(
    sandbox: Sandbox, deals: list[int], target: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> WaitOutcome:
        waiting = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(2 * MINUTE)
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox))
        await asyncio.sleep(2 * MINUTE)
        sandbox.move_deal(deals[0], target)
        return await waiting

    assert run(main(), sandbox.advance).kind == "success"
    signed = ["authorization" in sent.headers for sent in sandbox.requests if sent.path.startswith("/api")]
    assert signed[0] is False
    assert signed[-1] is True


def test_a_connection_that_is_not_there_is_an_error_of_the_wait(sandbox: Sandbox, target: int) -> None:
    async def main() -> None:
        await wait_polling.wait_for("no_such_connection", reach(1, target), MINUTE, retry_errors=True)

    with pytest.raises(PipedriveAuthError, match="no_such_connection"):
        run(main(), sandbox.advance)


def test_a_slow_api_makes_rounds_rarer_and_never_two_at_once(
    sandbox: Sandbox, deals: list[int], target: int, mocker: MockerFixture
) -> None:
    at_once, most = [0], [0]

    def slow_check(client: Any, waits: list[Wait]) -> Any:
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        loop.call_soon_threadsafe(loop.skip, 3 * MINUTE)
        at_once[0] -= 1
        return check_waits(client, waits)

    check_waits = wait_polling.check_waits
    mocker.patch.object(wait_polling, "check_waits", slow_check)

    async def main() -> None:
        nonlocal loop
        loop = asyncio.get_running_loop()
        waiting = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(12 * MINUTE)
        waiting.cancel()

    loop: Any = None
    run(main(), sandbox.advance)
    assert most == [1]
    assert len(sandbox.requests) <= 4


def test_the_poll_runs_outside_the_log_context_of_the_first_subscriber(
    sandbox: Sandbox, deals: list[int], target: int, mocker: MockerFixture
) -> None:
    task = contextvars.ContextVar("task", default="none")
    seen = []
    connection = connected.get_async_connection

    async def noting(connection_id: str) -> Any:
        seen.append(task.get())
        return await connection(connection_id)

    mocker.patch.object(connected, "get_async_connection", noting)

    async def main() -> None:
        task.set("the first subscriber's")
        waiting = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(MINUTE)
        waiting.cancel()

    run(main(), sandbox.advance)
    assert set(seen) == {"none"}


def test_what_a_wait_lives_through_is_told_in_the_log_of_its_own_task(
    sandbox: Sandbox, deals: list[int], target: int
) -> None:
    task = contextvars.ContextVar("task", default="none")
    lines: list[tuple[str, str]] = []

    class Noting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append((task.get(), record.getMessage()))

    async def waits_for(name: str) -> None:
        task.set(name)
        await wait(reach(deals[0], target), retry_errors=True)

    async def main() -> None:
        waiting = [asyncio.ensure_future(waits_for(name)) for name in ("one", "two")]
        sandbox.fault("*", "503")
        await asyncio.sleep(1.5 * MINUTE)
        for each in waiting:
            each.cancel()

    wait_polling.log.addHandler(handler := Noting())
    try:
        run(main(), sandbox.advance)
    finally:
        wait_polling.log.removeHandler(handler)
    assert sorted(name for name, _ in lines) == ["one", "two"]
    assert all(line.startswith("Still waiting, as silent_fail says. The next check is in ") for _, line in lines)


def test_a_deal_that_is_deleted_is_reported_as_gone(sandbox: Sandbox, deals: list[int], target: int) -> None:
    async def main() -> WaitOutcome:
        waiting = asyncio.ensure_future(wait(reach(deals[0], target)))
        await asyncio.sleep(MINUTE)
        sandbox.delete("deals", deals[0])
        return await waiting

    outcome = run(main(), sandbox.advance)
    assert (outcome.kind, f"deal {deals[0]} was deleted" in outcome.reason) == ("gone", True)
