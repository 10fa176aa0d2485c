"""Whose rows a table holds, what the dataset remembers, and where rows lie until they are loaded."""

from __future__ import annotations

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveWarehouseError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import PipedriveToWarehouseOperator
from airflow_provider_pipedrive.warehouse import Warehouse
from tests.conftest import API_TOKEN, api_token_connection
from tests.transfers.test_warehouse import rows

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
pytest.importorskip("dlt", reason="the extra warehouse is not installed")


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture) -> Path:
    """A machine's folder for temporary files, empty as that of a new worker."""
    return a_new_worker(tmp_path / "worker-1", monkeypatch, mocker)


def a_new_worker(folder: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture) -> Path:
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    mocker.patch.object(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "crm.duckdb"


@pytest.fixture
def other_company(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Another company, with the connection ``other``."""
    with Sandbox(deals=20, seed=5, api_token=API_TOKEN) as sandbox:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", api_token_connection(sandbox))
        yield sandbox


def load(file: Path, run: str = "monday", index: int = -1, **arguments: Any) -> dict[str, Any]:
    context: Any = {"ti": MagicMock(map_index=index, try_number=1), "run_id": run, "dag_run": MagicMock(run_id=run)}
    arguments = {"task_id": "load", "entities": ["deals"], "destination": f"duckdb:///{file}", **arguments}
    return PipedriveToWarehouseOperator(**arguments).execute(context)


def titles(file: Path) -> dict[int, str]:
    return dict(rows(file, "SELECT id, title FROM pipedrive.deals"))


def titles_in(sandbox: Sandbox, **equal: Any) -> dict[int, str]:
    return {
        number: deal["title"]
        for number, deal in sandbox.records("deals").items()
        if not deal["is_archived"] and not deal["is_deleted"] and all(deal[k] == v for k, v in equal.items())
    }


# ---- whose rows a table holds


@pytest.mark.parametrize("arguments", [{}, {"allow_shrink": True}, {"mode": "snapshot", "allow_shrink": True}])
def test_the_rows_of_another_company_are_refused_whatever_is_set(
    sandbox: Sandbox, other_company: Sandbox, file: Path, arguments: dict[str, Any]
) -> None:
    load(file)
    with pytest.raises(AirflowFailException) as caught:
        load(file, "tuesday", pipedrive_conn_id="other", **arguments)
    assert "holds deals of company 1, and this connection reads company 5" in str(caught.value)
    assert "give each account a dataset of its own" in str(caught.value)
    assert "allow_shrink" not in str(caught.value)
    assert titles(file) == titles_in(sandbox)
    assert {request.path for request in other_company.requests} == {"/v1/users/me"}


@pytest.mark.long
def test_another_entity_of_another_company_is_refused_in_the_same_dataset_too(
    sandbox: Sandbox, other_company: Sandbox, file: Path
) -> None:
    load(file)
    with pytest.raises(AirflowFailException, match="holds deals of company 1"):
        load(file, "tuesday", pipedrive_conn_id="other", entities=["persons"])
    load(file, "tuesday", pipedrive_conn_id="other", dataset="five")
    assert dict(rows(file, "SELECT id, title FROM five.deals")) == titles_in(other_company)
    assert titles(file) == titles_in(sandbox)


@pytest.mark.long
def test_two_tasks_with_other_choices_do_not_take_turns_in_one_table(sandbox: Sandbox, file: Path) -> None:
    won, lost = {"deals": {"status": "won"}}, {"deals": {"status": "lost"}}
    load(file, index=0, parameters=won)
    with pytest.raises(AirflowFailException, match="each would remove the rows of the other. Give one of them another"):
        load(file, index=1, parameters=lost)
    assert titles(file) == titles_in(sandbox, status="won")
    load(file, "tuesday", index=0, parameters=lost)  # the task's own choice may change
    assert titles(file) == titles_in(sandbox, status="lost")


def _load_in_a_process(number: int, environment: dict[str, str], arguments: dict[str, Any], found: Any) -> None:
    os.environ.update(environment)
    tempfile.tempdir = environment["TMPDIR"]
    try:
        load(**arguments)
        found.put((number, "done"))
    except BaseException as error:  # noqa: BLE001 - told to the test
        found.put((number, repr(error)))


def at_once(*tasks: dict[str, Any]) -> list[str]:
    """Run tasks in processes of their own, at the same time, and say how each ended."""
    context = multiprocessing.get_context("fork")
    found = context.Queue()
    processes = [
        context.Process(target=_load_in_a_process, args=(number, dict(os.environ), task, found))
        for number, task in enumerate(tasks)
    ]
    for process in processes:
        process.start()
    ended = dict(found.get(timeout=240) for _ in processes)
    for process in processes:
        process.join(timeout=60)
    return [ended[number] for number in range(len(tasks))]


def mapped_at_once(sandbox: Sandbox, other_company: Sandbox, folder: Path, times: int) -> None:
    for turn in range(times):
        files = [folder / f"{name}-{turn}.duckdb" for name in ("won", "lost", "first", "second")]
        ended = at_once(
            {"file": files[0], "index": 0, "parameters": {"deals": {"status": "won"}}},
            {"file": files[1], "index": 1, "parameters": {"deals": {"status": "lost"}}},
            {"file": files[2], "index": 0, "task_id": "accounts"},
            {"file": files[3], "index": 1, "task_id": "accounts", "pipedrive_conn_id": "other"},
        )
        assert ended == ["done"] * 4
        assert titles(files[0]) == titles_in(sandbox, status="won")
        assert titles(files[1]) == titles_in(sandbox, status="lost")
        assert titles(files[2]) == titles_in(sandbox)
        assert titles(files[3]) == titles_in(other_company)


def test_a_task_mapped_over_parameters_and_over_accounts_keeps_each_to_itself(
    sandbox: Sandbox, other_company: Sandbox, tmp_path: Path
) -> None:
    mapped_at_once(sandbox, other_company, tmp_path, times=1)


@pytest.mark.long
def test_ten_times_a_task_mapped_over_parameters_and_accounts_keeps_each_to_itself(
    sandbox: Sandbox, other_company: Sandbox, tmp_path: Path
) -> None:
    mapped_at_once(sandbox, other_company, tmp_path, times=10)


# ---- what the dataset remembers


def test_a_new_worker_has_the_same_columns_though_a_field_was_renamed(
    sandbox: Sandbox, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    field = PipedriveHook().run("addDealField", {"field_name": "Sales region", "field_type": "varchar"})["field_code"]
    load(file)
    PipedriveHook().run("updateDealField", {"field_code": field, "field_name": "Territory"})
    deal = min(titles_in(sandbox))
    sandbox.advance(120)
    PipedriveHook().run("updateDeal", {"id": deal, "custom_fields": {field: "North"}})
    sandbox.advance(120)
    a_new_worker(tmp_path / "worker-2", monkeypatch, mocker)
    assert load(file, "tuesday")["entities"]["deals"]["new_columns"] == ["_deleted_at"]
    assert rows(file, f"SELECT sales_region FROM pipedrive.deals WHERE id = {deal}") == [("North",)]
    # Entities that share the fields have them from the dataset too.
    load(file, "wednesday", entities=["archived_deals"])
    names = {
        name for (name,) in rows(file, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'archived_deals'")
    }
    assert "sales_region" in names
    assert "territory" not in names


def test_a_new_worker_finds_what_was_deleted(
    sandbox: Sandbox, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    load(file, entities=["persons"])
    gone = min(sandbox.records("persons"))
    sandbox.delete("persons", gone)
    sandbox.advance(120)
    a_new_worker(tmp_path / "worker-2", monkeypatch, mocker)
    receipt = load(file, "tuesday", entities=["persons"], sweep=True)
    assert receipt["entities"]["persons"]["tombstones"] == 1
    assert rows(file, f"SELECT * FROM pipedrive.persons WHERE id = {gone}") == []
    assert rows(file, "SELECT id FROM pipedrive.persons__deleted") == [(gone,)]


def test_a_new_worker_refuses_a_snapshot_that_has_shrunk(
    sandbox: Sandbox, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    load(file, mode="snapshot")
    before = titles(file)
    for number in sorted(before)[:10]:
        sandbox.delete("deals", number)
    a_new_worker(tmp_path / "worker-2", monkeypatch, mocker)
    with pytest.raises(AirflowFailException, match="over 10 % fewer"):
        load(file, "tuesday", mode="snapshot")
    assert titles(file) == before
    load(file, "tuesday", mode="snapshot", allow_shrink=True)
    assert titles(file) == titles_in(sandbox)


def test_what_a_load_that_did_not_complete_remembers_does_not_count(sandbox: Sandbox, file: Path) -> None:
    load(file)
    first = Warehouse(_destination(file), "pipedrive").load_state("deals")
    sandbox.advance(120)
    sandbox.update("deals", min(titles_in(sandbox)), title="edited")
    sandbox.advance(120)
    load(file, "tuesday")
    assert Warehouse(_destination(file), "pipedrive").load_state("deals") != first
    with duckdb.connect(str(file)) as connection:
        connection.execute(
            "DELETE FROM pipedrive._dlt_loads WHERE load_id = (SELECT max(load_id) FROM pipedrive._dlt_loads)"
        )
    assert Warehouse(_destination(file), "pipedrive").load_state("deals") == first


def _destination(file: Path) -> Any:
    from airflow_provider_pipedrive.warehouse import Destination

    return Destination(f"duckdb:///{file}")


def test_a_table_that_has_lost_rows_is_read_whole_again(sandbox: Sandbox, file: Path) -> None:
    load(file)
    with duckdb.connect(str(file)) as connection:
        connection.execute("DELETE FROM pipedrive.deals")
    load(file, "tuesday")
    assert titles(file) == titles_in(sandbox)


@pytest.mark.parametrize(
    "shape",
    [
        {"lists": "child_tables"},
        *(pytest.param(each, marks=pytest.mark.long) for each in ({"versions": "all"}, {"rename": True})),
    ],
)
def test_another_shape_is_read_whole_and_takes_the_place_of_the_one_before(
    sandbox: Sandbox, file: Path, shape: dict[str, Any]
) -> None:
    load(file)
    receipt = load(file, "tuesday", **shape)
    assert receipt["entities"]["deals"]["rows"] == len(titles_in(sandbox))
    assert titles(file) == titles_in(sandbox)
    assert len(rows(file, "SELECT id FROM pipedrive.deals")) == len(titles_in(sandbox))
    if "lists" in shape:
        assert rows(file, "SELECT count(*) > 0 FROM pipedrive.deals__label_ids") == [(True,)]
    back = load(file, "wednesday")
    assert back["entities"]["deals"]["rows"] == len(titles_in(sandbox))
    assert len(rows(file, "SELECT id FROM pipedrive.deals")) == len(titles_in(sandbox))


@pytest.mark.long
def test_moves_seen_in_deals_are_held_against_the_table_of_deals(
    sandbox: Sandbox, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    both = {"entities": ["deals", "observed_stage_history"]}
    load(file, **both)
    deal = next(n for n, d in sandbox.records("deals").items() if n in titles_in(sandbox) and d["status"] == "open")
    left = sandbox.records("deals")[deal]["stage_id"]
    reached = next(n for n in sandbox.records("stages") if n != left)
    sandbox.advance(120)
    PipedriveHook().run("updateDeal", {"id": deal, "stage_id": reached})
    sandbox.advance(120)
    a_new_worker(tmp_path / "worker-2", monkeypatch, mocker)
    load(file, "tuesday", **both)
    found = rows(file, "SELECT deal_id, from_stage_id, to_stage_id FROM pipedrive.observed_stage_history")
    assert found == [(deal, left, reached)]


# ---- where rows lie until they are loaded


def left_in(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


def test_staged_rows_are_this_user_s_alone_and_go_with_the_load(
    sandbox: Sandbox, file: Path, temporary: Path, mocker: Any
) -> None:
    modes: dict[str, set[int]] = {"folders": set(), "files": set()}
    real = Warehouse.load

    def seen(self: Warehouse, load: Any, *others: Any) -> Any:
        for path in temporary.rglob("*"):
            modes["folders" if path.is_dir() else "files"].add(path.stat().st_mode & 0o777)
        return real(self, load, *others)

    mocker.patch.object(Warehouse, "load", seen)
    load(file)
    assert modes == {"folders": {0o700}, "files": {0o600}}
    assert left_in(temporary) == []
    assert file.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_folder_that_is_not_this_user_s_is_refused(
    sandbox: Sandbox, file: Path, temporary: Path, tmp_path: Path
) -> None:
    place = temporary / f"airflow-pipedrive-{os.geteuid()}"
    (tmp_path / "elsewhere").mkdir()
    place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AirflowFailException, match="is a link, and not a folder of the user .* set staging"):
        load(file)
    assert left_in(tmp_path / "elsewhere") == []
    if os.geteuid() == 0:
        place.unlink()
        place.mkdir()
        os.chown(place, 12345, -1)
        with pytest.raises(AirflowFailException, match="of the user 12345, and not a folder of the user 0"):
            load(file)


@pytest.mark.long
def test_staged_rows_in_object_storage_go_too_unless_they_are_to_be_kept(
    sandbox: Sandbox, file: Path, bucket: str
) -> None:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    load(file, staging=f"{bucket}/staging")
    folder = ObjectStoragePath(f"{bucket}/staging")
    assert not folder.fs.find(str(folder.path))
    load(file, "tuesday", staging=f"{bucket}/staging", mode="snapshot", keep_staging=True)
    assert any(str(path).endswith(".parquet") for path in folder.fs.find(str(folder.path)))
    with pytest.raises(Exception, match="keep_staging needs staging"):
        load(file, keep_staging=True)


def test_what_a_dead_run_left_is_removed_after_a_week(sandbox: Sandbox, file: Path, temporary: Path) -> None:
    root = temporary / f"airflow-pipedrive-{os.geteuid()}"
    for name, age in (("pipedrive-old", 8), ("pipedrive-new", 6)):
        (root / name).mkdir(parents=True)
        (root / name / "rows.parquet").write_text("rows")
        (root / name / "started.json").write_text(json.dumps({"time": time.time() - age * 24 * 3600}))
    root.chmod(0o700)
    load(file)
    assert sorted(path.name for path in root.iterdir()) == ["pipedrive-new"]


def test_a_retry_loads_what_the_try_before_has_read(sandbox: Sandbox, file: Path, temporary: Path, mocker: Any) -> None:
    failing = mocker.patch.object(
        Warehouse, "load", side_effect=PipedriveWarehouseError("The warehouse is away.", retryable=True)
    )
    with pytest.raises(PipedriveWarehouseError):
        load(file)
    mocker.stop(failing)
    read = len([request for request in sandbox.requests if "/deals" in request.path])
    load(file)
    assert len([request for request in sandbox.requests if "/deals" in request.path]) == read
    assert titles(file) == titles_in(sandbox)
    assert left_in(temporary) == []


@pytest.mark.parametrize(("rows_refused", "readings"), [(False, 1), (True, 2)])
def test_a_task_that_is_cleared_reads_again_only_where_the_rows_themselves_were_refused(
    sandbox: Sandbox, file: Path, temporary: Path, mocker: Any, rows_refused: bool, readings: int
) -> None:
    refused = PipedriveWarehouseError("A right is missing.", retryable=False)
    refused.rows_refused = rows_refused
    failing = mocker.patch.object(Warehouse, "load", side_effect=refused)
    with pytest.raises(AirflowFailException):
        load(file)
    mocker.stop(failing)
    read = len([request for request in sandbox.requests if "/deals" in request.path])
    load(file)
    assert len([request for request in sandbox.requests if "/deals" in request.path]) == read * readings
    assert titles(file) == titles_in(sandbox)


def test_a_retry_reads_again_where_another_run_has_loaded_since(sandbox: Sandbox, file: Path, mocker: Any) -> None:
    away = PipedriveWarehouseError("The warehouse is away.", retryable=True)
    failing = mocker.patch.object(Warehouse, "load", side_effect=away)
    with pytest.raises(PipedriveWarehouseError):
        load(file, "monday", mode="snapshot")
    mocker.stop(failing)
    sandbox.update("deals", min(titles_in(sandbox)), title="edited")
    load(file, "tuesday", mode="snapshot")
    load(file, "monday", mode="snapshot")
    assert titles(file) == titles_in(sandbox)


def test_an_older_reading_does_not_take_the_place_of_a_newer_one(sandbox: Sandbox, file: Path, mocker: Any) -> None:
    real, first = Warehouse.load, []

    def slow(self: Warehouse, *arguments: Any) -> Any:
        if not first:
            first.append(arguments)
            sandbox.update("deals", min(titles_in(sandbox)), title="edited")
            load(file, "tuesday", mode="snapshot")
        return real(self, *arguments)

    mocker.patch.object(Warehouse, "load", slow)
    with pytest.raises(PipedriveWarehouseError, match="another run read at .* has been loaded since") as caught:
        load(file, "monday", mode="snapshot")
    assert caught.value.retryable
    assert titles(file) == titles_in(sandbox)
