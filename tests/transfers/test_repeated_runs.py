"""A run that is repeated, cleared or backfilled lands what is its own, and takes nothing from another one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, ObjectStoragePath
from airflow.timetables.trigger import CronTriggerTimetable

from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.extraction.watermarks import listed
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import PipedriveToObjectStorageOperator
from tests.conftest import API_TOKEN, api_token_connection

PLAIN_CRON = CronTriggerTimetable("0 0 * * *", timezone="UTC")
"""What ``@daily`` means to Airflow 3: a run has no data interval."""


@pytest.fixture(scope="module")
def running_company() -> Iterator[Sandbox]:
    with Sandbox(deals=500, seed=2, api_token=API_TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def company(running_company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    running_company.reset()
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(running_company))
    return running_company


def dag() -> DAG:
    return DAG("nightly", schedule=PLAIN_CRON, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"))


def context(run_id: str, run_type: str = "manual", logical_date: datetime | None = None) -> Any:
    """What Airflow 3 hands to a task of a DAG with a plain cron schedule."""
    return {
        "ti": SimpleNamespace(map_index=-1),
        "run_id": run_id,
        "dag": dag(),
        "dag_run": SimpleNamespace(run_type=run_type, logical_date=logical_date),
        "logical_date": logical_date,
        "data_interval_start": logical_date,
        "data_interval_end": logical_date,
    }


def changes(path: Any, run: Any, **arguments: Any) -> dict[str, Any]:
    task = PipedriveToObjectStorageOperator(
        task_id="changes", entities=["deals"], path=path, mode="changes", dag=dag(), **arguments
    )
    return task.execute(run)


def deals(folder: Path) -> dict[int, str]:
    """What is in a partition, by its manifest: the titles by id."""
    manifest = json.loads((folder / "_manifest.json").read_text())
    rows = [row for part in manifest["parts"] for row in read_rows(folder / part["name"], manifest["format"])]
    found = {row["id"]: row["title"] for row in rows}
    assert len(found) == len(rows)
    return found


def partition(path: Path, run_id: str) -> Path:
    return path / "deals" / f"run=nightly.changes.{run_id}"


def in_pipedrive() -> dict[int, str]:
    return {deal["id"]: deal["title"] for deal in PipedriveHook().iterate("getDeals")}


def edit(company: Sandbox, *numbers: int, title: str = "edited") -> None:
    company.advance(600)
    for number in numbers:
        company.update("deals", number, title=title)
    company.advance(600)


def some_deals(count: int) -> list[int]:
    return sorted(in_pipedrive())[:count]


# ---- by hand, cleared, tried again


def test_a_manual_run_that_is_cleared_or_tried_again_lands_the_same_rows_again(
    company: Sandbox, tmp_path: Path
) -> None:
    everything = in_pipedrive()
    changes(tmp_path, context("first"))
    assert deals(partition(tmp_path, "first")) == everything
    for _ in ("cleared", "failed in post_execute, and tried again"):
        changes(tmp_path, context("first"))
        assert deals(partition(tmp_path, "first")) == everything


def test_in_object_storage_a_run_that_is_cleared_lands_the_same_rows_again(company: Sandbox, bucket: str) -> None:
    one, two = some_deals(2)
    changes(f"{bucket}/crm", context("first"))
    edit(company, one, two)
    for _ in range(2):
        receipt = changes(f"{bucket}/crm", context("second"))
        manifest = ObjectStoragePath(receipt["entities"]["deals"]["manifest"])
        (part,) = json.loads(manifest.read_bytes())["parts"]
        found = [json.loads(line) for line in (manifest.parent / part["name"]).read_bytes().splitlines()]
        assert {deal["id"]: deal["title"] for deal in found} == {one: "edited", two: "edited"}
    assert changes(f"{bucket}/crm", context("third"))["rows"] == 0


def test_a_later_run_that_is_tried_again_lands_its_changes_again_and_the_next_begins_where_it_ended(
    company: Sandbox, tmp_path: Path
) -> None:
    one, two, three = some_deals(3)
    changes(tmp_path, context("first"))
    edit(company, one, two)
    for _ in range(2):
        receipt = changes(tmp_path, context("second"))
        assert deals(partition(tmp_path, "second")) == {one: "edited", two: "edited"}
        assert receipt["rows"] == 2
    edit(company, three)
    changes(tmp_path, context("third"))
    assert deals(partition(tmp_path, "third")) == {three: "edited"}
    second, third = (claim for claim in listed(tmp_path)[0]["claims"] if not claim["run"].endswith("first"))
    assert third["since"] <= second["until"]


def test_what_was_edited_since_stays_in_the_partition_of_the_run_that_is_cleared(
    company: Sandbox, tmp_path: Path
) -> None:
    one, two, *_ = some_deals(2)
    changes(tmp_path, context("first"))
    edit(company, one, two)
    changes(tmp_path, context("second"))
    edit(company, one, title="edited again")
    changes(tmp_path, context("second"))
    assert deals(partition(tmp_path, "second")) == {one: "edited", two: "edited"}


def test_two_manual_runs_of_a_day_share_its_partition_and_keep_each_others_rows(
    company: Sandbox, tmp_path: Path
) -> None:
    everything, (one, *_) = in_pipedrive(), some_deals(1)
    day = tmp_path / "deals" / "dt=2026-03-05"
    changes(tmp_path, context("morning"), partition="dt=2026-03-05")
    assert deals(day) == everything
    edit(company, one)
    changes(tmp_path, context("evening"), partition="dt=2026-03-05")
    manifest = json.loads((day / "_manifest.json").read_text())
    rows = [row for part in manifest["parts"] for row in read_rows(day / part["name"], "jsonl")]
    assert {row["id"] for row in rows} == everything.keys()
    assert sorted(row["title"] for row in rows if row["id"] == one) == sorted([everything[one], "edited"])


def test_scheduled_runs_without_intervals_read_on_and_catch_up_without_a_gap(company: Sandbox, tmp_path: Path) -> None:
    nights = [datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    everything = in_pipedrive()
    found: dict[int, str] = {}
    for number, night in enumerate(nights):
        changes(tmp_path, context(f"night{number}", "scheduled", night))
        found |= deals(partition(tmp_path, f"night{number}"))
        edit(company, *some_deals(number + 1), title=f"after night {number}")
    changes(tmp_path, context("night3", "scheduled", nights[-1] + timedelta(days=1)))
    found |= deals(partition(tmp_path, "night3"))
    assert found.keys() >= everything.keys()
    assert found == in_pipedrive()


# ---- a backfill over a plain cron schedule

DAYS = [datetime(2020, 5, day, tzinfo=UTC) for day in (4, 5, 6, 7)]


def edited_on_each_day(company: Sandbox) -> dict[str, int]:
    """A deal that was last updated on each of the days before the ticks."""
    numbers = dict(zip((f"{day:%d}" for day in DAYS), some_deals(len(DAYS)), strict=True))
    for day, number in zip(DAYS, numbers.values(), strict=True):
        company.update("deals", number, update_time=f"{day - timedelta(hours=8):%Y-%m-%dT%H:%M:%SZ}")
    return numbers


def test_each_run_of_a_backfill_lands_the_day_before_its_logical_date_and_leaves_the_mark_alone(
    company: Sandbox, tmp_path: Path
) -> None:
    changes(tmp_path, context("first"))
    watermarks = listed(tmp_path)
    numbers = edited_on_each_day(company)
    for day in reversed(DAYS):
        run = context(f"backfill{day:%d}", "backfill", day)
        receipt = changes(tmp_path, run)
        assert list(deals(partition(tmp_path, f"backfill{day:%d}"))) == [numbers[f"{day:%d}"]]
        window = receipt["entities"]["deals"]["window"]
        assert window == {"since": (day - timedelta(days=1)).isoformat(), "until": day.isoformat()}
    assert listed(tmp_path) == watermarks


def test_a_backfill_before_the_first_run_leaves_no_mark_so_that_the_first_run_reads_everything(
    company: Sandbox, tmp_path: Path
) -> None:
    edited_on_each_day(company)
    changes(tmp_path, context("backfill", "backfill", DAYS[0]))
    assert listed(tmp_path) == []
    changes(tmp_path, context("first"))
    assert deals(partition(tmp_path, "first")) == in_pipedrive()


def test_a_backfill_whose_schedule_does_not_say_the_time_fails_with_advice_and_lands_nothing(
    company: Sandbox, tmp_path: Path
) -> None:
    run = context("backfill", "backfill", DAYS[0])
    run["dag"] = DAG("nightly", schedule="@once", start_date=pendulum.datetime(2026, 1, 1, tz="UTC"))
    with pytest.raises(AirflowFailException, match=r"schedule \(OnceTimetable\) does not say.*give since and until"):
        changes(tmp_path, run)
    assert list(tmp_path.iterdir()) == []
    assert company.requests == []


def test_since_and_until_go_before_the_schedule_of_a_backfill(company: Sandbox, tmp_path: Path) -> None:
    numbers = edited_on_each_day(company)
    run = context("backfill", "backfill", DAYS[0])
    changes(tmp_path, run, since="2020-05-05", until="2020-05-07")
    assert sorted(deals(partition(tmp_path, "backfill"))) == sorted([numbers["06"], numbers["07"]])


# ---- two choices in one place


def test_two_mapped_snapshots_of_other_choices_do_not_take_each_others_place(company: Sandbox, tmp_path: Path) -> None:
    def snapshot(run_id: str, index: int, status: str, **arguments: Any) -> dict[str, Any]:
        task = PipedriveToObjectStorageOperator(
            task_id="snapshot",
            entities=["deals"],
            path=tmp_path,
            parameters={"deals": {"status": status}},
            dag=dag(),
            **arguments,
        )
        return task.execute(context(run_id) | {"ti": SimpleNamespace(map_index=index)})

    snapshot("monday", 0, "won")
    won = deals(tmp_path / "deals")
    with pytest.raises(AirflowFailException, match=r"nightly\.snapshot\[0\] publishes there, with other par"):
        snapshot("monday", 1, "lost")
    assert deals(tmp_path / "deals") == won
    snapshot("monday", 1, "lost", partition="status=lost")
    snapshot("tuesday", 0, "open")  # the task's own choice may change
    assert deals(tmp_path / "deals").keys().isdisjoint(won)
