"""Runs that are repeated in a real Airflow 3: cleared, tried again after they have landed, backfilled by plain cron."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from environment import clean_environ
from live_airflow import LiveAirflow, Run
from live_sandbox import LiveSandbox

from airflow_provider_pipedrive.extraction.output.formats import read_rows
from tests.system.conftest import PYTHON

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(metadata.version("apache-airflow").startswith("2."), reason="it talks to Airflow 3's REST API"),
]

DAG = """
import datetime

import pendulum
from airflow.sdk import DAG

from airflow_provider_pipedrive.transfers import PipedriveToObjectStorageOperator


class FailsAfterwards(PipedriveToObjectStorageOperator):
    def post_execute(self, context, result=None):
        if context["ti"].try_number % 2:
            raise RuntimeError("as a listener or a plugin does")


CHANGES = {{"entities": ["deals"], "mode": "changes"}}

with DAG("by_hand", schedule=None):
    PipedriveToObjectStorageOperator(task_id="changes", path="{home}/changes", **CHANGES)
    PipedriveToObjectStorageOperator(task_id="of_the_day", path="{home}/day", partition="dt=2026-03-05", **CHANGES)
    FailsAfterwards(
        task_id="fails_afterwards", path="{home}/fails", retries=1, retry_delay=datetime.timedelta(seconds=1), **CHANGES
    )

with DAG(
    "nightly",
    schedule="@daily",
    start_date=pendulum.datetime(2020, 1, 1, tz="Europe/Berlin"),
    catchup=False,
    is_paused_upon_creation=True,
):
    PipedriveToObjectStorageOperator(task_id="changes", path="{home}/nightly", **CHANGES)
"""
DAYS = ("2020-05-04", "2020-05-05", "2020-05-06", "2020-05-07")


@dataclass
class Seen:
    """What lay in the folders after each step, as titles by deal."""

    everything: set[int]
    numbers: list[int]
    landed: dict[str, dict[str, list[tuple[int, str]]]] = field(default_factory=dict)
    tries: list[int] = field(default_factory=list)
    watermarks: list[Any] = field(default_factory=list)


def rows(folder: Path) -> list[tuple[int, str]]:
    manifest = json.loads((folder / "_manifest.json").read_text())
    found = [row for part in manifest["parts"] for row in read_rows(folder / part["name"], manifest["format"])]
    return sorted((row["id"], row["title"]) for row in found)


def partitions(home: Path, dag: str, folder: str, task: str = "changes") -> dict[str, list[tuple[int, str]]]:
    found = (home / folder / "deals").glob("*/_manifest.json")
    return {path.parent.name.removeprefix(f"run={dag}.{task}."): rows(path.parent) for path in found}


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """Two manual runs, each cleared, and a backfill of four days."""
    home = tmp_path_factory.mktemp("landed")
    dags = tmp_path_factory.mktemp("dags")
    (dags / "repeated.py").write_text(DAG.format(home=home))
    with LiveSandbox(PYTHON, deals=500, environ=clean_environ()) as company:
        environ = clean_environ() | {"AIRFLOW_CONN_PIPEDRIVE_DEFAULT": company.connection()}
        with LiveAirflow(PYTHON, tmp_path_factory.mktemp("airflow") / "home", dags, environ) as airflow:
            yield by_steps(airflow, company, home)


def by_steps(airflow: LiveAirflow, company: LiveSandbox, home: Path) -> Seen:
    numbers = sorted(company.ids("deals"))
    seen = Seen(set(numbers), numbers)

    def keep(step: str) -> None:
        found = partitions(home, "by_hand", "changes")
        found["of the day"] = partitions(home, "by_hand", "day")["dt=2026-03-05"]
        after = partitions(home, "by_hand", "fails", "fails_afterwards")
        seen.landed[step] = found | {f"{run}, failed": rows for run, rows in after.items()}

    def clear(run: Run) -> None:
        body = {"dry_run": False, "dag_run_id": run.run_id, "only_failed": False, "reset_dag_runs": True}
        airflow.post(f"/api/v2/dags/{run.dag_id}/clearTaskInstances", body)
        airflow.wait_for_run(run)

    first = airflow.trigger("by_hand")
    airflow.wait_for_run(first)
    seen.tries = [task["try_number"] for task in airflow.tasks(first) if task["task_id"] == "fails_afterwards"]
    keep("first")
    clear(first)
    keep("first cleared")
    company.update("deals", numbers[4], {"title": "edited"})
    company.update("deals", numbers[5], {"title": "edited"})
    second = airflow.trigger("by_hand")
    airflow.wait_for_run(second)
    keep("second")
    company.update("deals", numbers[6], {"title": "edited later"})
    clear(second)
    keep("second cleared")
    airflow.wait_for_run(airflow.trigger("by_hand"))
    keep("third")
    names = {first.run_id: "first", second.run_id: "second"}
    seen.landed = {
        step: {named(run, names): found for run, found in all_.items()} for step, all_ in seen.landed.items()
    }
    backfill(airflow, company, home, seen)
    return seen


def named(run: str, names: dict[str, str]) -> str:
    """A run's partition under the name that it has here; Airflow's own ids hold what no file may be called."""
    for run_id, name in names.items():
        safe = "".join(letter if letter.isalnum() or letter in "._=-" else "_" for letter in run_id)
        run = run.replace(safe, name)
    return run if run.startswith(("first", "second", "of")) else f"third{run.partition(',')[1]}{run.partition(',')[2]}"


def backfill(airflow: LiveAirflow, company: LiveSandbox, home: Path, seen: Seen) -> None:
    # The scheduler can be ready before the server that its tasks report to; a run of before that fails.
    airflow.unpause("nightly")
    airflow.wait_for_run(airflow.wait_for_a_run_of("nightly"))
    watermarks = home / "nightly" / "_pipedrive" / "watermarks"
    seen.watermarks.append([path.read_text() for path in watermarks.glob("*.json")])
    for day, number in zip(DAYS, seen.numbers, strict=False):
        company.update("deals", number, {"update_time": f"{day}T10:00:00Z"})
    body = {
        "dag_id": "nightly",
        # The ticks that end these days, in Berlin.
        "from_date": "2020-05-04T22:00:00Z",
        "to_date": "2020-05-07T22:00:00Z",
        "reprocess_behavior": "none",
        "max_active_runs": 2,
    }
    airflow.post("/api/v2/backfills", body)
    for run_id in airflow.wait_for_runs("nightly", run_type="backfill", count=len(DAYS)):
        airflow.wait_for_run(Run("nightly", run_id))
    seen.watermarks.append([path.read_text() for path in watermarks.glob("*.json")])
    found = partitions(home, "nightly", "nightly")
    seen.landed["backfill"] = {run: rows for run, rows in found.items() if run.startswith("backfill")}


def ids(found: list[tuple[int, str]]) -> set[int]:
    return {number for number, _ in found}


def test_a_manual_run_that_is_cleared_lands_the_same_rows_again(seen: Seen) -> None:
    assert ids(seen.landed["first"]["first"]) == seen.everything
    assert seen.landed["first cleared"]["first"] == seen.landed["first"]["first"]
    expected = [(number, "edited") for number in seen.numbers[4:6]]
    assert seen.landed["second"]["second"] == expected
    assert seen.landed["second cleared"]["second"] == expected


def test_a_task_that_fails_after_it_has_landed_and_is_tried_again_lands_the_same_rows(seen: Seen) -> None:
    assert seen.tries == [2]
    assert ids(seen.landed["first"]["first, failed"]) == seen.everything
    assert ids(seen.landed["second"]["second, failed"]) == set(seen.numbers[4:6])
    assert ids(seen.landed["third"]["third, failed"]) == {seen.numbers[6]}


def test_a_new_run_begins_where_the_last_one_ended_and_leaves_the_others_rows_alone(seen: Seen) -> None:
    assert seen.landed["third"]["third"] == [(seen.numbers[6], "edited later")]
    for run in ("first", "second"):
        assert seen.landed["third"][run] == seen.landed["second cleared"][run]


def test_runs_that_share_a_partition_keep_each_others_rows(seen: Seen) -> None:
    assert ids(seen.landed["third"]["of the day"]) == seen.everything
    assert {(number, "edited") for number in seen.numbers[4:6]} <= set(seen.landed["third"]["of the day"])


def test_each_run_of_a_backfill_over_plain_cron_lands_its_day_and_the_mark_stays(seen: Seen) -> None:
    found = sorted(seen.landed["backfill"].items())
    assert [ids(rows) for _, rows in found] == [{number} for number in seen.numbers[: len(DAYS)]]
    assert seen.watermarks[0] == seen.watermarks[1]
