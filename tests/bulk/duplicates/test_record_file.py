"""Records in a file."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_pipedrive.bulk.duplicates.record_file import RecordFile


def test_records_are_found_by_number_also_while_more_are_added(tmp_path: Path):
    records = RecordFile(tmp_path / "records")
    records.append([{"id": 7, "name": "Zoë\nBerg"}, {"id": 8, "name": None}])
    first = records.record(1)
    records.append([])
    records.append([{"id": 9, "emails": [{"value": "a@b.example"}]}])

    assert len(records) == 3
    assert first == records.record(1) == {"id": 7, "name": "Zoë\nBerg"}
    assert [records.record(number)["id"] for number in (3, 2)] == [9, 8]
    records.close()
