"""Records wait to be written while there is something more urgent."""

from __future__ import annotations

import json
from pathlib import Path

from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.write_queue import WriteQueue
from tests.support.reads_in_memory import staging_in


def test_records_are_written_in_the_order_in_which_they_came_and_a_finished_part_has_them_all(tmp_path: Path) -> None:
    staging = staging_in(tmp_path, "deals")
    queue = WriteQueue(staging)
    for number in (1, 2, 3):
        queue.write("id", [0], [json.dumps({"id": number}).encode()], [Key(number)], {"at": number})
    queue.finish("id", {"at": "end"})
    queue.work_while(lambda: len(queue) > 2)
    assert (len(queue), staging.finished) == (2, [])
    queue.work_while(lambda: True)
    assert [(list(part.ids), part.resume_info) for part in staging.finished] == [([1, 2, 3], {"at": "end"})]
