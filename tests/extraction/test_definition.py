"""What a job may be."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob, check_format

JANUARY, FEBRUARY = (datetime(2025, month, 1, tzinfo=UTC) for month in (1, 2))


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
        ExtractionJob(["deals"], part_mb=size)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"entities": ["deals"], "parameters": {"deals": {"stauts": "open"}}},
            "parameters of deals: there is no parameter 'stauts' (did you mean status?)",
        ),
        ({"entities": ["deal"]}, "There is no entity 'deal' to extract. Did you mean deals"),
        ({"entities": []}, 'entities must be a list of names, such as ["deals", "persons"].'),
        ({"entities": "deals"}, 'entities must be a list of names, such as ["deals", "persons"].'),
        ({"entities": ["deals", "deals"]}, "entities names deals twice."),
        ({"format": "parket"}, "did you mean 'parquet'?"),
        ({"format": "xml"}, "format must be one of jsonl, jsonl.gz, csv, parquet, not 'xml'"),
        ({"mode": "changes", "since": FEBRUARY, "until": JANUARY}, "must be later than since"),
        ({"mode": "changes", "until": FEBRUARY}, "until needs since"),
        ({"parameters": {"deals": {"filterid": 7}}}, "there is no parameter 'filterid' (did you mean filter_id?)"),
        ({"parameters": {"deals": {"filter_id": "x"}}}, "filter_id must be"),
        ({"since": FEBRUARY}, 'leave out since and until, or set mode="changes"'),
        ({"columns": "raw", "format": "csv"}, "which only jsonl can hold"),
        ({"parameters": {"deals": {"sort_by": "id"}}}, "sort_by is set by the extraction itself"),
        ({"max_tokens": 0}, "max_tokens must be 1 or more, not 0."),
        ({"partition": "../x"}, "must stay below the entity's folder"),
    ],
)
def test_a_job_that_cannot_be_says_what_to_do(given: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=re.escape(message)):
        ExtractionJob(**{"entities": ["deals"], **given})
