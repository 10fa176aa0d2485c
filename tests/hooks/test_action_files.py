"""Files that actions upload and download."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox


def test_a_download_goes_to_the_path_given_as_save_to(sandbox: Sandbox, tmp_path: Path) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    target = tmp_path / "offer.txt"
    assert PipedriveHook().run("downloadFile", {"id": file["id"]}, save_to=str(target)) == str(target)
    assert target.read_bytes() == b"We offer."
    assert list(tmp_path.iterdir()) == [target]


def test_save_to_may_stand_among_the_parameters(sandbox: Sandbox, tmp_path: Path) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    PipedriveHook().run("downloadFile", {"id": file["id"], "save_to": tmp_path / "there"})
    assert (tmp_path / "there").read_bytes() == b"We offer."


def test_a_download_goes_to_object_storage_and_to_file_objects(sandbox: Sandbox, tmp_path: Path) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    PipedriveHook().run("downloadFile", {"id": file["id"]}, save_to=f"file://{tmp_path}/stored.txt")
    assert (tmp_path / "stored.txt").read_bytes() == b"We offer."
    sink = io.BytesIO()
    PipedriveHook().run("downloadFile", {"id": file["id"]}, save_to=sink)
    assert sink.getvalue() == b"We offer."


def test_a_broken_download_leaves_nothing_behind(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="404"):
        PipedriveHook().run("downloadFile", {"id": 999_999}, save_to=str(tmp_path / "never"))
    assert list(tmp_path.iterdir()) == []


def test_save_to_is_for_downloads_only(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="does not answer a file"):
        PipedriveHook().run("getDeal", {"id": 1}, save_to=str(tmp_path / "deal"))


def test_a_target_that_cannot_be_written_is_found_before_anything_is_downloaded(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    for target, advice in (
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "file", "does not exist"),
        ("/proc/version/file", "cannot be written: /proc/version is not a folder"),
        ("nosuch://bucket/file", "Install the Airflow provider of that storage"),
        ("", "must be a path"),
        (5, "must be a path"),
    ):
        with pytest.raises(PipedriveParameterError, match=advice):
            PipedriveHook().run("downloadFile", {"id": 1}, save_to=target)
    assert sandbox.requests == []


def test_a_file_in_a_storage_that_is_not_installed_is_refused_with_what_to_install(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="Install the Airflow provider of that storage"):
        PipedriveHook().run("addFile", {"file": "nosuch://bucket/file", "deal_id": 1})


def test_an_upload_takes_a_file_from_object_storage(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Größe.txt").write_bytes(b"We offer.")
    stored = PipedriveHook().run("addFile", {"file": f"file://{tmp_path}/Größe.txt", "deal_id": 1})
    assert PipedriveHook().run("downloadFile", {"id": stored["id"]}) == b"We offer."
    assert stored["name"] == "Größe.txt"
