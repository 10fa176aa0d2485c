"""The check that the demo and the system tests rest on finds what is wrong."""

from __future__ import annotations

import pytest
from landed import differences


def receipt_of(tmp_path, ids: list[int], records: int):
    file = tmp_path / "deals.jsonl"
    file.write_text("".join(f'{{"id": {id_}}}\n' for id_ in ids))
    return {"entity": "deals", "records": records, "file": str(file)}


def test_a_file_with_every_record_once_has_no_differences(tmp_path):
    assert differences(receipt_of(tmp_path, [1, 3, 2], records=3), {1, 2, 3}) == []


@pytest.mark.parametrize(
    ("ids", "records", "difference"),
    [
        ([1, 2], 2, "deals: not in the file: ids 3"),
        ([1, 2, 3, 4], 4, "deals: in the file, but not in Pipedrive: ids 4"),
        ([1, 2, 3, 3], 4, "deals: more than once in the file: ids 3"),
        ([1, 2, 3], 2, "deals: 3 records in the file, 2 in the task's receipt"),
    ],
)
def test_what_is_missing_doubled_or_too_much_is_named(ids, records, difference, tmp_path):
    assert differences(receipt_of(tmp_path, ids, records), {1, 2, 3}) == [difference]


def test_without_the_ids_that_it_must_hold_a_doubled_record_is_still_found(tmp_path):
    assert differences(receipt_of(tmp_path, [7, 7], records=2), None) == ["deals: more than once in the file: ids 7"]
