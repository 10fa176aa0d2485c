"""Pairs that have a key in common."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk.duplicates.candidates import Candidates
from airflow_provider_pipedrive.bulk.duplicates.traits import OrganizationTraits, PersonTraits


@pytest.fixture
def candidates(tmp_path: Path) -> Iterator[Candidates]:
    made = Candidates(tmp_path, PersonTraits, largest_block=3, no_company=frozenset())
    yield made
    made.close()


def people(number: int, **same: Any) -> list[dict[str, Any]]:
    return [{"id": n, "name": chr(97 + n) * 4, "emails": [{"value": f"{n}@x.example"}], **same} for n in range(number)]


def test_records_with_one_number_are_paired_once(candidates: Candidates) -> None:
    candidates.add(people(3, phones=[{"value": "+49 30 5550100"}, {"value": "030 555 0101"}]))
    candidates.add(people(1))

    assert candidates.pair_up() == 4  # three share the numbers; the last is the first once more
    assert [(one, other) for one, _, other, _ in candidates.pairs()] == [(1, 2), (1, 3), (1, 4), (2, 3)]


def test_a_number_of_too_many_pairs_nobody_and_is_known_to_be_shared(candidates: Candidates) -> None:
    candidates.add(people(5, phones=[{"value": "+49 30 5550100"}]))

    assert candidates.pair_up() == 0
    assert candidates.surroundings.is_shared("p5550100")
    assert candidates.surroundings.holders("p0000000") == 1


def test_a_word_of_two_companies_is_rare(tmp_path: Path) -> None:
    candidates = Candidates(tmp_path, OrganizationTraits, largest_block=3, no_company=frozenset())
    candidates.add(
        [{"id": n, "name": name} for n, name in enumerate(["Zoltan Berg", "Zoltan Ek", "Ulf Berg", "Bo Berg"])]
    )
    candidates.pair_up()

    assert candidates.surroundings.is_rare("zoltan")
    assert not candidates.surroundings.is_rare("berg")
    candidates.close()
