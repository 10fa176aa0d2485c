"""How an entity is read is chosen by its row in the catalog."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.entities import EXACT, entity_of
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats
from airflow_provider_pipedrive.extraction.reading.strategies import strategy_for
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow
from tests.support.reads_in_memory import staging_in

WINDOW = UpdateWindow(datetime(2026, 1, 30, tzinfo=UTC), datetime(2026, 1, 31, tzinfo=UTC), 0.0, {})


def chosen(folder: Path, entity: str, window: UpdateWindow | None) -> str:
    pool: Any = SimpleNamespace()
    reading = EntityRead(pool, entity_of(entity), staging_in(folder, entity), ReadStats(), window=window)
    return type(strategy_for(reading)).__name__


@pytest.mark.parametrize(
    ("entity", "whole", "window"),
    [
        ("deals", "RangeSnapshot", "WindowChanges"),
        ("notes", "ListSnapshot", "SinceChanges"),
        ("files", "ListSnapshot", "NewestChanges"),
        ("stages", "RangeSnapshot", "WholeChanges"),
        ("lead_labels", "ListSnapshot", "WholeChanges"),
        ("deal_products", "ByParents", "ByParents"),
        (EXACT, "ByChangelogs", "ByChangelogs"),
    ],
)
def test_a_list_is_read_by_what_it_can_do(tmp_path: Path, entity: str, whole: str, window: str) -> None:
    assert (chosen(tmp_path, entity, None), chosen(tmp_path, entity, WINDOW)) == (whole, window)


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_entity_has_a_strategy_for_the_whole_list_and_for_a_window(tmp_path: Path, entity: str) -> None:
    assert chosen(tmp_path, entity, None)
    assert chosen(tmp_path, entity, WINDOW)
