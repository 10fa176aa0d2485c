"""Asset watchers on Airflow 3.3, in Airflow's own shared streams; only its database is stood in for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow has shared streams since 3.3")

import airflow.sdk.execution_time.task_runner as task_runner
from airflow.sdk import Asset
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import (
    AssetStateStoreResult,
    ErrorResponse,
    GetAssetStateStoreByName,
    OKResponse,
    SetAssetStateStoreByName,
)
from airflow.sdk.execution_time.context import AssetStateStoreAccessors
from airflow.triggers.shared_stream import SharedStreamManager
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.events import schedule
from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers import changes
from airflow_provider_pipedrive.triggers.pipedrive import PipedriveChangeEventTrigger
from tests.conftest import api_token_connection

MARGIN = 6


class Database:
    """What Airflow stores: watermarks and asset events."""

    def __init__(self) -> None:
        self.watermarks: dict[tuple[str, str], Any] = {}
        self.events: list[tuple[str, Batch]] = []

    async def asend(self, message: Any) -> Any:
        if isinstance(message, GetAssetStateStoreByName):
            if (message.name, message.key) not in self.watermarks:
                return ErrorResponse(error=ErrorType.ASSET_STORE_NOT_FOUND)
            return AssetStateStoreResult(value=self.watermarks[message.name, message.key])
        assert isinstance(message, SetAssetStateStoreByName)
        self.watermarks[message.name, message.key] = message.value
        return OKResponse(ok=True)

    def told(self, asset: str) -> list[Any]:
        """The ids of the records in an asset's events, in their order."""
        return [change.id for name, batch in self.events if name == asset for change in batch.changes]


class Triggerer:
    """Runs triggers as Airflow's triggerer does; what they fire is stored when it is told to."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.manager = SharedStreamManager()
        self.fired: list[tuple[list[str], Any, int | None]] = []
        self.tasks: dict[int, asyncio.Task[None]] = {}

    def start(self, *assets: str, **arguments: Any) -> int:
        number = len(self.tasks)
        trigger = PipedriveChangeEventTrigger(**{"interval": 0.02, **arguments})
        trigger.asset_state_store = AssetStateStoreAccessors(inlets=[Asset(name) for name in assets])
        self.tasks[number] = asyncio.create_task(self._run(number, trigger, list(assets)))
        return number

    async def _run(self, number: int, trigger: PipedriveChangeEventTrigger, assets: list[str]) -> None:
        key = trigger.shared_stream_key()
        stream = self.manager.subscribe(trigger_id=number, trigger=trigger, key=key)
        try:
            async for event in trigger.filter_shared_stream(stream):
                await self.before_an_event_is_taken()
                seq = self.manager.bind_pending_event(trigger_id=number, key=key)
                self.fired.append((assets, event, seq))
        finally:
            await self.manager.unsubscribe(number, key)

    async def before_an_event_is_taken(self) -> None:
        """Where Airflow writes a line to its log."""

    def store(self) -> None:
        """Store what was fired, and let the watchers know."""
        for assets, event, _ in self.fired:
            batch = Batch.from_extra({"from_trigger": True, "payload": event.payload})
            assert batch is not None
            self.database.events += [(asset, batch) for asset in assets]
        self.manager.confirm_persisted([seq for _, _, seq in self.fired if seq is not None])
        self.fired.clear()

    async def kill(self) -> None:
        """What was fired and not stored is gone."""
        self.fired.clear()
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def until(condition: Callable[[], Any]) -> None:
    """Let everything run until something is so."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.fixture
def database(mocker: MockerFixture) -> Database:
    found = Database()
    mocker.patch.object(task_runner, "SUPERVISOR_COMMS", found, create=True)
    mocker.patch.object(changes, "SHORTEST_INTERVAL", 0.0)
    return found


@pytest.fixture
def deals(sandbox: Sandbox) -> list[int]:
    """Open deals in a company in which nothing has happened for a while."""
    sandbox.advance(3600)
    return [deal["id"] for deal in sandbox.records("deals").values() if deal["status"] == "open"]


@asynccontextmanager
async def triggerer_of(database: Database) -> AsyncIterator[Triggerer]:
    triggerer = Triggerer(database)
    try:
        yield triggerer
    finally:
        await triggerer.kill()


def edit(sandbox: Sandbox, *deals: int) -> None:
    """Edit deals, and let the second pass."""
    for deal in deals:
        sandbox.update("deals", deal, title=f"Edited {deal}")
    sandbox.advance(MARGIN)


def watermark(database: Database, asset: str = "a") -> str:
    (found,) = [value for (name, _), value in database.watermarks.items() if name == asset]
    since: str = found["since"]
    return since


def test_a_poll_makes_one_event_with_all_changes_and_the_mark_moves_a_minute_after_it_is_stored(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            triggerer.start("a")
            await until(lambda: database.watermarks)
            beginning = watermark(database)
            edit(sandbox, *deals[:3])
            await until(lambda: triggerer.fired)
            triggerer.store()
            sandbox.advance(60)
            edit(sandbox, deals[3])
            await until(lambda: triggerer.fired)
            assert watermark(database) == beginning
            triggerer.store()
            await until(lambda: watermark(database) > beginning)

    asyncio.run(live())
    assert [len(batch.changes) for _, batch in database.events] == [3, 1]
    assert sorted(database.told("a")) == deals[:4]


def test_what_airflow_has_stored_for_nobody_comes_again_when_the_watcher_has_its_asset_back(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            parted = triggerer.start("a")
            await until(lambda: database.watermarks)
            edit(sandbox, deals[0])
            await until(lambda: triggerer.fired)
            [(assets, _, _)] = triggerer.fired
            assets.clear()
            triggerer.store()
            edit(sandbox, deals[1])
            await until(lambda: triggerer.fired)
            triggerer.tasks[parted].cancel()
            with suppress(asyncio.CancelledError):
                await triggerer.tasks[parted]
            triggerer.fired.clear()
            triggerer.start("a")
            await until(lambda: triggerer.fired)
            triggerer.store()

    asyncio.run(live())
    assert sorted(database.told("a")) == deals[:2]


def test_the_mark_moves_though_the_watcher_begins_anew_more_often_than_once_a_minute(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    async def live() -> list[int]:
        told = []
        async with triggerer_of(database) as triggerer:
            for deal in deals[:9]:
                watcher = triggerer.start("a")
                await until(lambda: database.watermarks)
                sandbox.advance(24)
                edit(sandbox, deal)
                await until(lambda: triggerer.fired)
                fired = [Batch.from_extra(event.payload) for _, event, _ in triggerer.fired]
                told.append(sum(len(batch.changes) for batch in fired if batch is not None))
                before = dict(database.watermarks)
                triggerer.store()
                await until(lambda before=before: database.watermarks != before)
                triggerer.tasks[watcher].cancel()
                with suppress(asyncio.CancelledError):
                    await triggerer.tasks[watcher]
        return told

    assert max(asyncio.run(live())) <= 5, "what two and a half minutes have brought, not all nine"
    assert set(database.told("a")) == set(deals[:9])


def test_what_a_killed_triggerer_had_fired_but_not_stored_comes_again_with_the_same_event_ids(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    def ids(triggerer: Triggerer) -> list[str]:
        batch = Batch.from_extra(triggerer.fired[0][1].payload)
        assert batch is not None
        return [change.event_id for change in batch.changes]

    async def live() -> tuple[list[str], list[str], list[str]]:
        async with triggerer_of(database) as first:
            first.start("a")
            await until(lambda: database.watermarks)
            edit(sandbox, deals[0])
            await until(lambda: first.fired)
            stored = ids(first)
            first.store()
            edit(sandbox, deals[1])
            await until(lambda: first.fired)
            lost = ids(first)
            await first.kill()
        async with triggerer_of(database) as second:
            second.start("a")
            await until(lambda: second.fired)
            return stored, lost, ids(second)

    stored, lost, again = asyncio.run(live())
    assert len(stored) == len(lost) == 1
    assert again == stored + lost, "with those of the last minute, which a consumer knows by their ids"


def test_a_watcher_that_was_away_is_told_what_the_others_had_meanwhile(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            triggerer.start("a")
            away = triggerer.start("b")
            await until(lambda: len(database.watermarks) == 2)
            triggerer.tasks[away].cancel()
            with suppress(asyncio.CancelledError):
                await triggerer.tasks[away]
            edit(sandbox, deals[0])
            await until(lambda: triggerer.fired)
            triggerer.store()
            triggerer.start("b")
            await until(lambda: triggerer.fired)
            triggerer.store()

    asyncio.run(live())
    assert (database.told("a"), database.told("b")) == ([deals[0]], [deals[0]])


def test_a_watcher_that_is_stopped_while_its_event_is_taken_keeps_its_mark(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    async def live() -> None:
        taking = asyncio.Event()

        class Slow(Triggerer):
            async def before_an_event_is_taken(self) -> None:
                taking.set()
                await asyncio.Event().wait()

        first = Slow(database)
        first.start("a")
        await until(lambda: database.watermarks)
        edit(sandbox, deals[0])
        await taking.wait()
        await first.kill()
        async with triggerer_of(database) as second:
            second.start("a")
            await until(lambda: second.fired)
            second.store()

    asyncio.run(live())
    assert database.told("a") == [deals[0]]


def test_fifty_watchers_make_the_requests_of_one(sandbox: Sandbox, database: Database, deals: list[int]):
    def rounds() -> int:
        return len([request for request in sandbox.requests if request.path == "/api/v2/deals"])

    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            for number in range(50):
                triggerer.start(f"asset {number}", interval=3600.0)
            await until(lambda: len(database.watermarks) == 50)

    before = rounds()
    asyncio.run(live())
    # One for those that had joined when the first round began, one for all the others.
    assert rounds() - before <= 2


def test_two_assets_with_equal_watchers_in_one_dag_file_have_a_mark_each(
    sandbox: Sandbox, database: Database, deals: list[int]
):
    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            triggerer.start("a", "b")
            await until(lambda: len(database.watermarks) == 2)
            beginning = watermark(database, "b")
            for deal in deals[:2]:
                sandbox.advance(60)
                edit(sandbox, deal)
                await until(lambda: triggerer.fired)
                triggerer.store()
            await until(lambda: watermark(database, "a") > beginning and watermark(database, "b") > beginning)

    asyncio.run(live())
    assert database.told("a") == database.told("b") == deals[:2]


def test_a_watcher_is_told_only_what_it_watches(sandbox: Sandbox, database: Database, deals: list[int]):
    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            triggerer.start("moves", changes="stage_moved")
            triggerer.start("deletions", changes="deleted")
            await until(lambda: len(database.watermarks) == 2)
            stage = sandbox.records("deals")[deals[0]]["stage_id"]
            sandbox.move_deal(deals[0], 3 if stage != 3 else 2)
            sandbox.delete("deals", deals[1])
            edit(sandbox, deals[2])
            await until(lambda: len(triggerer.fired) == 2)
            triggerer.store()

    asyncio.run(live())
    assert (database.told("moves"), database.told("deletions")) == ([deals[0]], [deals[1]])


def test_failures_are_waited_out_told_once_and_lose_nothing(
    sandbox: Sandbox,
    database: Database,
    deals: list[int],
    monkeypatch: pytest.MonkeyPatch,
    mocker: MockerFixture,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    mocker.patch.object(schedule, "LONGEST_BACK_OFF", 0.05)

    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            triggerer.start("a")
            await until(lambda: database.watermarks)
            sandbox.fault(path="/api/v2/deals", kind="500", count=5)
            edit(sandbox, deals[0])
            await until(lambda: triggerer.fired)
            triggerer.store()

    asyncio.run(live())
    assert database.told("a") == [deals[0]]
    assert [record.message.split(":")[0] for record in caplog.records if "Watchers of" in record.message] == [
        "Watchers of deals on pipedrive_default see nothing"
    ]


def test_a_field_that_is_not_there_stops_its_own_watcher_only(
    sandbox: Sandbox, database: Database, deals: list[int], caplog: pytest.LogCaptureFixture
):
    async def live() -> None:
        async with triggerer_of(database) as triggerer:
            triggerer.start("broken", fields=["Titel"])
            triggerer.start("a")
            await until(lambda: len(database.watermarks) == 2)
            edit(sandbox, deals[0])
            await until(lambda: triggerer.fired)
            triggerer.store()

    asyncio.run(live())
    assert (database.told("a"), database.told("broken")) == ([deals[0]], [])
    assert "deals have no field 'Titel'. Did you mean 'Title'?" in caplog.text


def test_too_many_changes_are_named_by_their_window(
    sandbox: Sandbox, database: Database, deals: list[int], mocker: MockerFixture
):
    mocker.patch("airflow_provider_pipedrive.events.changes.batch.MOST_CHANGES", 2)

    async def live() -> Batch:
        async with triggerer_of(database) as triggerer:
            triggerer.start("a")
            await until(lambda: database.watermarks)
            edit(sandbox, *deals[:3])
            await until(lambda: triggerer.fired)
            triggerer.store()
            return database.events[0][1]

    batch = asyncio.run(live())
    assert batch.window is not None
    assert (batch.changes, batch.window.watch.kinds) == ((), ("created", "changed"))
