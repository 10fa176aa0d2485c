"""Rows from other tasks into Pipedrive, as tasks run them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.merge import PipedriveMergeOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import ObjectStorageToPipedriveOperator, SqlToPipedriveOperator
from tests.support.bulk_tasks import names, run
from tests.transfers.conftest import bucket as bucket

ROWS = [{"email": "anna@example.com", "name": "Anna"}, {"email": "ben@example.com", "name": "Ben"}]


def test_rows_of_another_task_are_written_and_the_first_is_linked(sandbox: Sandbox, tmp_path: Path) -> None:
    receipt = run(PipedriveBulkOperator(task_id="write", rows=ROWS, entity="persons", folder=tmp_path))

    assert receipt["created"] == 2
    assert {"Anna", "Ben"} <= names(sandbox)
    assert receipt["pushed"]["pipedrive_record_url"].startswith(f"{sandbox.url}/person/")
    json.dumps(receipt)


def test_rows_come_from_a_callable_when_the_task_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    task = PipedriveBulkOperator(task_id="write", rows=lambda: iter(ROWS), entity="persons", folder=tmp_path)
    task.render_template_fields({})  # type: ignore[typeddict-item]

    assert run(task)["created"] == 2


def test_a_task_that_runs_again_writes_nothing_a_second_time(sandbox: Sandbox, tmp_path: Path) -> None:
    task = PipedriveBulkOperator(task_id="write", rows=ROWS, entity="persons", folder=tmp_path)

    assert {**run(task), "pushed": {}} == {**run(task), "pushed": {}}
    assert len([person for person in sandbox.records("persons").values() if person["name"] == "Anna"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"entity": "person", "rows": []}, "Did you mean 'persons'"),
        ({"entity": "persons"}, "rows must be given"),
        ({"entity": "deals", "rows": []}, "set match_on"),
        ({"entity": "persons", "rows": [], "mode": "mirror"}, "set max_deletes to the most"),
        ({"entity": "persons", "rows": [], "max_writes": "many"}, "max_writes must be a whole number"),
    ],
)
def test_wrong_arguments_fail_when_the_dag_is_parsed(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(PipedriveParameterError, match=words):
        PipedriveBulkOperator(task_id="write", **arguments)


def test_what_is_a_template_is_checked_when_the_task_runs() -> None:
    PipedriveBulkOperator(
        task_id="write", rows="{{ ti.xcom_pull('read') }}", entity="{{ params.entity }}", max_writes="{{ params.most }}"
    )


def test_a_dry_run_shows_what_would_be_written(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = run(PipedriveBulkOperator(task_id="write", rows=ROWS, entity="persons", dry_run=True, folder=tmp_path))

    assert (receipt["created"], receipt["dry_run"]) == (2, True)
    assert "create persons anna@example.com: " in caplog.text
    assert not {"Anna", "Ben"} & names(sandbox)


def test_a_run_that_has_spent_its_tokens_fails_at_once_since_another_try_would_end_the_same(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    task = PipedriveBulkOperator(task_id="write", rows=ROWS, entity="persons", folder=tmp_path, max_tokens=5)
    with pytest.raises(AirflowFailException, match=r"max_tokens.*Raise max_tokens, and clear the task\.$"):
        run(task)


def test_a_row_that_is_rejected_is_explained_in_the_error(sandbox: Sandbox, tmp_path: Path) -> None:
    task = PipedriveBulkOperator(
        task_id="write", rows=[{"email": "", "name": "Nobody"}], entity="persons", empty="clear", folder=tmp_path
    )

    with pytest.raises(AirflowFailException, match="row 1: email, which rows are matched on, is empty"):
        run(task)
    assert PipedriveHook().run("getPersons") is not None


def test_no_value_of_a_row_is_where_lineage_looks(sandbox: Sandbox, tmp_path: Path) -> None:
    task = PipedriveBulkOperator(task_id="write", rows=ROWS, entity="persons", folder=tmp_path)

    assert task.rows == ROWS
    # OpenLineage leaves this one out itself.
    looked_at = {name: value for name, value in vars(task).items() if name != "_BaseOperator__init_kwargs"}
    assert "anna@example.com" not in repr(looked_at)
    run(task)
    assert [one.name for one in task._lineage.outputs] == ["persons"]


def test_rows_that_a_template_rendered_to_text_are_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (
        run(PipedriveBulkOperator(task_id="write", rows=repr(ROWS), entity="persons", folder=tmp_path))["created"] == 2
    )


def test_rows_with_values_that_a_text_cannot_give_back_are_refused_with_what_to_do(sandbox: Sandbox) -> None:
    text = "[{'email': 'a@example.com', 'Last visit': datetime.date(2026, 1, 1)}]"

    with pytest.raises(AirflowFailException, match=r"rows was rendered to a text .*rows=task\.output"):
        run(PipedriveBulkOperator(task_id="write", rows=text, entity="persons"))


@pytest.mark.parametrize("rendered", ["None", ""])
def test_rows_of_a_task_that_has_no_result_are_refused_with_the_reason(sandbox: Sandbox, rendered: str) -> None:
    with pytest.raises(AirflowFailException, match="rows was rendered to nothing: the task that they come from"):
        run(PipedriveBulkOperator(task_id="write", rows=rendered, entity="persons"))


@pytest.mark.parametrize(
    ("operator", "given", "mapped"),
    [
        (PipedriveBulkOperator, {"entity": "persons"}, {"rows": [ROWS, []]}),
        (SqlToPipedriveOperator, {"entity": "persons", "sql_conn_id": "warehouse"}, {"sql": ["SELECT 1", "SELECT 2"]}),
        (ObjectStorageToPipedriveOperator, {"entity": "persons"}, {"path": ["a.csv", "b.csv"]}),
        (PipedriveMergeOperator, {"entity": "persons"}, {"groups": [[[1, 2]], [[3, 4]]]}),
    ],
)
def test_a_mapped_task_has_what_airflow_asks_of_it_before_it_starts(
    operator: Any, given: dict[str, Any], mapped: dict[str, Any]
) -> None:
    with DAG("dag", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None):
        task = operator.partial(task_id="mapped", **given).expand(**mapped)

    assert (list(task.inlets), list(task.outlets)) == ([], [])
    assert task.partial_kwargs.get("executor_config") == {}


@pytest.mark.parametrize("rows", [5, {"email": "a@example.com"}, b"rows.csv"], ids=str)
def test_what_cannot_be_rows_is_said_when_the_dag_is_parsed(rows: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="rows must be a list of dicts"):
        PipedriveBulkOperator(task_id="write", rows=rows, entity="persons")


def test_creations_without_a_key_need_a_journal_that_the_next_worker_finds(
    sandbox: Sandbox, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    before = len(sandbox.records("notes"))
    note = {"content": "Called", "deal_id": 1}

    with pytest.raises(AirflowFailException, match="would double records. Set folder to a path in object storage"):
        run(PipedriveBulkOperator(task_id="a", rows=[note], entity="notes", mode="create", folder=tmp_path))
    assert len(sandbox.records("notes")) == before

    task = PipedriveBulkOperator(task_id="b", rows=[note], entity="notes", mode="create", folder=f"{bucket}/journal")
    assert run(task)["created"] == 1


@pytest.mark.parametrize("executor", ["LocalExecutor", "airflow.executors.local_executor.LocalExecutor"])
def test_on_one_machine_a_local_journal_will_do(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, executor: str
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", executor)
    note = {"content": "Called", "deal_id": 1}

    task = PipedriveBulkOperator(task_id="a", rows=[note], entity="notes", mode="create", folder=tmp_path)

    assert run(task)["created"] == 1
