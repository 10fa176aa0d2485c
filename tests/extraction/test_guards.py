"""What must be so before anything is published: the same company, the same user, about as many rows."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
    PipedrivePermissionError,
)
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN
from tests.extraction.conftest import by_id, client_of, is_published, landed


def live(client: PipedriveClient, action: str = "getDeals") -> dict[Any, dict[str, Any]]:
    return by_id(list(client.iterate(action)))


def test_a_snapshot_that_is_read_as_another_user_is_not_published_unless_that_is_right(
    client: PipedriveClient, tmp_path: Path
) -> None:
    job = ExtractionJob(["users"], columns="raw")
    extract(client, tmp_path, job)
    (kept,) = (tmp_path / "_pipedrive" / "snapshots").iterdir()
    before = json.loads(kept.read_text())
    kept.write_text(json.dumps(before | {"account": before["account"] | {"user_id": 999}}))
    published = (tmp_path / "users" / "_manifest.json").read_bytes()
    with pytest.raises(PipedriveParameterError, match="was read as user 999 of company 2, this one as user"):
        extract(client, tmp_path, job)
    assert (tmp_path / "users" / "_manifest.json").read_bytes() == published
    extract(client, tmp_path, replace(job, allow_shrink=True))
    assert json.loads(kept.read_text())["account"] == before["account"]


@pytest.mark.parametrize(
    "reading",
    [
        {"mode": "snapshot"},
        {"mode": "changes"},
        {"mode": "changes", "since": datetime(2020, 1, 1, tzinfo=UTC), "partition": "dt=today", "sweep": True},
    ],
)
def test_what_another_company_has_is_not_published_in_its_folder_whatever_is_read_and_set(
    reading: dict[str, Any], client: PipedriveClient, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals"], allow_shrink=True, **reading)
    with Sandbox(deals=30, seed=9, api_token=API_TOKEN) as other, client_of(other) as stranger:
        extract(client, tmp_path, job, run="monday")
        published = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
        for name, what in (("monday", job), ("tuesday", replace(job, entities=["persons"]))):
            with pytest.raises(PipedriveParameterError, match="holds data of company 2, and this connection reads co"):
                extract(stranger, tmp_path, what, run=name)
        asked = Counter(request.path for request in other.requests)
    first_pages = {"/api/v2/deals": 2, "/api/v2/persons": 2} if reading["mode"] == "snapshot" else {}
    # A run that is refused does not wait for the pages that it has asked for early: some are never sent.
    assert asked["/v1/users/me"] == 2
    assert asked <= Counter({"/v1/users/me": 2, **first_pages})
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == published


def test_nobody_goes_on_from_what_another_company_has_read_and_not_published(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals", "persons"], columns="raw")
    with Sandbox(deals=300, seed=9, api_token=API_TOKEN) as other, client_of(other) as stranger:
        other.fault("*/persons", "403", count=None)
        with pytest.raises(PipedrivePermissionError):
            extract(stranger, tmp_path, job)
    assert not is_published(tmp_path)
    assert list(tmp_path.rglob("deals/part-*"))  # what was read lies there
    extract(client, tmp_path, job)
    assert by_id(landed(tmp_path / "deals")).keys() == live(client).keys()
