"""What a ledger holds of one day."""

from __future__ import annotations

import json

import pytest

from airflow_provider_pipedrive.client.day import Day

ROW = "crm/nightly/load/read deals"


def test_a_day_reads_as_it_was_written_whatever_a_longer_one_has_left_behind_it() -> None:
    day = Day(rows={ROW: 20}, limit=1000, left=900, since=20, told=5.5, elsewhere=7, exchanged=3.0)
    assert Day.of(day.to_json() + b'"left of a longer one": 1}') == day


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not JSON",
        b"[]",
        b'{"rows": [1]}',
        b'{"rows": {"a/b/c/read deals": "20"}}',
        b'{"rows": {"no row": 20}}',
        b'{"rows": {}, "left": "many"}',
    ],
)
def test_what_is_not_a_day_counts_as_none(content: bytes) -> None:
    assert Day.of(content) is None


def test_what_the_company_has_left_is_what_pipedrive_said_less_what_was_spent_since() -> None:
    day = Day()
    day.add({ROW: 50})
    assert day.company_left is None
    day.learn(1000, 600, now=10.0)
    day.add({ROW: 20})
    assert (day.company_left, day.spent, json.loads(day.to_json())["told"]) == (580, 70, 10.0)
