"""Rows from other tasks, databases and files into Pipedrive, as tasks run them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import ObjectStorageToPipedriveOperator, SqlToPipedriveOperator
from tests.support.postgres_server import postgres as postgres
from tests.transfers.conftest import bucket as bucket

ROWS = [{"email": "anna@example.com", "name": "Anna"}, {"email": "ben@example.com", "name": "Ben"}]


class TaskInstance:
    """Airflow's edge: keeps what is pushed."""

    map_index = -1

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def run(task: PipedriveBulkOperator) -> dict[str, Any]:
    """Run a task as a worker does; its receipt, with the links that it pushed."""
    context: Any = {"ti": TaskInstance(), "run_id": "manual"}
    receipt = task.execute(context)
    return {**receipt, "pushed": context["ti"].pushed}


def names(sandbox: Sandbox) -> set[str]:
    return {person["name"] for person in sandbox.records("persons").values()}


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


def test_a_query_of_a_database_is_written(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("airflow.providers.sqlite", reason="the provider of SQLite is not installed")
    with sqlite3.connect(tmp_path / "scores.sqlite") as database:
        database.execute("CREATE TABLE people (mail TEXT, full_name TEXT, active INTEGER)")
        database.executemany(
            "INSERT INTO people VALUES (?, ?, ?)", [("a@example.com", "Ada", 1), ("b@example.com", "Bo", 0)]
        )
    monkeypatch.setenv(
        "AIRFLOW_CONN_SCORES", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "scores.sqlite")})
    )

    receipt = run(
        SqlToPipedriveOperator(
            task_id="write",
            sql="SELECT mail, full_name FROM people WHERE active = ?",
            sql_parameters=[1],
            sql_conn_id="scores",
            entity="persons",
            mapping={"mail": "email", "full_name": "name"},
            folder=tmp_path / "run",
        )
    )

    assert (receipt["rows"], receipt["created"]) == (1, 1)
    assert "Ada" in names(sandbox)


def test_rows_of_postgres_come_from_a_cursor_on_the_server(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres: dict[str, Any]
) -> None:
    pytest.importorskip("airflow.providers.postgres", reason="the provider of Postgres is not installed")
    monkeypatch.setenv("AIRFLOW_CONN_SCORES", json.dumps({"conn_type": "postgres", **postgres}))

    receipt = run(
        SqlToPipedriveOperator(
            task_id="write",
            sql="SELECT n AS id, n || ' deals' AS title, (n * 1.10)::numeric AS \"Seats\" "
            "FROM generate_series(1, 20) AS n",
            sql_conn_id="scores",
            entity="deals",
            mode="update",
            match_on="id",
            folder=tmp_path / "run",
        )
    )

    assert receipt["updated"] == 20
    assert PipedriveHook().run("getDeal", {"id": 3}, readable=True)["custom_fields"]["Seats"] == 3.3


def test_a_connection_that_is_no_database_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    task = SqlToPipedriveOperator(
        task_id="write", sql="SELECT 1", sql_conn_id="pipedrive_default", entity="persons", folder=tmp_path
    )

    with pytest.raises(AirflowFailException, match="is not that of a database: its hook is PipedriveHook"):
        run(task)


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
def test_files_of_every_format_are_written(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name.endswith("csv"):
        file.write_text("\ufeffmail,full name,label\r\nanna@example.com,Anna Müller,\r\n", encoding="utf-8")
    elif name.endswith("jsonl"):
        file.write_text('{"mail": "anna@example.com", "full name": "Anna Müller"}\n', encoding="utf-8")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"mail": ["anna@example.com"], "full name": ["Anna Müller"]}), file)

    receipt = run(
        ObjectStorageToPipedriveOperator(
            task_id="write",
            path=str(file),
            entity="persons",
            mapping={"mail": "email", "full name": "name"},
            folder=tmp_path / "run",
        )
    )

    assert receipt["created"] == 1
    assert "Anna Müller" in names(sandbox)


def test_all_files_of_a_pattern_are_read_as_one(sandbox: Sandbox, bucket: str, tmp_path: Path) -> None:
    for number, (mail, name) in enumerate([("a@example.com", "Ada"), ("b@example.com", "Bo")]):
        ObjectStoragePath(f"{bucket}/drop/{number}.csv").write_text(f"email,name\n{mail},{name}\n")

    receipt = run(
        ObjectStorageToPipedriveOperator(
            task_id="write", path=f"{bucket}/drop/*.csv", entity="persons", folder=tmp_path / "run"
        )
    )

    assert receipt["created"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("email,name\na@example.com\n", "line 2 has fewer cells than the header"),
        ("email,name\na@example.com,A,B\n", "line 2 has more cells than the header"),
    ],
)
def test_a_broken_table_ends_the_task_before_anything_is_written(
    sandbox: Sandbox, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "people.csv").write_text(text)
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(tmp_path / "people.csv"), entity="persons", folder=tmp_path / "run"
    )

    with pytest.raises(AirflowFailException, match=words):
        run(task)
    assert all(entry.method == "GET" for entry in sandbox.requests)


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


def test_rows_are_read_only_from_where_the_configuration_allows(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.csv").write_text("email,name\na@example.com,A\n")
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__ALLOWED_PATHS", str(tmp_path / "drop"))
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(tmp_path / "elsewhere.csv"), entity="persons", folder=tmp_path / "run"
    )

    with pytest.raises(AirflowFailException, match="is outside of the folders that"):
        run(task)


def test_a_query_that_gives_two_columns_one_name_is_an_error(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("airflow.providers.sqlite", reason="the provider of SQLite is not installed")
    monkeypatch.setenv(
        "AIRFLOW_CONN_TWICE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "twice.sqlite")})
    )
    task = SqlToPipedriveOperator(
        task_id="write",
        sql="SELECT 1 AS id, 'A' AS title, 'B' AS title",
        sql_conn_id="twice",
        entity="deals",
        match_on="id",
        folder=tmp_path / "run",
    )

    with pytest.raises(
        AirflowFailException, match="sql gives two columns the name 'title': rename one of them with AS"
    ):
        run(task)


@pytest.mark.parametrize(
    ("sql", "words"),
    [("SELECT nme FROM people", "no such column: nme"), ("SELECT * FROM nowhere", "no such table: nowhere")],
)
def test_what_the_database_says_of_a_query_is_not_taken_for_the_journals_words(
    sql: str, words: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("airflow.providers.sqlite", reason="the provider of SQLite is not installed")
    database = sqlite3.connect(tmp_path / "people.sqlite")
    database.execute("CREATE TABLE people (name TEXT)")
    database.close()
    monkeypatch.setenv(
        "AIRFLOW_CONN_PEOPLE", json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "people.sqlite")})
    )
    task = SqlToPipedriveOperator(
        task_id="write", sql=sql, sql_conn_id="people", entity="deals", match_on="id", folder=tmp_path / "run"
    )
    with pytest.raises(PipedriveError, match=f"^The database of connection people did not answer the query: {words}$"):
        run(task)


@pytest.mark.parametrize("path", ["nowhere.csv", "folder.csv"])
def test_rows_in_a_file_that_is_not_there_are_refused_by_its_name(path: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(tmp_path / path), entity="persons", folder=tmp_path / "run"
    )
    with pytest.raises(AirflowFailException, match=f"{tmp_path / path} is not a file with rows: "):
        run(task)


def test_rows_that_a_template_rendered_to_text_are_rows(sandbox: Sandbox, tmp_path: Path) -> None:
    assert (
        run(PipedriveBulkOperator(task_id="write", rows=repr(ROWS), entity="persons", folder=tmp_path))["created"] == 2
    )


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
