"""The tables of a load as Parquet files."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad
from tests.support.parts import written

pq = pytest.importorskip("pyarrow.parquet", reason="the extra warehouse is not installed")
prepare = pytest.importorskip("airflow_provider_pipedrive.warehouse.parts").prepare


@pytest.mark.parametrize("form", ["parquet", "arrows"])
@pytest.mark.parametrize(
    ("items", "lists", "texts"),
    [
        ("integer", [[1, None, 2**60], None, [], [1]], ["[1,null,1152921504606846976]", None, "[]", "[1]"]),
        ("string", [['say "hi"', "é\n"], [None], None], ['["say \\"hi\\"","é\\n"]', "[null]", None]),
        ("number", [[1, 2.5], [1e22]], ["[1.0,2.5]", "[1e22]"]),
        ("boolean", [None, [True, False]], [None, "[true,false]"]),
        ("date", [["2026-01-31"]], ['["2026-01-31"]']),
        ("timestamp", [["2026-01-31T12:00:00Z"]], ['["2026-01-31T12:00:00Z"]']),
        ("json", [[{"v": [1.5]}, None, "x"], [], None], ['[{"v":[1.5]},null,"x"]', "[]", None]),
        ("integer", [None, None], [None, None]),
    ],
)
def test_a_list_is_json_in_its_row(
    tmp_path: Path, form: str, items: str, lists: list[Any], texts: list[str | None]
) -> None:
    columns = [Column("id", "integer"), Column("many", "list", items)]
    rows = [{"id": number, "many": value} for number, value in enumerate(lists)]
    part = tmp_path / f"part.{form}"
    written(part, form, columns, rows)
    (tmp_path / "tables").mkdir()
    load = EntityLoad("deals", ["id"], None, columns, [part], datetime.now(UTC), write="replace")
    table = prepare(load, tmp_path / "tables", "json", {}).main
    assert pq.read_table(table.path).column("many").to_pylist() == texts
