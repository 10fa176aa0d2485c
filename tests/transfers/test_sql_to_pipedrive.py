"""Rows of a database into Pipedrive, as a task runs it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import SqlToPipedriveOperator
from tests.support.bulk_tasks import names, run


def test_a_query_of_a_database_is_written(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("airflow.providers.sqlite", reason="the provider of SQLite is not installed")
    with closing(sqlite3.connect(tmp_path / "scores.sqlite")) as database, database:
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
