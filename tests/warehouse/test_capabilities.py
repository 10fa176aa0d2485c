"""What is asked of a destination before anything is read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse import Destination, Warehouse
from airflow_provider_pipedrive.warehouse.capabilities import abilities_of
from tests.warehouse.test_merging import MONDAY, TUESDAY, Place, deal
from tests.warehouse.test_merging import place as place

pytest.importorskip("dlt", reason="the extra warehouse is not installed")


def sqlite(file: Path) -> Destination:
    return Destination("sqlalchemy", {"drivername": "sqlite", "database": str(file)})


def test_a_destination_that_doubles_rows_is_refused_with_those_that_do_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", tmp_path.as_uri())
    with pytest.raises(PipedriveParameterError, match="cannot merge rows.*DuckDB.*Postgres.*MariaDB"):
        Warehouse(Destination("filesystem"), "crm").check()
    assert list(tmp_path.iterdir()) == []


def test_a_destination_that_nobody_has_tried_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match=r"sqlalchemy \(sqlite\) has not been tried.*untried=True"):
        Warehouse(sqlite(tmp_path / "crm.db"), "crm").check()


@pytest.mark.long
def test_a_destination_that_nobody_has_tried_is_loaded_into_on_request(tmp_path: Path) -> None:
    warehouse = Warehouse(sqlite(tmp_path / "crm.db"), "crm", untried=True)
    warehouse.check()
    into = Place(warehouse.destination, lambda query: [], tmp_path, "crm")
    into.load([deal(1, "first", MONDAY), deal(2, "gone", MONDAY)])
    into.load([deal(1, "edited", TUESDAY)], deleted=[{"id": 2, "deleted_at": TUESDAY}])
    into.load([deal(1, "old", MONDAY)])
    with closing(sqlite3.connect(tmp_path / "crm__crm.db")) as connection, connection:
        assert connection.execute("SELECT id, title FROM deals").fetchall() == [(1, "edited")]


def test_destinations_of_one_dialect_are_told_apart_by_what_they_do() -> None:
    dlt = pytest.importorskip("dlt")
    kinds = {
        name: abilities_of(SimpleNamespace(destination=getattr(dlt.destinations, name)()))
        for name in ("ducklake", "motherduck", "clickhouse")
    }
    assert {name: abilities.transactional for name, abilities in kinds.items()} == {
        "ducklake": True,
        "motherduck": True,
        "clickhouse": False,
    }
    assert {name for name, abilities in kinds.items() if abilities.comments and abilities.changes_rows} == {"ducklake"}


def test_the_rights_are_tried_and_nothing_is_left_of_it(place: Place) -> None:
    Warehouse(place.destination, place.dataset).check()
    query = f"SELECT table_name, 1 FROM information_schema.tables WHERE table_schema LIKE '{place.dataset}%'"
    assert place._query(query) == []


def test_a_missing_right_is_found_before_anything_is_read(postgres: dict[str, Any], tmp_path: Path) -> None:
    psycopg2 = pytest.importorskip("psycopg2")
    names = {"host": postgres["host"], "port": postgres["port"], "password": postgres["password"]}
    connection = psycopg2.connect(dbname=postgres["schema"], user=postgres["login"], **names)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE reader LOGIN PASSWORD '{postgres['password']}'; CREATE SCHEMA of_others")
    connection.close()
    destination = Destination("postgres", {**names, "username": "reader", "database": postgres["schema"]})
    with pytest.raises(PipedriveWarehouseError, match="permission denied"):
        Warehouse(destination, "of_others").check()


def test_maria_db_merges_and_holds_every_language_and_long_notes(mariadb: dict[str, Any], tmp_path: Path) -> None:
    pymysql = pytest.importorskip("pymysql")
    into = Place(Destination("sqlalchemy", mariadb), lambda query: [], tmp_path, "crm")
    long = "Ω日本😀" + "x" * 100_000
    Warehouse(into.destination, "crm").check()
    into.load([deal(1, "first", MONDAY, [1]), deal(2, "gone", MONDAY)])
    into.load([deal(1, long, TUESDAY, [2, 3])], deleted=[{"id": 2, "deleted_at": TUESDAY}])
    into.load([deal(1, "old", MONDAY)])
    names = {"user": mariadb["username"], "password": mariadb["password"]}
    with pymysql.connect(host=mariadb["host"], port=mariadb["port"], **names) as connection:
        with connection.cursor() as cursor:
            cursor.execute("SELECT id, title, label_ids FROM crm.deals")
            assert list(cursor.fetchall()) == [(1, long, "[2,3]")]
            cursor.execute("DELETE FROM crm.deals")
            cursor.execute("ALTER TABLE crm.deals MODIFY title VARCHAR(10)")
    with pytest.raises(PipedriveWarehouseError, match=r"\(1406\): Data too long for column 'title'") as refused:
        into.load([deal(1, "Ann Lee of 5, Elm Street", TUESDAY)])
    assert "Elm Street" not in str(refused.value)
    assert (refused.value.retryable, refused.value.rows_refused) == (False, True)
    reader = Destination("sqlalchemy", {**mariadb, "username": "reader"})
    with pytest.raises(PipedriveWarehouseError, match="denied") as missing:
        Warehouse(reader, "crm").check()
    assert not missing.value.retryable
