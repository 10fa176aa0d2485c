"""What is handed over to a person."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.subjects.exporting import export
from airflow_provider_pipedrive.subjects.finding import find
from tests.subjects.conftest import EMAIL


def test_an_export_has_every_record_and_the_files_themselves_for_its_owner_alone(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path
) -> None:
    folder = tmp_path / "jana"
    written = export(client, find(client, EMAIL), folder)
    read = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    assert {kind: sorted(record["id"] for record in records) for kind, records in read.items()} == {
        kind: sorted(ids) for kind, ids in jana.items()
    }
    (file,) = (folder / "files").iterdir()
    assert (file.name, file.read_bytes()) == (f"{jana['files'][0]}-passport.txt", b"C01X00T47")
    assert {path.stat().st_mode & 0o777 for path in written} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_an_export_never_goes_where_something_is_already(
    client: PipedriveClient, jana: dict[str, list[Any]], tmp_path: Path
) -> None:
    (tmp_path / "other.json").touch()
    with pytest.raises(PipedriveParameterError, match="is not empty"):
        export(client, find(client, EMAIL), tmp_path)
