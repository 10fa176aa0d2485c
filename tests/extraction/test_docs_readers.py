"""The readers that docs/extraction.md shows see what the manifest names, and nothing of before."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.sandbox import Sandbox

DOCS = Path(__file__).parents[2] / "docs" / "extraction.md"
READERS = {"DuckDB": "duckdb", "Polars": "polars", "pyarrow": "pyarrow"}


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_as_documented_sees_the_last_state_alone(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    pytest.importorskip(READERS[reader])
    for name in ("before", "after"):
        company.update("deals", 1, title=name)
        extract(client, tmp_path / "crm", ExtractionJob(["deals"], format="parquet"))
    code = re.search(rf"```python\n# {reader}\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert code is not None
    monkeypatch.chdir(tmp_path)
    said: dict[str, Any] = {}
    exec(code[1], said)
    table = said["deals"].arrow() if reader == "DuckDB" else said["deals"]
    table = table.to_arrow() if reader == "Polars" else table
    table = table.read_all() if hasattr(table, "read_all") else table
    rows = {row["id"]: row["title"] for row in table.select(["id", "title"]).to_pylist()}
    assert len(rows) == table.num_rows == 5754
    assert rows[1] == "after"
    assert len(list((tmp_path / "crm" / "deals").glob("part-*"))) > len(said["files"]), "the files of before are there"
