"""Where a job's folder may be."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction import ExtractionJob, Watermarks, extract
from airflow_provider_pipedrive.extraction.storage.files import read_json

STAGES = ExtractionJob(["stages"], columns="raw")


def folder_of(kind: str, tmp_path: Path) -> Any:
    """A folder as a caller may give it."""
    if kind == "text":
        return str(tmp_path / "crm")
    if kind == "path":
        return tmp_path / "crm"
    upath = pytest.importorskip("upath")
    address = f"file://{tmp_path}/crm" if kind == "local address" else f"memory://crm-{threading.get_ident()}"
    return upath.UPath(address)


@pytest.mark.parametrize("kind", ["text", "path", "local address", "object storage"])
def test_a_folder_is_a_text_a_path_or_a_path_into_object_storage(
    client: PipedriveClient, tmp_path: Path, kind: str
) -> None:
    folder = folder_of(kind, tmp_path)
    receipt = extract(client, folder, STAGES)
    place = tmp_path / "crm" if kind != "object storage" else folder
    manifest = read_json(place / "stages" / "_manifest.json")
    assert manifest is not None
    assert manifest["rows"] == receipt["rows"] > 0


@pytest.mark.parametrize("given", [None, 3, b"crm", "", " ", "s3://bucket/crm", Path("s3://bucket") / "crm"])
def test_what_is_not_a_folder_is_refused_in_words_before_anything_is_sent(client: PipedriveClient, given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match=r"^The folder "):
        extract(client, given, STAGES)
    with pytest.raises(PipedriveParameterError, match=r"^The folder "):
        Watermarks(given, {})
    assert client.usage.requests == 0
