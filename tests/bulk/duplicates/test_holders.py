"""Records that have a value in common."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.bulk.duplicates import holders
from airflow_provider_pipedrive.bulk.duplicates.holders import Holders


def shared(found: Holders, least: int) -> dict[int, list[int]]:
    return {value: records for part in found.shared(least) for value, records in part}


@pytest.mark.parametrize("buffered", [2, 4_096], ids=["in files", "in memory"])
def test_a_value_of_two_records_is_shared_and_one_that_a_record_has_twice_is_not(tmp_path: Path, mocker, buffered):
    mocker.patch.object(holders, "_BUFFERED", buffered)
    found = Holders(tmp_path / "keys")
    found.add(1, ["acme", "smith"])
    found.flush()
    found.add(2, ["smith", "jones", "jones"])
    found.flush()
    found.add(3, ["smith", "acme"])

    assert shared(found, 2) == {hash("acme"): [1, 3], hash("smith"): [1, 2, 3]}
    assert shared(found, 3) == {hash("smith"): [1, 2, 3]}
    assert len(list(tmp_path.glob("keys/*"))) == (0 if buffered == 4_096 else len({hash(n) % 64 for n in WORDS}))


WORDS = ("acme", "smith", "jones")


def test_values_that_fall_into_one_part_are_told_apart(tmp_path: Path, mocker):
    mocker.patch.object(holders, "_PARTS", 1)
    found = Holders(tmp_path / "keys")
    for record in range(1, 101):
        found.add(record, [f"of {record // 2}"])

    assert sorted(shared(found, 2).values()) == [[2 * n, 2 * n + 1] for n in range(1, 50)]
