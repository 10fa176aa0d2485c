"""Pipedrive as a destination of dlt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("dlt")

import dlt
from dlt.pipeline.exceptions import PipelineStepFailed

from airflow_provider_pipedrive.bulk import BulkJob
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.warehouse import pipedrive_destination
from airflow_provider_pipedrive.warehouse.destination import dlt_settings
from tests.conftest import API_TOKEN

CONTACTS = BulkJob("persons", mapping={"mail": "email", "full_name": "name"})
WRITING = Path(__file__).parents[2] / "docs" / "writing.md"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    settings = settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    with PipedriveClient(settings) as made:
        yield made


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    with dlt_settings():
        yield


def pipeline_to(client: PipedriveClient, folder: Path, **jobs: BulkJob) -> dlt.Pipeline:
    destination = pipedrive_destination(client, jobs, folder=folder / "runs")
    return dlt.pipeline("write_back", destination=destination, pipelines_dir=str(folder / "dlt"))


def persons(client: PipedriveClient, address: str) -> list[dict[str, Any]]:
    return [p for p in client.iterate("getPersons") if any(e["value"] == address for e in p["emails"])]


def test_the_rows_of_a_source_are_matched_and_only_what_differs_is_written(
    client: PipedriveClient, tmp_path: Path
) -> None:
    known = client.run("addPerson", {"name": "Old", "emails": [{"value": "eva@example.com", "primary": True}]})["id"]
    rows = [{"mail": "EVA@example.com", "full_name": "Eva"}, {"mail": "max@example.com", "full_name": "Max"}]

    pipeline_to(client, tmp_path, contacts=CONTACTS).run(rows, table_name="contacts")

    assert client.run("getPerson", {"id": known})["name"] == "Eva"
    assert [person["name"] for person in persons(client, "max@example.com")] == ["Max"]


def test_a_file_that_is_loaded_again_after_a_fault_writes_nothing_twice(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind="reset-after", count=20, skip=3)
    rows = [{"mail": f"n{number}@example.com", "full_name": f"Number {number}"} for number in range(10)]
    pipeline = pipeline_to(client, tmp_path, contacts=CONTACTS)

    pipeline.run(rows, table_name="contacts")

    assert [len(persons(client, row["mail"])) for row in rows] == [1] * 10


def test_a_gap_in_a_row_wipes_nothing(client: PipedriveClient, tmp_path: Path) -> None:
    known = client.run("addPerson", {"name": "Kept", "emails": [{"value": "kept@example.com", "primary": True}]})["id"]
    rows = [{"mail": "kept@example.com"}, {"mail": "new@example.com", "full_name": "New"}]

    pipeline_to(client, tmp_path, contacts=CONTACTS).run(rows, table_name="contacts")

    assert client.run("getPerson", {"id": known})["name"] == "Kept"


def test_a_table_without_a_job_fails_and_writes_nothing(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    with pytest.raises(PipelineStepFailed, match="There is no job for the table 'people': jobs has 'contacts'"):
        pipeline_to(client, tmp_path, contacts=CONTACTS).run([{"mail": "a@example.com"}], table_name="people")

    assert [entry.method for entry in sandbox.requests if entry.method != "GET"] == []


def test_a_mirror_is_refused_before_anything_is_read(client: PipedriveClient, tmp_path: Path) -> None:
    mirror = BulkJob("deals", mode="mirror", match_on="id", within={"Pipeline": 1}, max_deletes=1)

    with pytest.raises(PipedriveParameterError, match='deals: mode="mirror" needs all rows at once'):
        pipedrive_destination(client, {"deals": mirror}, folder=tmp_path)


def test_the_example_of_the_documentation_runs(
    client: PipedriveClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    [example] = re.findall(r"```python\n(import dlt\n.*?)```", WRITING.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    Path("contacts_to_pipedrive.py").write_text(example, encoding="utf-8")

    import_module("contacts_to_pipedrive")

    assert [person["name"] for person in persons(client, "eva@example.com")] == ["Eva Example"]
