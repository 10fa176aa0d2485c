"""Which run has which of an asset's stored events: each exactly one."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from airflow_provider_pipedrive.assets.claims import MOST_BYTES, Claim, Claims, Row, claimed

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def row(number: int, seconds: float) -> Row:
    """An event so many seconds after noon."""
    return Row(number, NOON + timedelta(seconds=seconds), None)


def visible(claim: Claim, rows: list[Row]) -> list[Row]:
    """Those that a query from the claim's start gives."""
    return [one for one in rows if claim.read_from is None or one.time >= claim.read_from]


def test_each_run_has_the_events_since_the_run_before():
    first, fresh = claimed(Claims().base("run 1", None), [row(1, 0), row(2, 10)])
    claims = Claims().and_then(first)
    base = claims.base("run 2", None)
    second, later = claimed(base, visible(base, [row(1, 0), row(2, 10), row(3, 20)]))
    assert ([one.id for one in fresh], [one.id for one in later]) == ([1, 2], [3])
    assert (second.since, second.until) == (row(2, 10).time, row(3, 20).time)


def test_an_event_that_becomes_visible_after_one_with_a_later_time_is_in_the_next_run():
    first, _ = claimed(Claims().base("run 1", None), [row(1, 0), row(3, 20)])
    base = Claims((first,)).base("run 2", None)
    _, later = claimed(base, visible(base, [row(1, 0), row(2, 10), row(3, 20)]))
    assert [one.id for one in later] == [2]


def test_a_repeated_run_has_its_own_events_again_and_no_later_ones():
    rows = [row(1, 0), row(2, 150), row(3, 290)]
    first, _ = claimed(Claims().base("run 1", None), rows[:1])
    base = Claims((first,)).base("run 2", None)
    second, fresh = claimed(base, visible(base, rows))
    later = [*rows, row(4, 285), row(5, 300)]  # the fourth became visible late
    assert [one.id for one in later if second.has(one)] == [one.id for one in fresh] == [2, 3]
    assert [one.id for one in later if first.has(one)] == [1]


def test_a_run_without_events_leaves_the_mark_where_it_is():
    first, _ = claimed(Claims().base("run 1", None), [row(1, 0)])
    empty, fresh = claimed(Claims((first,)).base("run 2", None), [row(1, 0)])
    third, later = claimed(Claims((first, empty)).base("run 3", None), [row(1, 0), row(2, 5)])
    assert (fresh, [one.id for one in later]) == ([], [2])
    assert [third.has(one) for one in (row(1, 0), row(2, 5))] == [False, True]
    assert not empty.has(row(1, 0))


def test_the_first_run_begins_where_it_is_told_to():
    base = Claims().base("run 1", NOON)
    assert base.read_from is not None
    claim, _ = claimed(base, [])
    assert claim.until == NOON


def test_claims_travel_as_plain_data():
    first, _ = claimed(Claims().base("run 1", None), [row(1, 0), row(2, 10)])
    claims = Claims().and_then(first)
    assert Claims.from_json(json.loads(json.dumps(claims.to_json()))) == claims
    assert Claims.from_json(None) == Claims()


def test_the_oldest_claims_are_let_go_before_the_store_is_full():
    claims = Claims()
    for number in range(400):
        base = claims.base(f"asset_triggered__2026-05-04T12:00:00+00:00_{number}", None)
        rows = [row(number * 50 + part, number * 60.0) for part in range(50)]
        claims = claims.and_then(claimed(base, rows)[0])
    assert len(json.dumps(claims.to_json())) <= MOST_BYTES
    assert claims.of("asset_triggered__2026-05-04T12:00:00+00:00_399") is not None
    assert claims.of("asset_triggered__2026-05-04T12:00:00+00:00_0") is None
