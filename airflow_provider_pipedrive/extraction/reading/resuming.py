"""What is still open of a walk that did not end, going by what its finished parts cover. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.extraction.output.staging import FinishedPart
from airflow_provider_pipedrive.extraction.reading.ranges import OPEN_END, Region

_ResumeInfo = Mapping[str, Any]


def open_regions(parts: Sequence[FinishedPart], low: int, until: datetime | None) -> list[Region]:
    """The regions that are left to read.

    :param parts: in the order in which they were finished
    :param low: where the walk began, in seconds; used with ``until``
    :param until: the end of a walk through windows; None for one by id
    """
    streams: dict[str, _ResumeInfo] = {part.stream: part.resume_info for part in parts if "axis" in part.resume_info}
    by_id = [resume_info for resume_info in streams.values() if resume_info["axis"] == "id"]
    if until is None:
        return _left([_by_id(None, by_id)])
    by_time = [resume_info for resume_info in streams.values() if resume_info["axis"] == "time"]
    seconds = sorted({resume_info["second"] for resume_info in by_id})
    lumps = [_by_id(second, [each for each in by_id if each["second"] == second]) for second in seconds]
    for lump in lumps:
        lump.known = {identity for each in by_time if each["edge"] == lump.second for identity in each["edge_ids"]}
    taken = [_interval(resume_info) for resume_info in by_time] + [(second, second + 1) for second in seconds]
    gaps = [_gap(start, end, by_time) for start, end in _complement(taken, low, int(until.timestamp()))]
    return _left(lumps + gaps)


def _left(regions: list[Region]) -> list[Region]:
    return [region for region in regions if not region.done]


def _by_id(second: int | None, streams: Sequence[_ResumeInfo]) -> Region:
    region = Region("id", 0, OPEN_END, second)
    for resume_info in streams:
        head = region.left if resume_info["ascending"] else region.right
        head.frontier = resume_info["frontier"]
        region.positions[resume_info["ascending"]] = resume_info["position"]
    return region


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


def _gap(start: int, end: int, streams: Sequence[_ResumeInfo]) -> Region:
    region = Region("time", start, end)
    for head, second in ((region.left, start), (region.right, end - 1)):
        at_border = [resume_info["edge_ids"] for resume_info in streams if resume_info["edge"] == second]
        if at_border:
            head.edge, head.edge_ids = second, set().union(*at_border)
    return region
