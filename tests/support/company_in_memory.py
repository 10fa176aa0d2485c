"""A list in memory in the server's place, that answers in any order, is edited meanwhile, and fails when told to."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.errors import PipedriveConnectionError, PipedriveValidationError
from airflow_provider_pipedrive.extraction.output import rewriting, staging
from airflow_provider_pipedrive.extraction.reading import (
    catch_up,
    profile,
    proof,
    queries,
    range_reader,
    ranges,
    request_pool,
)
from airflow_provider_pipedrive.extraction.reading.pages import Key, Page, timestamp

PAGE = 10
BEGIN = 1_700_000_000


class Killed(BaseException):
    """The process ends: nothing else is written."""


@dataclass
class Client:
    """As much of the client as chooses a way."""

    run: Callable[[str], Any]
    burst_limit: int = 80
    room: int = 80


class Company:
    """A list's records, and all that happens to them.

    :param dice: decides what happens
    :param count: of the ids that were given
    :param gaps: the share of them whose records are gone
    :param hot: the share of records that one import has updated in one second
    :param never_updated: the share of records without a time
    :ivar restless: whether others edit before every answer
    :ivar deletes_show: whether records are archived and deleted too: only some lists report that
    """

    def __init__(
        self, dice: random.Random, *, count: int, gaps: float = 0.0, hot: float = 0.0, never_updated: float = 0.0
    ) -> None:
        self.dice = dice
        self.now = float(BEGIN)
        self.restless = False
        self.deletes_show = True
        self.records: dict[int, dict[str, Any]] = {}
        self.archived: dict[int, dict[str, Any]] = {}
        self.deleted: dict[int, dict[str, Any]] = {}
        self._order = self.dice.randrange(1000)
        self.highest = 0
        hot_second = BEGIN - self.dice.randrange(200, 5000)
        span = self.dice.choice([30, 500, 5000])
        for _ in range(count):
            self.highest += 1
            if self.dice.random() < gaps:
                continue
            when: int | None = BEGIN - self.dice.randrange(1, span)
            if self.dice.random() < hot:
                when = hot_second
            if self.dice.random() < never_updated:
                when = None
            self.records[self.highest] = {"id": self.highest, "update_time": _text(when), "state": 0}

    # ---- what others do

    def live_on(self, *, catching_up: bool) -> None:
        """Something happens, or nothing.

        :param catching_up: nothing is removed any more, and edits are of a later second than all that was answered
        """
        self.now = int(self.now) + 1 if catching_up else self.now + self.dice.random()
        if not self.restless or not self.records or self.dice.random() < 0.3:
            return
        number = self.dice.choice(list(self.records))
        deed = self.dice.random()
        if deed < 0.6 or catching_up or (deed < 0.8 and not self.deletes_show):
            self.touch(self.records[number])
        elif deed < 0.7:
            self.archived[number] = self.touch(self.records.pop(number))
        elif deed < 0.8:
            self.deleted[number] = {**self.touch(self.records.pop(number)), "is_deleted": True}
        else:
            self.highest += 1
            self.records[self.highest] = self.touch({"id": self.highest, "state": 0})

    def touch(self, record: dict[str, Any], ago: int = 0) -> dict[str, Any]:
        """Edit a record, which is seen so many seconds late."""
        record |= {"update_time": _text(int(self.now) - ago), "state": record["state"] + 1}
        return record

    @property
    def live(self) -> list[dict[str, Any]]:
        """The records that the list has now, by id, each in its present state."""
        return [dict(record) for _, record in sorted(self.records.items())]

    # ---- what it answers

    def answer(self, entity: Entity, asked: Mapping[str, Any]) -> Page:
        """One page of a list by cursor."""
        source = dict(self.archived if entity.name == "archived_deals" else self.records)
        if "deleted" in str(asked.get("status")):
            source |= self.deleted
        found = [self._whole(record) for record in source.values() if _is_asked(record, asked)]
        found.sort(key=lambda record: self._place(record, asked), reverse=asked.get("sort_direction") == "desc")
        if "cursor" in asked:
            after = json.loads(asked["cursor"])
            backwards = asked.get("sort_direction") == "desc"
            places = [(record, list(self._place(record, asked))) for record in found]
            found = [record for record, place in places if (place < after if backwards else place > after)]
        shown = found if "ids" in asked else found[: asked.get("limit", PAGE)]
        cursor = json.dumps(self._place(shown[-1], asked)) if len(found) > len(shown) else None
        return Page(
            [json.dumps(record).encode() for record in shown],
            [Key(record["id"], timestamp(record["update_time"])) for record in shown],
            {"data": shown, "additional_data": {"next_cursor": cursor}},
            datetime.fromtimestamp(int(self.now), UTC),
            1.0,  # slow enough that all connections are used
        )

    def _whole(self, record: dict[str, Any]) -> dict[str, Any]:
        return dict(record)

    def _place(self, record: Mapping[str, Any], asked: Mapping[str, Any]) -> tuple[str, float]:
        by_time = asked.get("sort_by") == "update_time"
        # The records of one second come in any order, but always in the same.
        return (record["update_time"] or "", hash((self._order, record["id"]))) if by_time else ("", record["id"])


class RequestPool(request_pool.RequestPool):
    """Answers requests in a random order, in the caller's thread.

    :param fails_at: the number of the read that fails
    :param forgetful: takes no cursor that another run was given
    :ivar at_look: the list as it was at the first look for changes while the walk was not over; None before one
    :ivar counted_first: whether its records had been counted before that look
    """

    def __init__(
        self, company: Company, concurrency: int, fails_at: int | None = None, *, forgetful: bool = False
    ) -> None:
        self.company = company
        self.concurrency = concurrency
        self.client: Any = Client(self._count)
        self.on_progress = self._complete_one
        self.latest = None
        self.failure = None
        self.caught_up = False
        self.reads = 0
        self.at_look: list[dict[str, Any]] | None = None
        self.counted_first = False
        self._looking = False
        self._fails_at = fails_at
        self._forgetful = forgetful
        self._given: set[str] = set()
        self._waiting: list[Callable[[], bool | None]] = []

    def read(
        self,
        entity: Entity,
        parameters: Mapping[str, Any],
        stats: request_pool.ReadStats,
        before_body: Callable[[], object] | None = None,
    ) -> Page:
        self.reads += 1
        if self.reads == self._fails_at:
            raise PipedriveConnectionError("the line is dead")
        if self._forgetful and parameters.get("cursor", "") not in {"", *self._given}:
            raise PipedriveValidationError("There is no such cursor.")
        catching_up = entity.name != "archived_deals" and _is_open_ended(parameters) and not self._looking
        if catching_up or not self.caught_up:
            self.company.live_on(catching_up=catching_up)
        self.caught_up = self.caught_up or catching_up
        page = self.company.answer(entity, {**entity.parameters, **parameters})
        if self._looking and self.at_look is None:
            self.at_look = self.company.live
        self._given.add(str(page.envelope["additional_data"]["next_cursor"]))
        stats.pages += 1
        self.latest = max(filter(None, (self.latest, page.server_time)))
        return page

    def submit_then(self, work: Callable[[], Any], done: Callable[[Any, BaseException | None], None]) -> None:
        early = self.company.dice.random() < 0.5  # the server reads it at once, and its answer is long on its way
        result = _tried(work) if early else None

        def answer() -> bool:
            done(*(result or _tried(work)))
            return True

        self._waiting.append(answer)

    def run_all(self, works: Iterable[Callable[[], Any]]) -> list[Any]:
        numbered = list(enumerate(works))
        self.company.dice.shuffle(numbered)
        found = {number: work() for number, work in numbered}
        return [found[number] for number in sorted(found)]

    def submit(self, work: Callable[[], Any]) -> Any:
        promise = _Promise(partial(self._look, work))
        self._waiting.append(promise.keep)
        return promise

    def _look(self, work: Callable[[], Any]) -> Any:
        self._looking = True
        try:
            return work()
        finally:
            self._looking = False

    def run_with(self, work: Callable[[], Any], others: Iterable[Callable[[], Any]]) -> list[Any]:
        return self.run_all([work, *others])

    def _complete_one(self) -> None:
        answered = None
        while self._waiting and not answered:  # what a promise brings is no answer that the reader waits for
            answered = self._waiting.pop(self.company.dice.randrange(len(self._waiting)))()

    def _count(self, action: str) -> Any:
        assert action == "getDealsSummary"
        self.counted_first = self.counted_first or self.at_look is None
        return {"total_count": len(self.company.records)}


class _Promise:
    """Keeps itself when it is asked for its result, or before."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work

    def keep(self) -> None:
        self.result()

    def result(self) -> Any:
        if not hasattr(self, "_result"):
            self._result = self._work()
        return self._result


@pytest.fixture(scope="module")
def small_pages(module_mocker: MockerFixture) -> None:
    """Pages of ten, parts of twenty, and a plan for every list that has two pages."""
    for module in (ranges, range_reader, queries, profile, proof, catch_up):
        module_mocker.patch.object(module, "PAGE", PAGE)
    for module in (staging, rewriting):
        module_mocker.patch.object(module, "PART_ROWS", 2 * PAGE)
    module_mocker.patch.object(staging, "MOST_ROWS", 2 * PAGE)


def _tried(work: Callable[[], Any]) -> tuple[Any, BaseException | None]:
    try:
        return work(), None
    except (PipedriveConnectionError, PipedriveValidationError) as error:
        return None, error


def _is_asked(record: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    when = record["update_time"]
    if "ids" in asked and record["id"] not in asked["ids"]:
        return False
    if "updated_since" in asked and (when is None or when < asked["updated_since"]):
        return False
    return "updated_until" not in asked or (when is not None and when < asked["updated_until"])


def _is_open_ended(parameters: Mapping[str, Any]) -> bool:
    return "updated_since" in parameters and "updated_until" not in parameters


def _text(second: int | None) -> str | None:
    return None if second is None else queries.rfc3339(second)
