"""Whole lists and windows of a list in memory, read in a folder, killed and begun again as told."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveConnectionError
from airflow_provider_pipedrive.extraction.output.publication import EntityFolders
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.reading.plans import BidirectionalPlan, WindowsPlan
from airflow_provider_pipedrive.extraction.reading.profile import ListProfile
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats
from airflow_provider_pipedrive.extraction.reading.snapshot import RangeSnapshot
from airflow_provider_pipedrive.extraction.reading.strategies import strategy_for
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow
from tests.support.company_in_memory import Company, Killed, RequestPool
from tests.support.stagings import found_in


@dataclass(frozen=True)
class Run:
    """One run, and how it ends.

    :param parts: how many parts it finishes before its process ends; None: it is not killed
    :param reads: the number of the request that fails, if any
    :param publishes: whether it gets as far as publishing what it read
    """

    parts: int | None = None
    reads: int | None = None
    publishes: bool = True


class Staging(EntityStaging):
    """Ends the process before a part is finished, and so all parts that are open.

    :ivar parts: how many are finished before that; None: it lives on
    """

    parts: int | None = None

    def finish(self, stream: str, resume_info: Any) -> None:
        if stream in self._open and self.parts is not None:
            self.parts -= 1
            if self.parts < 0:
                raise Killed
        super().finish(stream, resume_info)


def staging_in(folder: Path, entity: str) -> Staging:
    return found_in(EntityFolders(entity, folder / "unfinished", folder / entity), Staging)


class Chosen(RangeSnapshot):
    """Reads in the way that the test chooses, where the list is long enough to have a choice.

    :ivar strategy: that way
    """

    strategy: str

    def _plan_for(self, profile: ListProfile, took: float, *, more: bool) -> type[WindowsPlan | BidirectionalPlan]:
        chosen = WindowsPlan if self.strategy == "windows" else BidirectionalPlan
        return chosen if more else super()._plan_for(profile, took, more=more)


def published(landing: EntityStaging, outcome: ReadOutcome) -> list[dict[str, Any]]:
    """What a consumer finds, by id."""
    manifest = landing.publish(outcome.dropped, {})
    parts = [(landing.target / part["name"]).read_text() for part in manifest["parts"]]
    found = [json.loads(line) for part in parts for line in part.splitlines()]
    return sorted(found, key=lambda record: int(record["id"]))


def read_whole(
    company: Company, folder: Path, entity: str, strategy: str, runs: Iterable[Run] = ()
) -> list[dict[str, Any]]:
    """The list as it is published after ``runs`` that do not get so far, if one of them does, after that one."""
    for run in (*runs, Run()):
        with suppress(Killed, PipedriveConnectionError):
            found = _read(company, folder, entity, strategy, run)
            if found is not None:
                return found
    raise AssertionError("the last run is not killed, nothing fails in it, and it publishes")


def _read(company: Company, folder: Path, entity: str, strategy: str, run: Run) -> list[dict[str, Any]] | None:
    forgetful = company.dice.choice([False, True])
    pool = RequestPool(company, 1 if strategy == "front to back" else 8, run.reads, forgetful=forgetful)
    pool.client.room = company.dice.choice([0, 3, 80])  # in the rate limit's window
    landing, outcome = read_by(pool, folder, entity, strategy, run.parts)
    return published(landing, outcome) if run.publishes else None


def read_by(
    pool: RequestPool, folder: Path, entity: str, strategy: str, parts: int | None = None
) -> tuple[EntityStaging, ReadOutcome]:
    """Read a list by the requests of this pool; nothing is published yet.

    :raises Killed: after ``parts`` finished parts
    """
    landing = staging_in(folder, entity)
    landing.parts = parts
    landing.shared = pool.company.dice.choice([landing.shared, None])  # as where rows wait for Parquet
    clock = partial(getattr, pool.company, "now")
    reader = Chosen(EntityRead(pool, ENTITIES[entity], landing, ReadStats(), lookback=5.0, clock=clock))
    reader.strategy = strategy
    try:
        return landing, reader.read()
    finally:
        landing.abort()


def window_between(
    since: int, until: int, lookback: float = 0.0, known: Mapping[Identity, datetime] | None = None
) -> UpdateWindow:
    """From one second, less the lookback, to before another."""
    return UpdateWindow(datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC), lookback, known or {})


def read_window(company: Company, folder: Path, window: UpdateWindow, parts: int | None = None) -> list[dict[str, Any]]:
    """What changed in a window, as it is published.

    :raises Killed: after ``parts`` finished parts
    """
    landing = staging_in(folder, "persons")
    landing.parts = parts
    try:
        reading = EntityRead(RequestPool(company, 8), ENTITIES["persons"], landing, ReadStats(), window=window)
        outcome = strategy_for(reading).read()
    finally:
        landing.abort()
    return published(landing, outcome)
