"""What Delta tables alone can do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.warehouse.test_lake import lake_in
from tests.warehouse.test_merging import MONDAY, TUESDAY, deal

deltalake = pytest.importorskip("deltalake", reason="the extra delta is not installed")


@pytest.mark.long
def test_the_files_of_several_loads_are_joined_into_one(tmp_path: Path) -> None:
    lake = lake_in(tmp_path, "delta")
    lake.load([deal(1, "first", MONDAY)])
    lake.load([deal(2, "second", TUESDAY)])
    assert len(deltalake.DeltaTable(tmp_path / "lake" / "crm" / "deals").file_uris()) == 1
    assert lake.table().num_rows == 2
