"""Entities land in files, once each, whatever kind of run asks for them and however often it is interrupted."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.lineage import hook as lineage
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, ObjectStoragePath, TaskDeferred
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.task_support import next_tokens
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers.object_storage import PipedriveToObjectStorageOperator
from tests.conftest import API_TOKEN, api_token_connection

DEALS = 5754
"""Of the company's 6,000 those that are neither archived nor deleted."""


@pytest.fixture(scope="module")
def running_company() -> Iterator[Sandbox]:
    with Sandbox(deals=6000, seed=2, api_token=API_TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def company(running_company: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A company whose deals fill twelve pages. A passing error is not repeated by the client."""
    running_company.reset()
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(running_company, max_attempts=1))
    return running_company


@pytest.fixture
def poor_company(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """A company with 2,000 deals, and fewer API tokens a day than reading them costs."""
    with Sandbox(deals=2000, seed=2, api_token=API_TOKEN, daily_budget=60) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
        yield sandbox


def task(path: Any, entities: Any = ("deals",), **arguments: Any) -> PipedriveToObjectStorageOperator:
    return PipedriveToObjectStorageOperator(task_id="extract", entities=entities, path=path, **arguments)


def context(run_id: str = "manual__2026-05-04T10:00:00+00:00", map_index: int = -1, **more: Any) -> Any:
    """What Airflow 3 hands to the task of a run without a data interval."""
    return {"ti": SimpleNamespace(map_index=map_index), "run_id": run_id, **more}


def interval(start: datetime, end: datetime) -> Any:
    return context("scheduled", data_interval_start=start, data_interval_end=end)


def extract(path: Any, entities: Any = ("deals",), run: Any = None, **arguments: Any) -> dict[str, Any]:
    return task(path, entities, **arguments).execute(run or context())


def rows(folder: Path) -> list[dict[str, Any]]:
    """What the parts hold that the manifest names."""
    manifest = json.loads((folder / "_manifest.json").read_text())
    for part in manifest["parts"]:
        assert hashlib.sha256((folder / part["name"]).read_bytes()).hexdigest() == part["sha256"]
    return [row for part in manifest["parts"] for row in read_rows(folder / part["name"], manifest["format"])]


def ids(folder: Path) -> list[int]:
    return sorted(int(row["id"]) for row in rows(folder))


def listed(action: str = "getDeals") -> list[int]:
    """What Pipedrive lists."""
    forget_limits()
    return sorted(record["id"] for record in PipedriveHook().iterate(action))


def looks_finished(path: Path) -> list[str]:
    """Manifests: only what one of them names counts."""
    return [str(file) for file in path.rglob("_manifest.json")]


# ---- what lands


@pytest.mark.parametrize("asked", ["jsonl", "jsonl.gz", "csv", "parquet"])
def test_every_record_lands_once_in_the_format_that_is_asked_for(asked: str, sandbox: Sandbox, tmp_path: Path) -> None:
    extract(tmp_path, ["deals", "pipelines"], format=asked)
    assert ids(tmp_path / "deals") == listed()
    assert ids(tmp_path / "pipelines") == listed("getPipelines")


@pytest.mark.parametrize("escape", [True, False])
def test_formulas_land_as_texts_in_csv_where_that_is_asked_for(escape: bool, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.update("deals", 1, title="=1+1")
    extract(tmp_path, ["deals"], format="csv", escape_formulas=escape)
    texts = [part.read_text(encoding="utf-8") for part in (tmp_path / "deals").glob("part-*.csv")]
    deal = next(row for text in texts for row in csv.DictReader(io.StringIO(text)) if row["id"] == "1")
    assert deal["title"] == ("'=1+1" if escape else "=1+1")


def test_a_folder_in_object_storage_holds_the_same_as_a_local_one(
    sandbox: Sandbox, bucket: str, tmp_path: Path
) -> None:
    extract(tmp_path, partition="dt=2026-05-04")
    receipt = extract(f"{bucket}/crm", partition="dt=2026-05-04")
    manifest = ObjectStoragePath(receipt["entities"]["deals"]["manifest"])
    parts = [part["sha256"] for part in json.loads(manifest.read_bytes())["parts"]]
    local = json.loads((tmp_path / "deals" / "dt=2026-05-04" / "_manifest.json").read_text())["parts"]
    assert parts == [part["sha256"] for part in local]
    assert ids(tmp_path / "deals" / "dt=2026-05-04") == listed()


def test_an_address_of_a_local_folder_means_that_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    extract(tmp_path.as_uri())
    assert ids(tmp_path / "deals") == listed()


def test_the_task_returns_a_short_receipt_that_names_the_whole_one(company: Sandbox, tmp_path: Path) -> None:
    receipt = extract(tmp_path, ["deals", "stages"])
    assert receipt["tokens"] == sum(request.tokens for request in company.requests)
    deals = receipt["entities"]["deals"]
    assert (deals["rows"], receipt["rows"]) == (DEALS, DEALS + len(listed("getStages")))
    assert deals["parts"] >= 1
    assert deals["window"] is None
    assert deals["completeness"]["kind"] in ("walk", "count", "ids")
    assert Path(receipt["receipt"]).name == "adhoc_airflow.extract.manual__2026-05-04T10_00_00_00_00.json"
    whole = json.loads(Path(receipt["receipt"]).read_text())
    assert whole["entities"]["deals"]["manifest"] == deals["manifest"]
    assert len(json.dumps(receipt)) < 1500


def test_templates_are_filled_in_when_the_task_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    with DAG("templates", schedule=None):
        operator = task(
            "{{ base }}/{{ run_id }}",
            ["{{ what }}"],
            mode="changes",
            since="{{ start }}",
            until="{{ end }}",
            partition="dt={{ start }}",
            parameters={"deals": {"owner_id": "{{ owner }}"}},
            max_tokens="{{ cap }}",
        )
    owner = next(iter(sandbox.records("deals").values()))["owner_id"]
    given = {"base": str(tmp_path), "what": "deals", "start": "2000-01-01", "end": "", "owner": owner, "cap": "500"}
    run = context("one", **given)
    operator.render_template_fields(run)
    operator.execute(run)
    landed = rows(tmp_path / "one" / "deals" / "dt=2000-01-01")
    assert landed
    assert {deal["owner_id"] for deal in landed} == {owner}


def test_mapped_tasks_share_a_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    receipts = [
        extract(tmp_path, [entity], context(map_index=index)) for index, entity in enumerate(["deals", "persons"])
    ]
    assert ids(tmp_path / "deals") == listed()
    assert ids(tmp_path / "persons") == listed("getPersons")
    assert len({receipt["receipt"] for receipt in receipts}) == 2


# ---- which window


def test_a_scheduled_run_reads_what_was_last_updated_in_its_data_interval(sandbox: Sandbox, tmp_path: Path) -> None:
    start, end = datetime(2020, 5, 3, tzinfo=UTC), datetime(2020, 5, 4, tzinfo=UTC)
    first, second, third, *_ = listed()
    times = ("2020-05-02T23:58:59Z", "2020-05-03T00:00:00Z", "2020-05-04T00:00:00Z")
    for number, moment in zip((first, second, third), times, strict=True):
        sandbox.update("deals", number, update_time=moment)
    receipt = extract(tmp_path, run=interval(start, end), mode="changes", partition="dt=2020-05-03")
    assert ids(tmp_path / "deals" / "dt=2020-05-03") == [second]
    assert receipt["entities"]["deals"]["window"] == {"since": start.isoformat(), "until": end.isoformat()}


def test_an_interval_that_is_read_again_takes_the_place_of_its_partition(sandbox: Sandbox, tmp_path: Path) -> None:
    run = interval(datetime(2020, 5, 3, tzinfo=UTC), datetime(2020, 5, 4, tzinfo=UTC))
    first, second, *_ = listed()
    for number in (first, second):
        sandbox.update("deals", number, update_time="2020-05-03T10:00:00Z")
    extract(tmp_path, run=run, mode="changes", partition="dt=2020-05-03")
    sandbox.update("deals", first, title="Edited since")
    extract(tmp_path, run={**run, "run_id": "another"}, mode="changes", partition="dt=2020-05-03")
    assert ids(tmp_path / "deals" / "dt=2020-05-03") == [second]


def test_a_run_that_is_cleared_keeps_the_rows_that_it_had_landed_and_no_list_shows_any_more(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    run = interval(datetime(2020, 5, 3, tzinfo=UTC), datetime(2020, 5, 4, tzinfo=UTC))
    first, second, *_ = listed()
    for number in (first, second):
        sandbox.update("deals", number, update_time="2020-05-03T10:00:00Z")
    extract(tmp_path, run=run, mode="changes", partition="dt=2020-05-03")
    sandbox.update("deals", first, title="Edited since")
    sandbox.update("deals", second, title="Read again", update_time="2020-05-03T11:00:00Z")
    extract(tmp_path, run=run, mode="changes", partition="dt=2020-05-03")
    found = {row["id"]: row["title"] for row in rows(tmp_path / "deals" / "dt=2020-05-03")}
    assert list(found) == [first, second]
    assert found[second] == "Read again"


def test_since_and_until_go_before_the_data_interval(sandbox: Sandbox, tmp_path: Path) -> None:
    number = listed()[0]
    sandbox.update("deals", number, update_time="2020-05-03T10:00:00Z")
    run = interval(datetime(2019, 1, 1, tzinfo=UTC), datetime(2019, 1, 2, tzinfo=UTC))
    extract(tmp_path, run=run, mode="changes", since="2020-05-03", until="2020-05-03T12:00:00+01:00", partition="p")
    assert ids(tmp_path / "deals" / "p") == [number]


def test_runs_and_mapped_tasks_do_not_take_the_place_of_each_others_changes(sandbox: Sandbox, tmp_path: Path) -> None:
    for run in (context("one"), context("two", 0), context("two", 1), context("two", 1)):
        extract(tmp_path, run=run, mode="changes", since="2000-01-01")
    names = ["adhoc_airflow.extract.one", "adhoc_airflow.extract.two.0", "adhoc_airflow.extract.two.1"]
    assert sorted(folder.name for folder in (tmp_path / "deals").iterdir()) == [f"run={name}" for name in names]
    assert all(ids(tmp_path / "deals" / f"run={name}") for name in names)


MOMENT = datetime(2026, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"data_interval_start": None, "data_interval_end": None},
        {"data_interval_start": MOMENT, "data_interval_end": MOMENT},
    ],
    ids=["Airflow 3, by hand", "an asset", "a cron schedule without intervals"],
)
def test_a_run_without_a_data_interval_reads_on_from_the_mark(run: Any, company: Sandbox, tmp_path: Path) -> None:
    extract(tmp_path, run=context("first", **run), mode="changes", partition="first")
    assert ids(tmp_path / "deals" / "first") == listed()  # no watermark yet: the first load
    company.advance(3600)
    edited = listed()[7]
    company.update("deals", edited, title="Edited")
    company.advance(60)
    receipt = extract(tmp_path, run=context("second", **run), mode="changes", partition="second")
    assert edited in ids(tmp_path / "deals" / "second")
    assert receipt["rows"] < 50
    assert receipt["entities"]["deals"]["window"] is not None


def test_a_scheduled_run_does_not_disturb_the_mark(sandbox: Sandbox, tmp_path: Path) -> None:
    extract(tmp_path, mode="changes")
    (watermark,) = (tmp_path / "_pipedrive" / "watermarks").glob("*.json")
    before = watermark.read_text()
    extract(tmp_path, run=interval(datetime(2000, 1, 1, tzinfo=UTC), datetime(2001, 1, 1, tzinfo=UTC)), mode="changes")
    assert watermark.read_text() == before


# ---- interruptions


def test_the_next_try_goes_on_where_a_passing_error_ended_the_one_before(company: Sandbox, tmp_path: Path) -> None:
    arguments: dict[str, Any] = {"concurrency": 1}
    company.fault(path="/api/v2/deals", kind="503", skip=8)
    with pytest.raises(PipedriveServerError):
        extract(tmp_path, **arguments)
    assert looks_finished(tmp_path) == []
    before = len(company.requests)
    extract(tmp_path, **arguments)
    pages = [request for request in company.requests[before:] if request.path == "/api/v2/deals"]
    assert len(pages) == 12 - 8 + 1  # and the closing look at what was edited meanwhile
    assert ids(tmp_path / "deals") == listed()


def test_what_another_try_cannot_cure_fails_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault(path="*", kind="403", count=None)
    with pytest.raises(AirflowFailException, match="PipedrivePermissionError"):
        extract(tmp_path)
    assert looks_finished(tmp_path) == []


def test_a_try_that_would_spend_more_than_its_tokens_fails_and_the_next_goes_on(
    company: Sandbox, tmp_path: Path
) -> None:
    arguments: dict[str, Any] = {"max_tokens": 80, "concurrency": 1}
    spent = 0
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=r"max_tokens.*continues there.*Clear the task"):
            extract(tmp_path, **arguments)
        assert looks_finished(tmp_path) == []
        before, spent = spent, sum(request.tokens for request in company.requests)
        assert 40 < spent - before <= 80
    extract(tmp_path, **arguments)
    assert ids(tmp_path / "deals") == listed()


def test_without_deferring_a_spent_daily_budget_is_left_to_airflows_retries(
    poor_company: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(PipedriveDailyBudgetError) as caught:
        extract(tmp_path, deferrable=False)
    assert caught.value.retryable
    assert looks_finished(tmp_path) == []


def test_a_spent_daily_budget_defers_the_task_which_goes_on_day_after_day(
    poor_company: Sandbox, tmp_path: Path
) -> None:
    operator = task(tmp_path, deferrable=True)
    step, days = (lambda: operator.execute(context())), 0
    while True:
        try:
            receipt = step()
            break
        except TaskDeferred as deferred:
            days += 1
            assert days < 10
            assert looks_finished(tmp_path) == []
            poor_company.advance(deferred.trigger.until - time.time())  # type: ignore[attr-defined]
            method = deferred.method_name
            forget_limits()
            step = lambda: getattr(operator, method)(context(), {})  # noqa: B023, E731 - called in this turn
    assert days >= 1
    assert receipt["rows"] == len(ids(tmp_path / "deals"))
    assert ids(tmp_path / "deals") == sorted(
        number
        for number, deal in poor_company.records("deals").items()
        if not deal["is_archived"] and not deal["is_deleted"]
    )


def test_where_the_tokens_are_not_there_when_they_were_expected_the_task_asks_every_hour(
    company: Sandbox, tmp_path: Path
) -> None:
    company.fault(path="*", kind="429-daily", count=None, headers={"retry-after": None})
    operator = task(tmp_path, deferrable=True)
    with pytest.raises(TaskDeferred) as first:
        operator.execute(context())
    assert first.value.trigger.until % 86_400 == 300  # type: ignore[attr-defined]
    began = time.time()
    with pytest.raises(TaskDeferred) as second:
        operator.execute_complete(context(), {})
    assert began + 3600 <= second.value.trigger.until <= time.time() + 3600  # type: ignore[attr-defined]
    company.clear_faults()
    assert operator.execute_complete(context(), {})["rows"] == DEALS


NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("retry_after", "in_vain", "expected"),
    [
        (None, False, datetime(2026, 5, 5, 0, 5, tzinfo=UTC)),
        (3.0, False, datetime(2026, 5, 5, 0, 5, tzinfo=UTC)),
        (7200.0, False, datetime(2026, 5, 4, 14, 5, tzinfo=UTC)),
        (None, True, datetime(2026, 5, 4, 13, tzinfo=UTC)),
        (7200.0, True, datetime(2026, 5, 4, 14, 5, tzinfo=UTC)),
    ],
)
def test_new_tokens_are_expected_at_midnight_utc_unless_pipedrive_says_when(
    retry_after: float | None, in_vain: bool, expected: datetime
) -> None:
    assert next_tokens(NOON.timestamp(), retry_after, in_vain=in_vain) == expected.timestamp()


# ---- what is wrong


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"entities": ["deels"]}, "deals"),
        ({"entities": "deals"}, "entities must be a list of names"),
        ({"entities": []}, "entities must be a list of names"),
        ({"entities": ["deals", "deals"]}, "names deals twice"),
        ({"format": "parket"}, "did you mean 'parquet'"),
        ({"mode": "delta"}, "mode must be one of snapshot, changes"),
        ({"mode": "changes", "since": "2026-02-01", "until": "2026-01-01"}, "must be later than since"),
        ({"sweep": "no", "mode": "changes"}, "sweep must be True or False, not 'no'"),
        ({"deletes": {"deals": True}}, "deletes must be True or False"),
        ({"lookback": float("nan")}, "lookback must be a number of seconds from 0 on, not nan"),
        ({"entities": {"deals": {}}}, "entities must be a list of names"),
        ({"entities": [["deals"]]}, "entities must be a list of names"),
        ({"entities": [5]}, "entities must be a list of names"),
        ({"mode": "changes", "since": "2026-02-01T00:00:00"}, "since must be a time with a zone"),
        ({"since": "2026-02-01"}, "A snapshot has no window"),
        ({"since": "{{ ds }}"}, "A snapshot has no window"),
        ({"columns": "raw", "format": "csv"}, "which only jsonl can hold"),
        ({"escape_formulas": True}, "escape_formulas is for files that people open in a spreadsheet"),
        ({"escape_formulas": True, "format": "parquet"}, "leave it out for 'parquet'"),
        ({"max_tokens": 0}, "max_tokens must be"),
        ({"max_tokens": "many"}, "max_tokens must be a whole number"),
        ({"concurrency": 0}, "concurrency must be 1 to 64"),
        ({"partition": "../up"}, "partition must stay below"),
        ({"partition": "dt?/a"}, "ends with . or #"),
        ({"parameters": {"persons": {"owner_id": 1}}}, "persons, which is not among the entities"),
        ({"parameters": {"deals": {"sort_by": "id"}}}, "sort_by is set by the extraction itself"),
        ({"path": ""}, "path is empty"),
        ({"path": 5}, "path must be a path"),
    ],
)
def test_a_wrong_argument_fails_when_the_dag_is_parsed_with_advice(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        task(**{"path": "/tmp/never", **arguments})


def test_a_template_that_renders_to_something_wrong_fails_before_anything_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    operator = task(tmp_path, ["{{ what }}"], mode="changes", since="{{ since }}", until="{{ until }}")
    operator.entities, operator.since, operator.until = ["deals"], "2026-02-02", "2026-02-01"
    with pytest.raises(AirflowFailException, match="must be later than since"):
        operator.execute(context())
    operator.since = operator.until = None
    operator.entities = ["deels"]
    with pytest.raises(AirflowFailException, match="deals"):
        operator.execute(context())
    assert sandbox.requests == []
    assert list(tmp_path.iterdir()) == []


def test_what_is_still_a_template_is_let_through_when_parsing() -> None:
    task("{{ x }}", "{{ x }}", parameters={"persons": {"owner_id": 1}})
    task("{{ x }}", mode="changes", since="{{ x }}", until="2000-01-01", partition="{{ x }}", max_tokens="{{ x }}")


def test_parquet_needs_pyarrow_on_the_workers_and_not_where_dags_are_parsed(
    sandbox: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    mocker.patch("airflow_provider_pipedrive.extraction.definition.find_spec", return_value=None)
    operator = task(tmp_path, format="parquet")
    with pytest.raises(AirflowFailException, match=r"pip install 'airflow-provider-pipedrive\[parquet\]'"):
        operator.execute(context())
    assert sandbox.requests == []


def test_a_since_ahead_of_pipedrives_clock_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="lies ahead of Pipedrive's clock"):
        extract(tmp_path, mode="changes", since=datetime.now(UTC) + timedelta(days=2))
    assert looks_finished(tmp_path) == []


@pytest.mark.parametrize("path", ["file", "file/folder"])
def test_a_path_that_is_a_file_or_below_one_is_refused_before_anything_is_read(
    path: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AirflowFailException, match=f"{tmp_path / 'file'} is a file, and a folder is needed there"):
        extract(tmp_path / path)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("name", "words"), [("a\0b", "has a zero byte in it"), ("a" * 300, "cannot be written to: File name too long")]
)
def test_a_path_that_no_disk_can_have_is_refused(name: str, words: str, sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises((AirflowFailException, PipedriveParameterError), match=words):
        extract(tmp_path / name)
    assert sandbox.requests == []


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_a_path_where_no_folder_can_be_made_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match="path: /proc/crm cannot be written to"):
        extract(Path("/proc/crm"))
    assert sandbox.requests == []


def test_a_path_may_begin_in_the_home_folder(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    extract(Path("~/crm"), ["stages"])
    assert (tmp_path / "crm" / "stages" / "_manifest.json").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="to root every path is open")
def test_a_path_without_rights_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o500)
    with pytest.raises(AirflowFailException, match="path: .* cannot be written to"):
        extract(folder)
    assert list(folder.iterdir()) == []


def test_storage_that_cannot_be_used_here_says_what_to_install(sandbox: Sandbox) -> None:
    with pytest.raises((AirflowFailException, PipedriveError), match="Install the Airflow provider of that storage"):
        extract("nowhere://bucket/folder")
    assert sandbox.requests == []


# ---- around it


def test_airflows_lineage_is_told_what_was_read_and_where_it_lies(
    sandbox: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    told: list[tuple[str, str]] = []
    collector = SimpleNamespace(
        add_input_asset=lambda context, uri: told.append(("in", uri)),
        add_output_asset=lambda context, uri: told.append(("out", uri)),
    )
    mocker.patch.object(lineage, "get_hook_lineage_collector", return_value=collector)
    extract(tmp_path, ["deals", "stages"])
    assert told == [
        ("in", "pipedrive://127.0.0.1/deals"),
        ("out", (tmp_path / "deals").as_uri()),
        ("in", "pipedrive://127.0.0.1/stages"),
        ("out", (tmp_path / "stages").as_uri()),
    ]


def test_parsing_loads_nothing_heavy() -> None:
    code = (
        "import sys, airflow.providers.common.compat.sdk; before = set(sys.modules);"
        "from airflow_provider_pipedrive.transfers import PipedriveToObjectStorageOperator as O;"
        "O(task_id='t', entities=['deals'], path='/tmp', format='parquet');"
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('airflow.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert loaded & {"requests", "urllib3", "msgspec", "pyarrow", "dlt"} == set()
