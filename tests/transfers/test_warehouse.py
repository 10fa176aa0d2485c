"""Pipedrive in a warehouse: one row a record, in its last state, whatever was loaded before."""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, TaskDeferred
from airflow.timetables.trigger import CronTriggerTimetable
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveParameterError,
    PipedriveWarehouseError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import PipedriveToWarehouseOperator
from airflow_provider_pipedrive.transfers.warehouse_load import columns_of
from airflow_provider_pipedrive.warehouse import Destination, EntityLoad, Warehouse
from tests.conftest import API_TOKEN, api_token_connection
from tests.support.postgres_server import PASSWORD

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
pytest.importorskip("dlt", reason="the extra warehouse is not installed")


def context(run: str) -> Any:
    return {"ti": MagicMock(map_index=-1, try_number=1), "run_id": run, "dag_run": MagicMock(run_id=run)}


def load(run: str, **arguments: Any) -> dict[str, Any]:
    """Run the operator as a task of that run."""
    return PipedriveToWarehouseOperator(task_id="load", **arguments).execute(context(run))


def rows(file: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file), read_only=True) as connection:
        found: list[tuple[Any, ...]] = connection.execute(query).fetchall()
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "crm.duckdb"


@pytest.fixture
def into(file: Path, tmp_path: Path) -> dict[str, Any]:
    return {"destination": f"duckdb:///{file}", "staging": str(tmp_path / "staging")}


def test_the_first_load_brings_whole_lists_and_the_next_what_changed(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    first = load("monday", entities=["deals", "persons", "stages"], **into)
    deals = {deal["id"]: deal for deal in PipedriveHook().iterate("getDeals")}
    assert dict(rows(file, "SELECT id, title FROM pipedrive.deals")) == {n: d["title"] for n, d in deals.items()}
    assert first["entities"]["deals"]["rows"] == len(deals)

    edited, deleted = sorted(deals)[:2]
    sandbox.advance(120)
    sandbox.update("deals", edited, title="edited")
    sandbox.delete("deals", deleted)
    sandbox.advance(120)
    second = load("tuesday", entities=["deals", "persons", "stages"], **into)
    found = dict(rows(file, "SELECT id, title FROM pipedrive.deals"))
    assert found == {n: d["title"] for n, d in deals.items() if n != deleted} | {edited: "edited"}
    assert second["entities"]["deals"]["tombstones"] == 1
    assert second["entities"]["persons"]["rows"] < first["entities"]["persons"]["rows"]


def test_a_snapshot_takes_the_place_of_what_was_there(sandbox: Sandbox, file: Path, into: dict[str, Any]) -> None:
    load("monday", entities=["persons"], mode="snapshot", **into)
    persons = sorted(sandbox.records("persons"))
    sandbox.delete("persons", persons[0])
    load("tuesday", entities=["persons"], mode="snapshot", **into)
    assert sorted(number for (number,) in rows(file, "SELECT id FROM pipedrive.persons")) == sorted(
        person["id"] for person in PipedriveHook().iterate("getPersons")
    )


def test_an_older_state_that_comes_later_does_not_win(sandbox: Sandbox, file: Path, into: dict[str, Any]) -> None:
    deal = next(iter(PipedriveHook().iterate("getDeals")))
    kept = {**into, "destination": f"duckdb:///{file}.old", "keep_staging": True}
    load("before", entities=["deals"], mode="snapshot", **kept)
    [staged] = Path(into["staging"]).iterdir()
    old = {path.name: path.read_bytes() for path in (staged / "deals").iterdir()}
    sandbox.advance(120)
    sandbox.update("deals", deal["id"], title="the newest")
    load("after", entities=["deals"], mode="snapshot", **into)

    parts = [staged / "deals" / name for name in old if name.endswith(".parquet")]
    late = EntityLoad("deals", ["id"], "update_time", columns_of(staged, "deals"), parts, datetime.now(UTC))
    Warehouse(Destination(into["destination"]), "pipedrive").load(late)
    assert rows(file, f"SELECT title FROM pipedrive.deals WHERE id = {deal['id']}") == [("the newest",)]


_SECOND_AIRFLOW = """
import json, sys
from unittest.mock import MagicMock
from airflow_provider_pipedrive.transfers import PipedriveToWarehouseOperator
operator = PipedriveToWarehouseOperator(task_id="load", entities=["deals"], **json.loads(sys.argv[1]))
run = {"ti": MagicMock(map_index=-1, try_number=1), "run_id": "tuesday", "dag_run": MagicMock(run_id="tuesday")}
print(json.dumps(operator.execute(run)["entities"]["deals"]["rows"]))
"""


@pytest.fixture(params=["duckdb", "postgres"])
def shared(
    request: pytest.FixtureRequest, file: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[dict[str, Any], Callable[[], Any]]:
    """A warehouse of two Airflows: the arguments of their tasks, and a connection to look into it."""
    arguments = {"dataset": "of_two_airflows"}
    if request.param == "duckdb":
        return {**arguments, "destination": f"duckdb:///{file}"}, lambda: duckdb.connect(str(file), read_only=True)
    psycopg2 = pytest.importorskip("psycopg2")
    server = request.getfixturevalue("postgres")
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "postgres", **server}))
    names = {"host": server["host"], "port": server["port"], "dbname": "postgres", "user": server["login"]}
    return (
        {**arguments, "destination": "postgres", "destination_conn_id": "warehouse"},
        lambda: psycopg2.connect(**names, password=PASSWORD),
    )


def test_a_second_airflow_on_the_same_warehouse_continues_where_the_first_has_come_to(
    sandbox: Sandbox, shared: tuple[dict[str, Any], Callable[[], Any]], tmp_path: Path
) -> None:
    arguments, connect = shared

    def deals() -> list[dict[str, Any]]:
        connection = connect()
        cursor = connection.cursor()
        cursor.execute("SELECT * FROM of_two_airflows.deals ORDER BY id")
        names = [column[0] for column in cursor.description]
        found = [dict(zip(names, values, strict=True)) for values in cursor.fetchall()]
        connection.close()
        return found

    load("monday", entities=["deals"], **arguments)
    before = deals()
    sandbox.advance(120)
    sandbox.update("deals", before[0]["id"], title="edited on Tuesday")
    known = {name: os.environ[name] for name in os.environ if name == "PATH" or name.startswith("AIRFLOW_CONN_")}
    own = {name: str(tmp_path / name.lower()) for name in ("HOME", "TMPDIR", "AIRFLOW_HOME")}
    for folder in own.values():
        Path(folder).mkdir()
    command = [sys.executable, "-c", _SECOND_AIRFLOW, json.dumps(arguments)]
    environment = {**known, **own, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    # The edited deal, and the last one of Monday: a window reaches back a little.
    assert json.loads(done.stdout.splitlines()[-1]) == 2 < len(before)
    after = deals()
    # Monday's whole list needed no place for tombstones.
    assert {deal.pop("_deleted_at") for deal in after} == {None}
    assert {name for name in before[0] if after[0][name] != before[0][name]} == {"title", "update_time"}
    assert after[0]["title"] == "edited on Tuesday"
    assert after[1:] == before[1:]


def test_a_new_field_becomes_a_new_column(sandbox: Sandbox, file: Path, into: dict[str, Any]) -> None:
    load("monday", entities=["deals"], **into)
    field = PipedriveHook().run("addDealField", {"field_name": "Sales region", "field_type": "varchar"})
    deal = next(iter(PipedriveHook().iterate("getDeals")))["id"]
    sandbox.advance(120)
    PipedriveHook().run("updateDeal", {"id": deal, "custom_fields": {field["field_code"]: "North"}})
    sandbox.advance(120)
    receipt = load("tuesday", entities=["deals"], **into)
    assert "sales_region" in receipt["entities"]["deals"]["new_columns"]
    assert rows(file, f"SELECT sales_region FROM pipedrive.deals WHERE id = {deal}") == [("North",)]


@pytest.mark.long
def test_another_choice_of_records_is_read_whole(sandbox: Sandbox, file: Path, into: dict[str, Any]) -> None:
    won = {"deals": {"status": "won"}}
    load("monday", entities=["deals"], parameters=won, **into)
    load("tuesday", entities=["deals"], parameters=won, **into)
    assert rows(file, "SELECT DISTINCT status FROM pipedrive.deals") == [("won",)]
    load("wednesday", entities=["deals"], **into)
    everything = len(list(PipedriveHook().iterate("getDeals")))
    assert rows(file, "SELECT count(*) FROM pipedrive.deals") == [(everything,)]


def test_every_version_is_kept_on_request_with_a_view_of_the_latest(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    deal = next(iter(PipedriveHook().iterate("getDeals")))["id"]
    load("monday", entities=["deals"], versions="all", **into)
    sandbox.advance(120)
    sandbox.update("deals", deal, title="edited")
    sandbox.advance(120)
    load("tuesday", entities=["deals"], versions="all", **into)
    assert rows(file, f"SELECT count(*) FROM pipedrive.deals WHERE id = {deal}") == [(2,)]
    assert rows(file, f"SELECT title FROM pipedrive.deals__latest WHERE id = {deal}") == [("edited",)]


def test_lists_become_tables_of_their_own_on_request(sandbox: Sandbox, file: Path, into: dict[str, Any]) -> None:
    load("monday", entities=["persons"], lists="child_tables", **into)
    addresses = sum(len(person["emails"]) for person in PipedriveHook().iterate("getPersons"))
    assert rows(file, "SELECT count(*) FROM pipedrive.persons__emails") == [(addresses,)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"entities": ["deels"]}, "There is no entity 'deels' to extract. Did you mean deals"),
        ({"entities": ["deals"], "lists": "rows"}, "lists must be json or child_tables"),
        ({"entities": ["deals"], "mode": "everything"}, "mode must be one of snapshot, changes"),
        ({"entities": ["deals"], "since": "2026-02-01", "until": "2026-01-01"}, "must be later than since"),
        ({"entities": ["deals"], "mode": "snapshot", "since": "2026-01-01"}, "A snapshot has no window"),
        ({"entities": ["deals"], "max_tokens": "many"}, "max_tokens must be a whole number"),
        ({"entities": ["deals"], "destination": "postgre"}, "Did you mean 'postgres'?"),
        ({"entities": ["deals"], "destination": "mysql"}, "destination='sqlalchemy', and a connection that has host"),
        ({"entities": ["deals"], "untried": "yes"}, "untried must be True or False"),
        ({"entities": ["deals"], "dataset": "My data"}, "dataset must be a name of lower-case letters"),
        ({"entities": ["deals"], "destination": "snowflakes"}, "Did you mean 'snowflake'?"),
        ({"entities": ["deals"], "destination": "postgresql://user:secret@host/db"}, "destination takes no URL but"),
        ({"entities": ["deals"], "destination": "duckdb"}, "needs the file: duckdb:///path/to/file.duckdb"),
        ({"entities": ["deals"], "destination_conn_id": {"host": "secret"}}, "the id of an Airflow connection"),
        ({"entities": ["deals"], "destination_conn_id": 5}, "such as 'warehouse', not int"),
    ],
)
def test_wrong_arguments_are_found_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError) as caught:
        PipedriveToWarehouseOperator(task_id="load", **{"destination": "duckdb:///x.duckdb", **arguments})
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("destination", ["{{ var.value.warehouse }}", "postgres", "postgres_of_sales", "own_sink"])
def test_a_destination_that_may_be_right_is_left_to_the_run(destination: str) -> None:
    given: dict[str, Any] = {"destination": destination, "destination_conn_id": "warehouse"}
    assert PipedriveToWarehouseOperator(task_id="load", entities=["deals"], **given).destination == destination


def test_a_wrong_destination_is_found_before_anything_is_read(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="does not exist: create it"):
        load("monday", entities=["deals"], destination="duckdb:////no/such/folder/crm.duckdb", staging=str(tmp_path))
    assert sandbox.requests == []


def test_postgres_holds_the_same_rows_and_takes_what_changed(
    sandbox: Sandbox, postgres: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2

    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "postgres", **postgres}))
    arguments = {"destination": "postgres", "destination_conn_id": "warehouse", "staging": str(tmp_path)}
    load("monday", entities=["deals"], **arguments)
    deals = {deal["id"]: deal["title"] for deal in PipedriveHook().iterate("getDeals")}
    edited, deleted = sorted(deals)[:2]
    sandbox.advance(120)
    sandbox.update("deals", edited, title="edited")
    sandbox.delete("deals", deleted)
    sandbox.advance(120)
    load("tuesday", entities=["deals"], **arguments)
    names = {"dbname": "postgres", "user": "pipedrive", "password": PASSWORD}
    connection = psycopg2.connect(host="127.0.0.1", port=postgres["port"], **names)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, title FROM pipedrive.deals")
            found = dict(cursor.fetchall())
    finally:
        connection.close()
    assert found == {n: title for n, title in deals.items() if n != deleted} | {edited: "edited"}


def test_what_could_not_be_loaded_as_it_came_is_counted_in_the_receipt(sandbox: Sandbox, into: dict[str, Any]) -> None:
    sandbox.update("notes", next(iter(sandbox.records("notes"))), content="call\0back")

    receipt = load("monday", entities=["notes", "users"], **into)["entities"]

    assert {name: (each["nulled_values"], each["set_aside"]) for name, each in receipt.items()} == {
        "notes": (1, 0),
        "users": (0, 0),
    }


def test_a_zero_byte_in_one_note_is_left_out_on_the_way_to_postgres(
    sandbox: Sandbox, postgres: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psycopg2

    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "postgres", **postgres}))
    note = next(iter(sandbox.records("notes")))
    sandbox.update("notes", note, content="call\0back")
    arguments = {"destination": "postgres", "destination_conn_id": "warehouse", "staging": str(tmp_path)}
    load("monday", entities=["notes"], dataset="zero_bytes", **arguments)
    names = {"dbname": "postgres", "user": "pipedrive", "password": PASSWORD}
    connection = psycopg2.connect(host="127.0.0.1", port=postgres["port"], **names)
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM zero_bytes.notes")
            assert cursor.fetchone() == (len(sandbox.records("notes")),)
            cursor.execute("SELECT content FROM zero_bytes.notes WHERE id = %s", (note,))
            assert cursor.fetchone() == ("callback",)
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"extra": {"sslmode": "require"}}, "server does not support SSL"),
        ({"password": f"Wrong{PASSWORD}"}, "password authentication failed"),
    ],
)
def test_a_connection_that_postgres_refuses_is_found_before_anything_is_read(
    sandbox: Sandbox,
    postgres: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: dict[str, Any],
    message: str,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "postgres", **postgres, **changed}))
    with pytest.raises(PipedriveWarehouseError) as caught:
        load("monday", entities=["deals"], destination="postgres", destination_conn_id="warehouse")
    assert message in str(caught.value)
    assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert sandbox.requests == []


def test_a_spent_daily_budget_defers_the_task_which_goes_on_day_after_day(
    file: Path, into: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Sandbox(deals=2000, seed=2, api_token=API_TOKEN, daily_budget=60) as poor_company:
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(poor_company, max_attempts=1))
        with pytest.raises(PipedriveDailyBudgetError):
            load("monday", entities=["deals"], deferrable=False, **into)
        task = PipedriveToWarehouseOperator(task_id="load", entities=["deals"], deferrable=True, **into)
        step, days = task.execute, 0
        while days < 10:
            forget_limits()
            try:
                step(context("monday"))
                break
            except TaskDeferred as deferred:
                days += 1
                poor_company.advance(deferred.trigger.until - time.time())  # type: ignore[attr-defined]
                step = getattr(task, deferred.method_name)
        expected = {
            number
            for number, deal in poor_company.records("deals").items()
            if not deal["is_archived"] and not deal["is_deleted"]
        }
    assert days >= 1
    assert {number for (number,) in rows(file, "SELECT id FROM pipedrive.deals")} == expected


def test_the_example_dag_loads_its_entities(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    mocker.patch.object(tempfile, "tempdir", str(tmp_path))
    dags = Path(__file__).resolve().parents[2] / "example_dags"
    declared = runpy.run_path(str(dags / "pipedrive_nightly_warehouse.py"))
    dag = declared["pipedrive_nightly_warehouse"]()
    task = dag.get_task("load")
    file = tmp_path / Path(dag.params["destination"]).name
    params = {"connection": "pipedrive_default", "destination": f"duckdb:///{file}"}
    context: Any = {"ti": MagicMock(map_index=-1, try_number=1), "run_id": "night", "params": params}
    task.render_template_fields({**context, "dag_run": MagicMock(run_id="night")})
    receipt = task.execute({**context, "dag_run": MagicMock(run_id="night")})
    assert receipt["views"] == ["current_deals", "funnel", "activities_by_owner"]
    named = "SELECT id, owner, stage FROM pipedrive.current_deals"
    deals = {n: deal for n, deal in sandbox.records("deals").items() if not deal["is_archived"] | deal["is_deleted"]}
    users, stages = ({n: each["name"] for n, each in sandbox.records(kind).items()} for kind in ("users", "stages"))
    assert {n: names for n, *names in rows(file, named)} == {
        n: [users[deal["owner_id"]], stages[deal["stage_id"]]] for n, deal in deals.items()
    }
    tables = {name for (name,) in rows(file, "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'pipedrive'")}
    assert tables >= set(declared["ENTITIES"])


# ---- whose window, and where the watermark is


def watermark_of(into: dict[str, Any]) -> datetime | None:
    kept = Warehouse(Destination(into["destination"]), "pipedrive").load_state("deals")
    return datetime.fromisoformat(kept["watermark"]) if kept and kept["watermark"] else None


def of_day(run: str, run_type: str, day: datetime) -> Any:
    """What Airflow 3 hands to a task of a DAG with a plain cron schedule."""
    dag = DAG(
        "nightly",
        schedule=CronTriggerTimetable("0 0 * * *", timezone="UTC"),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
    )
    dag_run = MagicMock(run_id=run, run_type=run_type, logical_date=day)
    return {**context(run), "dag": dag, "dag_run": dag_run, "logical_date": day}


MONDAY, TUESDAY, FRIDAY = (datetime(2026, 3, day, tzinfo=UTC) for day in (2, 3, 6))


def test_a_backfill_loads_its_day_and_leaves_the_mark_where_it_is(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    load("monday", entities=["deals"], **into)
    watermark, number = watermark_of(into), min(deal["id"] for deal in PipedriveHook().iterate("getDeals"))
    sandbox.update("deals", number, title="found again", update_time="2020-05-03T16:00:00Z")
    day = datetime(2020, 5, 4, tzinfo=UTC)
    task = PipedriveToWarehouseOperator(task_id="load", entities=["deals"], **into)
    receipt = task.execute(of_day("backfill", "backfill", day))
    assert receipt["entities"]["deals"]["rows"] == 1
    assert watermark_of(into) == watermark


@pytest.mark.long
def test_a_window_before_the_first_load_leaves_no_mark_so_that_the_first_load_is_whole(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    number = min(deal["id"] for deal in PipedriveHook().iterate("getDeals"))
    sandbox.update("deals", number, update_time="2020-05-03T16:00:00Z")
    task = PipedriveToWarehouseOperator(task_id="load", entities=["deals"], **into)
    task.execute(of_day("backfill", "backfill", datetime(2020, 5, 4, tzinfo=UTC)))
    assert rows(file, "SELECT id FROM pipedrive.deals") == [(number,)]
    assert watermark_of(into) is None
    load("monday", entities=["deals"], **into)
    everything = {deal["id"] for deal in PipedriveHook().iterate("getDeals")}
    assert {found for (found,) in rows(file, "SELECT id FROM pipedrive.deals")} == everything
    assert watermark_of(into) is not None


@pytest.mark.long
def test_a_window_that_begins_after_the_mark_leaves_it_and_one_that_covers_it_moves_it_on(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    load("monday", entities=["deals"], **into)
    watermark = watermark_of(into)
    assert watermark is not None
    early, late = sorted(deal["id"] for deal in PipedriveHook().iterate("getDeals"))[:2]
    sandbox.advance(3600)
    sandbox.update("deals", early, title="early")
    sandbox.advance(3600)
    sandbox.update("deals", late, title="late")
    sandbox.advance(120)
    now = datetime.fromisoformat(sandbox.records("deals")[late]["update_time"])
    load("gap", entities=["deals"], since=(now - timedelta(minutes=30)).isoformat(), **into)
    assert watermark_of(into) == watermark
    load("tuesday", entities=["deals"], **into)
    assert rows(file, f"SELECT title FROM pipedrive.deals WHERE id = {early}") == [("early",)]
    assert watermark_of(into) == now
    load("back", entities=["deals"], since=(watermark - timedelta(days=1)).isoformat(), **into)
    assert watermark_of(into) == now


def test_a_run_that_is_cleared_or_tried_again_after_it_has_loaded_takes_nothing_away(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    deals = sorted(deal["id"] for deal in PipedriveHook().iterate("getDeals"))
    load("monday", entities=["deals"], **into)
    sandbox.advance(600)
    sandbox.update("deals", deals[0], title="edited")
    sandbox.advance(600)
    for run in ("tuesday", "tuesday", "monday"):
        load(run, entities=["deals"], **into)
        assert sorted(found for (found,) in rows(file, "SELECT id FROM pipedrive.deals")) == deals
        assert rows(file, f"SELECT title FROM pipedrive.deals WHERE id = {deals[0]}") == [("edited",)]


def test_with_another_key_a_table_is_read_whole_so_that_its_hashes_are_alike(
    sandbox: Sandbox,
    file: Path,
    into: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    names = []
    for run, key in (("monday", "KeyOfTheHashes012345"), ("tuesday", "AnotherKey0123456789")):
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, hash_key=key))
        load(run, entities=["persons"], hash=["name"], **into)
        names.append({name for (name,) in rows(file, "SELECT name FROM pipedrive.persons")})
    assert not names[0] & names[1]
    assert "persons is read whole: exclude, hash or hash_key is another than at the last load" in caplog.text


def test_a_table_never_has_what_is_left_out_and_equal_hashes_for_equal_values(
    sandbox: Sandbox, file: Path, into: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, hash_key="KeyOfTheHashes012345"))
    load("monday", entities=["persons", "deals"], exclude=["email", "persons.name"], hash=["org_id"], **into)
    columns = {name for (name, *_) in rows(file, "DESCRIBE pipedrive.persons")}
    assert {"emails", "name", "first_name"} & columns == set()
    assert "phones" in columns
    joined = "SELECT count(DISTINCT deals.id) FROM pipedrive.deals JOIN pipedrive.persons USING (org_id)"
    ((found,),) = rows(file, joined)
    assert 0 < found <= 30
    (texts,) = rows(file, "SELECT min(length(org_id)), max(length(org_id)) FROM pipedrive.persons")
    assert texts == (64, 64)
    kept = b"".join(path.read_bytes() for path in file.parent.rglob("*") if path.is_file())
    emails = {email["value"] for person in PipedriveHook().iterate("getPersons") for email in person["emails"]}
    assert [email for email in emails if email.encode() in kept] == []
