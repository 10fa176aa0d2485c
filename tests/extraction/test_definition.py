"""What a job may be."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob, check_format


@pytest.mark.parametrize(
    ("wrong", "said"), [("json", r"did you mean 'jsonl'\?"), (".PARQUET", "'parquet'"), (None, "jsonl, jsonl.gz, csv")]
)
def test_an_unknown_format_is_told_with_the_nearest_one(wrong: Any, said: str) -> None:
    with pytest.raises(PipedriveParameterError, match=said):
        check_format(wrong)


def test_parquet_without_pyarrow_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(PipedriveParameterError, match=r"airflow-provider-pipedrive\[parquet\]"):
        check_format("parquet")
    assert check_format("csv") == "csv"


@pytest.mark.parametrize("size", [-1, float("inf"), "128", True])
def test_the_size_of_files_is_a_number_of_mb(size: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="part_mb must be a number of MB"):
        ExtractionJob(["deals"], part_mb=size).check()
