"""Records wait to be written while there is something more urgent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.output import staging as staging_module
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.write_queue import WriteQueue
from tests.support.reads_in_memory import staging_in


def write(queue: WriteQueue, scan: str, *numbers: int) -> None:
    for number in numbers:
        queue.write(scan, [scan], [json.dumps({"id": number}).encode()], [Key(number)], {"at": number})


def kept(staging: EntityStaging) -> list[tuple[list[Any], Any]]:
    return [(list(part.ids), part.resume_info) for part in staging.finished]


def test_records_are_written_in_the_order_in_which_they_came_and_a_finished_part_has_them_all(tmp_path: Path) -> None:
    staging = staging_in(tmp_path, "deals")
    queue = WriteQueue(staging)
    write(queue, "id", 1, 2, 3)
    queue.finish("id", {"at": "end"})
    queue.work_while(lambda: len(queue) > 2)
    assert (len(queue), staging.finished) == (2, [])
    queue.end()
    assert kept(staging) == [([1, 2, 3], {"scans": {"id": {"at": "end"}}})]


def test_scans_fill_one_part_after_another_and_each_says_how_far_those_had_come_that_it_is_of(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    for name in ("PART_ROWS", "MOST_ROWS"):
        mocker.patch.object(staging_module, name, 3)
    staging = staging_in(tmp_path, "deals")
    queue = WriteQueue(staging)
    write(queue, "up", 1, 2)
    write(queue, "down", 9, 8)
    write(queue, "middle", 5)
    queue.finish("up", {"at": "end"})
    queue.end()
    assert kept(staging) == [
        ([1, 2, 9], {"scans": {"up": {"at": 2}, "down": {"at": 9}}}),
        ([8, 5], {"scans": {"down": {"at": 8}, "middle": {"at": 5}, "up": {"at": "end"}}}),
    ]


def test_where_rows_wait_in_the_order_of_the_scans_each_scan_has_parts_of_its_own(tmp_path: Path) -> None:
    staging = staging_in(tmp_path, "deals")
    staging.shared = None
    queue = WriteQueue(staging)
    write(queue, "up", 1, 2)
    write(queue, "down", 9)
    queue.finish("down", {"at": 9})
    queue.finish("up", {"at": 2})
    queue.end()
    assert kept(staging) == [([9], {"scans": {"down": {"at": 9}}}), ([1, 2], {"scans": {"up": {"at": 2}}})]
