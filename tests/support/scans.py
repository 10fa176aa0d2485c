"""Pages of a list, what a scan takes of them, and the parts that it leaves."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.extraction.output.part_writer import Part
from airflow_provider_pipedrive.extraction.output.parts import FinishedPart
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key
from airflow_provider_pipedrive.extraction.reading.ranges import Range, RangeScan


def page(*records: tuple[int, int | None]) -> list[Key]:
    """Records as (id, second of the last update)."""
    return [Key(number, None if second is None else datetime.fromtimestamp(second, UTC)) for number, second in records]


def ids(*numbers: int) -> list[Key]:
    return page(*((number, None) for number in numbers))


def taken(list_range: Range, keys: list[Key]) -> list[Identity]:
    """The ids of the records that are new to a range, which is read from its low end to the end of its list."""
    return [keys[at].id for at in list_range.take(list_range.left, keys, more=False)]


def finished(stream: str, **resume_info: Any) -> FinishedPart:
    """A part through a window, from its low end."""
    usual = {"axis": "time", "second": None, "ascending": True, "boundary": None, "boundary_ids": [], "position": {}}
    return FinishedPart(stream, stream, [0], Part(1, 1, ""), {"scans": {stream: {**usual, **resume_info}}})


def part_of(scan: RangeScan, start: int) -> FinishedPart:
    """The part of a scan that began there."""
    return finished(
        "a",
        ascending=scan.ascending,
        start=start,
        frontier=scan.frontier,
        boundary=scan.boundary,
        boundary_ids=list(scan.boundary_ids),
    )
