"""The tables of a load as Parquet files."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad
from tests.support.parts import written

pq = pytest.importorskip("pyarrow.parquet", reason="the extra warehouse is not installed")
prepare = pytest.importorskip("airflow_provider_pipedrive.warehouse.parts").prepare

LOADS_TWICE = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from airflow_provider_pipedrive.extraction.output.formats import open_part
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.warehouse import Destination, EntityLoad, Warehouse

folder = Path(sys.argv[1])
columns = [Column("id", "integer"), Column("update_time", "timestamp"), Column("many", "list", "string")]

def written(name, columns, rows):
    part = open_part(folder / name, "arrows", columns)
    part.write(rows)
    part.close()
    return [folder / name]

rows = [{"id": 1, "update_time": "2026-01-31T12:00:00Z", "many": ["a", "b"]},
        {"id": 2, "update_time": None, "many": None}, {"id": 2, "update_time": None, "many": []}]
parts = written("deals.arrows", columns, rows)
gone = written("gone.arrows", [Column("id", "integer"), Column("deleted_at", "timestamp")],
               [{"id": 2, "deleted_at": None}])
for lists in ("json", "child_tables"):
    warehouse = Warehouse(Destination(f"duckdb:///{folder}/{lists}.duckdb"), "pipedrive", lists)
    for write in ("replace", "merge"):
        warehouse.load(EntityLoad("deals", ["id"], "update_time", columns, parts, datetime.now(UTC), gone, write))
    print(warehouse.rows("deals"), "pandas" in sys.modules)
"""


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


def test_of_a_record_that_a_load_has_several_times_the_latest_state_alone_is_left_in_whichever_file(
    tmp_path: Path,
) -> None:
    columns = [Column("id", "integer"), Column("update_time", "timestamp"), Column("title", "string")]
    states = [
        [(1, "2026-01-01T00:00:00Z", "old"), (2, None, "old"), (3, "2026-01-03T00:00:00Z", "only")],
        [(1, "2026-01-05T00:00:00Z", "new"), (2, "2026-01-02T00:00:00Z", "new")],
        [(1, "2026-01-04T00:00:00Z", "old"), (4, None, "only"), (5, None, "deleted")],
    ]
    parts = [tmp_path / f"{number}.arrows" for number in range(len(states))]
    for part, rows in zip(parts, states, strict=True):
        written(part, "arrows", columns, [dict(zip(("id", "update_time", "title"), row, strict=True)) for row in rows])
    deleted_at = Column("deleted_at", "timestamp")
    tombstones = [{"id": 5, "deleted_at": "2026-01-06T00:00:00Z"}]
    written(tmp_path / "gone.arrows", "arrows", [columns[0], deleted_at], tombstones)
    gone = [tmp_path / "gone.arrows"]
    load = EntityLoad("deals", ["id"], "update_time", columns, parts, datetime.now(UTC), gone)
    ready = prepare(load, tmp_path, "json", {})
    found = pq.read_table(ready.main.path, columns=["id", "title", "_deleted_at"]).to_pylist()
    left = {row["id"]: row["title"] for row in found}
    assert left == {1: "new", 2: "new", 3: "only", 4: "only", 5: None}
    assert [row["id"] for row in found if row["_deleted_at"]] == [5]
    assert (len(found), ready.superseded) == (5, 4)


def test_a_load_does_not_import_pandas_which_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pandas")
    command = [sys.executable, "-c", LOADS_TWICE, str(tmp_path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=300)
    # The log of some Airflows goes there too.
    assert [line for line in done.stdout.splitlines() if line[1:] in (" True", " False")] == ["1 False", "1 False"]
