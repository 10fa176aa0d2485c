"""What dlt and its drivers raise, as a user reads it."""

from __future__ import annotations

import socket
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse import Destination, Warehouse
from tests.support.postgres_server import PASSWORD
from tests.warehouse.test_failed_loads import forbid
from tests.warehouse.test_merging import MONDAY, TUESDAY, Place, deal
from tests.warehouse.test_merging import place as place


def test_without_credentials_the_error_says_where_they_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PipedriveParameterError, match="Give destination_conn_id, or configure dlt"):
        Warehouse(Destination("postgres"), "crm").check()


def test_an_unreachable_warehouse_may_be_tried_again_and_its_password_is_not_shown() -> None:
    with socket.socket() as taken:  # bound, and not listening
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        names = {"host": "127.0.0.1", "port": port, "username": "me", "password": PASSWORD, "database": "db"}
        warehouse = Warehouse(Destination("postgres", names), "crm")
        with pytest.raises(PipedriveWarehouseError, match="refused") as caught:
            warehouse.check()
    assert caught.value.retryable
    assert PASSWORD not in f"{caught.value!r} {caught.value.__cause__!r} {warehouse.destination!r}"


def test_a_destination_that_knows_no_sql_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DESTINATION__FILESYSTEM__BUCKET_URL", tmp_path.as_uri())
    with pytest.raises(PipedriveParameterError, match="knows no SQL"):
        Warehouse(Destination("dummy"), "crm").check()


def test_a_file_that_another_process_writes_may_be_tried_again_with_advice(tmp_path: Path) -> None:
    file = tmp_path / "crm.duckdb"
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(PipedriveWarehouseError, match="one process write.*pool of one slot") as caught:
            Warehouse(Destination(f"duckdb:///{file}"), "pipedrive").check()
        holder.communicate()
    assert caught.value.retryable


def test_a_row_that_is_refused_is_in_no_error_and_in_no_log(
    place: Place, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    name = "Ann Lee of 5, Elm Street"
    place.load([deal(1, "first", MONDAY)])
    forbid(place, name)
    with pytest.raises(PipedriveWarehouseError, match="deals") as caught:
        place.load([deal(1, name, TUESDAY)])
    error = caught.value
    shown = [*traceback.format_exception(error), repr(vars(error)), caplog.text, *capfd.readouterr()]
    assert "Elm Street" not in "".join(shown)
    assert error.__context__ is None
    assert error.__cause__ is None
    assert (error.retryable, error.rows_refused) == (False, True)


def test_a_driver_that_is_not_there_is_named_with_one_that_may_be(tmp_path: Path) -> None:
    names = {"drivername": "mysql+nodriver", "host": "127.0.0.1", "username": "me", "database": "db"}
    with pytest.raises(PipedriveParameterError, match="pip install pymysql"):
        Warehouse(Destination("sqlalchemy", names), "crm").check()
