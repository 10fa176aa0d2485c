"""What a load reads, and how far the warehouse has come after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from airflow_provider_pipedrive.extraction.definition import ExtractionJob, Mode
from airflow_provider_pipedrive.transfers.warehouse_plan import plan_jobs, watermark_after

MONDAY, TUESDAY, FRIDAY = (datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 6))
LOADED = {"deals": {"watermark": "..."}, "persons": {"watermark": "..."}}
ALL = ["deals", "persons", "observed_stage_history", "leads"]


def job(entities: Sequence[str], mode: Mode, since: datetime | None, until: datetime | None) -> ExtractionJob:
    return ExtractionJob(entities, mode, since, until)


def planned(
    window: tuple[datetime | None, datetime | None], **watermarks: datetime | None
) -> list[tuple[list[str], str, datetime | None, datetime | None]]:
    known = {name: watermarks.get(name) for name in ("deals", "persons", "leads")}
    jobs = plan_jobs(job, ALL, window, known, LOADED)
    return [(list(each.entities), each.mode, each.since, each.until) for each in jobs]


def test_what_was_never_loaded_is_read_whole_and_the_rest_each_from_its_own_watermark() -> None:
    assert planned((None, None), deals=MONDAY, persons=FRIDAY) == [
        (["leads"], "snapshot", None, None),
        (["deals", "observed_stage_history"], "changes", MONDAY, None),
        (["persons"], "changes", FRIDAY, None),
    ]


def test_a_window_is_read_of_all_but_of_tables_that_have_to_be_read_whole_again() -> None:
    assert planned((MONDAY, FRIDAY), persons=FRIDAY) == [
        (["deals", "observed_stage_history"], "snapshot", None, None),
        (["persons", "leads"], "changes", MONDAY, FRIDAY),
    ]


@pytest.mark.parametrize(
    ("since", "newest", "before", "after"),
    [
        pytest.param(TUESDAY, FRIDAY, TUESDAY, FRIDAY, id="reading on"),
        pytest.param(MONDAY, FRIDAY, TUESDAY, FRIDAY, id="from before the watermark"),
        pytest.param(FRIDAY, FRIDAY, TUESDAY, TUESDAY, id="a gap"),
        pytest.param(MONDAY, MONDAY, FRIDAY, FRIDAY, id="an old window"),
        pytest.param(TUESDAY, None, TUESDAY, TUESDAY, id="nothing new"),
        pytest.param(MONDAY, TUESDAY, None, None, id="before the first load"),
    ],
)
def test_the_mark_moves_over_no_gap_and_never_back(
    since: datetime, newest: datetime | None, before: datetime | None, after: datetime | None
) -> None:
    job = ExtractionJob(["deals"], "changes", since)
    assert watermark_after(job, newest and newest.isoformat(), before) == after


def test_a_whole_list_sets_the_mark_wherever_it_was() -> None:
    assert watermark_after(ExtractionJob(["deals"]), TUESDAY.isoformat(), FRIDAY) == TUESDAY
