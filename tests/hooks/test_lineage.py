"""What a hook has read and written is told to Airflow's collector of lineage."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow.providers.common.compat.lineage.hook as compat
import pytest
from airflow.providers.common.compat.lineage.entities import Table
from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    Asset,
    AssetAlias,
    ObjectStoragePath,
    TaskDeferred,
)
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.hooks.lineage import location, report, table
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveNewFileSensor
from airflow_provider_pipedrive.transfers import PipedriveToObjectStorageOperator


class Collector:
    """As much of Airflow's collector as is used, which has no memory without a reader."""

    def __init__(self) -> None:
        self.error_to_dict: list[tuple[str, str]] = []

    def add_input_asset(self, context: Any, *, uri: str) -> None:
        self.error_to_dict.append(("read", uri))

    def add_output_asset(self, context: Any, *, uri: str) -> None:
        self.error_to_dict.append(("written", uri))


@pytest.fixture
def collector(mocker: MockerFixture) -> Collector:
    found = Collector()
    mocker.patch.object(compat, "get_hook_lineage_collector", return_value=found)
    return found


def test_reads_and_writes_are_told_by_the_asset_of_the_company(sandbox: Sandbox, collector: Collector):
    hook = PipedriveHook()
    hook.run("getDeals")
    hook.run("addPerson", {"name": "Somebody"})
    list(hook.iterate("getOrganizations", max_records=1))
    hook.run("getCurrentUser")
    assert collector.error_to_dict == [
        ("read", "pipedrive://127.0.0.1/deals"),
        ("written", "pipedrive://127.0.0.1/persons"),
        ("read", "pipedrive://127.0.0.1/organizations"),
    ]


def test_nothing_is_told_where_the_company_is_not_known(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_CRM", '{"conn_type": "pipedrive", "extra": {"api_token": "a-token-of-nobody"}}')
    report(PipedriveHook("crm"), "getDeals")
    assert collector.error_to_dict == []


def test_requests_choices_and_empty_lists_are_told_too_each_data_set_once(sandbox: Sandbox, collector: Collector):
    hook = PipedriveHook()
    hook.request("GET", "/api/v2/products?limit=1")
    hook.request("POST", "/v1/notes", json={"content": "Hello", "deal_id": 1})
    hook.options("selectOrganization", "Acme")
    hook.options("stages")
    list(PipedriveHook().iterate("searchPersons", {"term": "nobody is called like this"}))
    list(PipedriveHook().iterate("getProducts", max_records=1))
    assert collector.error_to_dict == [
        ("read", "pipedrive://127.0.0.1/products"),
        ("written", "pipedrive://127.0.0.1/notes"),
        ("read", "pipedrive://127.0.0.1/organizations"),
        ("read", "pipedrive://127.0.0.1/persons"),
    ]


def test_files_that_go_up_and_down_are_told_by_their_place(sandbox: Sandbox, collector: Collector, tmp_path: Path):
    (tmp_path / "offer.txt").write_text("an offer")
    hook = PipedriveHook()
    file = hook.run("addFile", {"file": ("another name.txt", tmp_path / "offer.txt"), "deal_id": 1})
    hook.run("addFile", {"file": ("bytes.txt", b"nothing to be named"), "deal_id": 1})
    hook.run("downloadFile", {"id": file["id"]}, save_to=str(tmp_path / "copy.txt"))
    assert collector.error_to_dict == [
        ("read", f"file://{tmp_path}/offer.txt"),
        ("written", "pipedrive://127.0.0.1/files"),
        ("read", "pipedrive://127.0.0.1/files"),
        ("written", f"file://{tmp_path}/copy.txt"),
    ]


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("s3://my_connection@crm/files/2026", ("s3://crm", "files/2026")),
        ("gcs://crm/files/", ("gs://crm", "files")),
        ("abfs://my_connection@container/deals", ("abfs://container", "deals")),
        ("file:///data/the%20crm", ("file", "/data/the crm")),
        ("/data/crm", ("file", "/data/crm")),
        (Path("/data/crm"), ("file", "/data/crm")),
        (("name.pdf", "/data/offer.pdf"), ("file", "/data/offer.pdf")),
    ],
)
def test_a_place_is_named_without_the_connection_that_leads_to_it(path: Any, named: tuple[str, str]):
    assert location(path) == named


@pytest.mark.parametrize("nothing", [None, b"bytes", io.BytesIO(b"bytes"), ("name.pdf", b"bytes")])
def test_bytes_have_no_place(nothing: Any):
    assert location(nothing) is None


def test_a_place_in_object_storage_is_named_without_the_connection_of_its_path():
    assert location(ObjectStoragePath("memory://my_connection@crm/deals")) == ("memory://crm", "deals")


def test_a_table_is_named_by_where_it_is_and_never_by_a_credential():
    duckdb = table("duckdb:////data/crm.duckdb?motherduck_token=hidden", (None, None, None), "crm", "deals")
    postgres = table("postgres", ("db.acme.example", 5432, "bi"), "crm", "deals")
    assert duckdb == ("duckdb:///data/crm.duckdb", "crm.deals")
    assert postgres == ("postgres://db.acme.example:5432", "bi.crm.deals")
    assert table("bigquery", (None, None, None), "crm", "deals") == ("bigquery://", "crm.deals")


@pytest.fixture
def in_a_task(mocker: MockerFixture) -> Callable[..., None]:
    """Have a task run that declares these outlets."""

    def run(*outlets: Any) -> None:
        task = SimpleNamespace(inlets=[Asset("file:///data/declared")], outlets=list(outlets))
        mocker.patch("airflow.providers.common.compat.sdk.get_current_context", return_value={"task": task})

    return run


def test_what_a_task_declares_is_told_with_what_its_hooks_do(sandbox: Sandbox, collector: Collector, in_a_task: Any):
    in_a_task(Asset("s3://crm/report"), Asset("a name alone"))
    PipedriveHook().run("getDeals")
    assert collector.error_to_dict == [
        ("read", "pipedrive://127.0.0.1/deals"),
        ("read", "file:///data/declared"),
        ("written", "s3://crm/report"),
    ]


@pytest.mark.parametrize("outlet", [Table(database="bi", cluster="crm", name="people"), AssetAlias("people")])
def test_hooks_are_silent_where_a_task_declares_what_they_cannot_tell(
    outlet: Any, sandbox: Sandbox, collector: Collector, in_a_task: Any
):
    in_a_task(Asset("s3://crm/report"), outlet)
    hook = PipedriveHook()
    hook.run("getDeals")
    assert collector.error_to_dict == []
    assert hook.lineage.inputs == [("pipedrive://127.0.0.1", "deals")]


def test_an_operator_answers_openlineage_with_what_it_has_done_and_what_it_declares(sandbox: Sandbox, mocker: Any):
    pytest.importorskip("airflow.providers.openlineage")
    task = PipedriveOperator(
        task_id="add",
        action="addPerson",
        parameters={"name": "Somebody"},
        outlets=[Asset("file:///data/people"), Table(database="bi", cluster="crm", name="people")],
    )
    task.execute({"ti": mocker.Mock(try_number=1)})
    error_to_dict = task.get_openlineage_facets_on_complete(None)
    assert error_to_dict.inputs == []
    assert [(one.namespace, one.name) for one in error_to_dict.outputs] == [
        ("pipedrive://127.0.0.1", "persons"),
        ("file", "/data/people"),
        ("crm", "bi.people"),
    ]


def test_a_failed_extraction_names_what_it_read_and_no_unfinished_file(sandbox: Sandbox, tmp_path: Path):
    pytest.importorskip("airflow.providers.openlineage")
    task = PipedriveToObjectStorageOperator(task_id="extract", entities=["deals"], path=f"file://{tmp_path}/crm")
    sandbox.fault(path="/api/v2/deals", kind="403")
    with pytest.raises(AirflowFailException):
        task.execute({"ti": SimpleNamespace(map_index=-1)})
    error_to_dict = task.get_openlineage_facets_on_complete(None)
    assert [(one.namespace, one.name) for one in error_to_dict.inputs] == [("pipedrive://127.0.0.1", "deals")]
    assert error_to_dict.outputs == []


def test_a_deferred_sensor_names_what_its_looks_have_read(sandbox: Sandbox):
    pytest.importorskip("airflow.providers.openlineage")
    task = PipedriveNewFileSensor(task_id="wait", deal_id=1, deferrable=True)
    with pytest.raises(TaskDeferred) as deferred:
        task.execute({"ti": SimpleNamespace(), "dag_run": SimpleNamespace(start_date=datetime.now(UTC))})
    resumed = PipedriveNewFileSensor(task_id="wait", deal_id=1, deferrable=True)
    event = {"status": "success", "result": []}
    resumed.resume_execution("execute_complete", {**(deferred.value.kwargs or {}), "event": event}, {})
    (error_to_dict,) = resumed.get_openlineage_facets_on_complete(None).inputs
    assert (error_to_dict.namespace, error_to_dict.name) == ("pipedrive://127.0.0.1", "files")


def test_airflows_own_collector_takes_it(sandbox: Sandbox):
    hook = PipedriveHook()
    report(hook, "getDeals")
    report(hook, "addDeal")
