"""Whose parts are in a folder, and who may continue from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.output.encoders import RawEncoder
from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder


def test_somebody_elses_manifest_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "deals").mkdir()
    (tmp_path / "deals" / "_manifest.json").write_text('{"a": 1}')
    with pytest.raises(PipedriveParameterError, match="was not written by an extraction"):
        RunFolder(tmp_path, "job", "me").entity("deals", "jsonl", RawEncoder())


def test_a_run_that_failed_lets_another_owner_go_on(tmp_path: Path) -> None:
    first = RunFolder(tmp_path, "job", "first")
    assert RunFolder(tmp_path, "job", "second").folder != first.folder
    first.release()
    assert RunFolder(tmp_path, "job", "third").folder == first.folder
