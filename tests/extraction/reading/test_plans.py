"""Plans: kept as JSON, and read back by the run that continues."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.plans import (
    BidirectionalPlan,
    ChangelogsPlan,
    ParentsPlan,
    ReadPlan,
    WindowPlan,
    WindowsPlan,
    load_plan,
    save_plan,
)
from tests.support.reads_in_memory import staging_in

DEALS = ENTITIES["deals"].name


def begin_a_part(staging: EntityStaging) -> None:
    """Before there is something to continue, no plan is kept."""
    staging.write("first", [0], [b'{"id":1}'], [Key(1)])
    staging.abort()


def test_a_plan_of_which_nothing_was_read_is_not_kept(tmp_path: Path) -> None:
    save_plan(staging_in(tmp_path, DEALS), WindowsPlan("2026-01-31T12:00:00+00:00"))
    assert load_plan(staging_in(tmp_path, DEALS), WindowsPlan) is None


@pytest.mark.parametrize(
    ("plan", "strategy"),
    [
        (WindowsPlan("2026-01-31T12:00:00+00:00", highest=7, expected=6, walked=True), "windows"),
        (WindowPlan("2026-01-30T00:00:00+00:00", "2026-01-31T00:00:00+00:00"), "window"),
        (ParentsPlan([[1, 2], ["a"]]), "by batches of parents' ids"),
        (ChangelogsPlan([3, 4]), "changelogs"),
    ],
)
def test_a_plan_is_read_back_as_it_was_by_the_next_try(tmp_path: Path, plan: ReadPlan, strategy: str) -> None:
    staging = staging_in(tmp_path, DEALS)
    save_plan(staging, plan)
    begin_a_part(staging)
    assert load_plan(staging_in(tmp_path, DEALS), type(plan)) == plan
    assert plan.strategy == strategy


def test_a_new_run_has_no_plan(tmp_path: Path) -> None:
    assert load_plan(staging_in(tmp_path, DEALS), WindowsPlan) is None


@pytest.mark.parametrize(
    ("kept", "message"),
    [
        ({"strategy": "by moonlight"}, "'by moonlight', which this run cannot continue (Invalid value 'by moonlight'"),
        ({"until": "2026-01-31T12:00:00+00:00"}, "None, which this run cannot continue"),
        ({"strategy": "windows"}, "'windows', which this run cannot continue (Object missing required field `began`"),
        ({"strategy": "changelogs", "deals": []}, "(expected is windows or bidirectional)"),
    ],
)
def test_a_plan_that_cannot_be_continued_is_refused_with_what_to_do(
    tmp_path: Path, kept: dict[str, object], message: str
) -> None:
    staging = staging_in(tmp_path, DEALS)
    staging.save(kept)
    begin_a_part(staging)
    with pytest.raises(PipedriveParameterError) as error:
        load_plan(staging_in(tmp_path, DEALS), WindowsPlan, BidirectionalPlan)
    assert message in str(error.value)
    assert "remove the folder _pipedrive/unfinished" in str(error.value)
