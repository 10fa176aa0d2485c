"""What is still open of a walk that did not end, going by what its finished parts cover. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, Range
from airflow_provider_pipedrive.extraction.reading.sink import StoredPart

_ResumeInfo = Mapping[str, Any]


def open_ranges(parts: Sequence[StoredPart], low: int, until: datetime | None) -> list[Range]:
    """The ranges that are left to read.

    :param parts: in the order in which they were finished
    :param low: where the walk began, in seconds; used with ``until``
    :param until: the end of a walk through windows; None for one by id
    """
    streams: dict[str, _ResumeInfo] = {}
    for part in parts:
        streams.update(part.resume_info.get("scans", {}))
    by_id = [resume_info for resume_info in streams.values() if resume_info["axis"] == "id"]
    if until is None:
        return _left([_by_id(None, by_id)])
    by_time = [resume_info for resume_info in streams.values() if resume_info["axis"] == "time"]
    seconds = sorted({resume_info["second"] for resume_info in by_id})
    hot_seconds = [_by_id(second, [each for each in by_id if each["second"] == second]) for second in seconds]
    for hot_second in hot_seconds:
        hot_second.known = {
            identity for each in by_time if each["boundary"] == hot_second.second for identity in each["boundary_ids"]
        }
    taken = [_interval(resume_info) for resume_info in by_time] + [(second, second + 1) for second in seconds]
    gaps = [_gap(start, end, by_time) for start, end in _complement(taken, low, int(until.timestamp()))]
    return _left(hot_seconds + gaps)


def _left(ranges: list[Range]) -> list[Range]:
    return [list_range for list_range in ranges if not list_range.done]


def _by_id(second: int | None, streams: Sequence[_ResumeInfo]) -> Range:
    list_range = Range("id", 0, OPEN_END, second)
    for resume_info in streams:
        scan = list_range.left if resume_info["ascending"] else list_range.right
        scan.frontier = resume_info["frontier"]
        list_range.positions[resume_info["ascending"]] = resume_info["position"]
    return list_range


def _interval(resume_info: _ResumeInfo) -> tuple[int, int]:
    start, frontier = resume_info["start"], resume_info["frontier"]
    return (start, frontier) if resume_info["ascending"] else (frontier, start)


def _complement(taken: Sequence[tuple[int, int]], low: int, high: int) -> list[tuple[int, int]]:
    gaps = []
    for start, end in sorted(taken):
        if start > low:
            gaps.append((low, min(start, high)))
        low = max(low, end)
    if low < high:
        gaps.append((low, high))
    return [(start, end) for start, end in gaps if start < end]


def _gap(start: int, end: int, streams: Sequence[_ResumeInfo]) -> Range:
    list_range = Range("time", start, end)
    for scan, second in ((list_range.left, start), (list_range.right, end - 1)):
        at_border = [resume_info["boundary_ids"] for resume_info in streams if resume_info["boundary"] == second]
        if at_border:
            scan.boundary, scan.boundary_ids = second, set().union(*at_border)
    return list_range
