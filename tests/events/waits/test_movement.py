"""What counts as a deal's move."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.events.waits.movement import Movement, StageChange, moved_at, stage_changes
from airflow_provider_pipedrive.events.waits.outcomes import Memory

SINCE = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
QUALIFIED, DEMO, NEGOTIATION, SIGNED = 1, 2, 3, 4


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-05-04T{clock}Z")


def deal(stage: int, moved: str | None = None, **more: Any) -> dict[str, Any]:
    time = f"2026-05-04T{moved}Z" if moved else None
    added = {"add_time": "2026-05-01T08:00:00Z", "status": "open", "pipeline_id": 1}
    return {"id": 5, "stage_id": stage, "stage_change_time": time, **added, **more}


class History:
    """A deal's moves, and how often they were asked for."""

    def __init__(self, *changes: StageChange) -> None:
        self.changes = changes
        self.asked = 0

    def __call__(self, deal: dict[str, Any]) -> tuple[StageChange, ...]:
        self.asked += 1
        return self.changes


UNREAD = History()
TWICE = History(StageChange(at("12:09:00"), NEGOTIATION, SIGNED), StageChange(at("12:08:00"), DEMO, NEGOTIATION))


def shown(move: dict[str, Any] | None) -> tuple[Any, ...] | None:
    return move and (move["from_stage_id"], move["to_stage_id"], move["time"])


def test_a_deal_that_stands_in_the_stage_has_reached_it_whenever_it_came() -> None:
    reach = Movement(reaches=(NEGOTIATION,))
    move = reach.by_deal(deal(NEGOTIATION, "09:00:00"), SINCE, {}, UNREAD).move
    assert shown(move) == (None, NEGOTIATION, "2026-05-04T09:00:00Z")
    assert shown(reach.by_deal(deal(NEGOTIATION), SINCE, {}, UNREAD).move) == (None, NEGOTIATION, None)
    assert UNREAD.asked == 0


def test_the_stage_it_came_from_is_known_where_an_earlier_look_has_seen_it() -> None:
    reach = Movement(reaches=(NEGOTIATION,), names={"2": "Demo", "3": "Negotiation"})
    first, seen = reach.by_deal(deal(DEMO), SINCE, {}, UNREAD)
    assert first is None
    move = reach.by_deal(deal(NEGOTIATION, "12:05:00"), SINCE, seen, UNREAD).move
    assert shown(move) == (DEMO, NEGOTIATION, "2026-05-04T12:05:00Z")
    assert move is not None
    assert (move["from_stage"], move["to_stage"]) == ("Demo", "Negotiation")


def test_a_deal_moved_twice_between_two_looks_has_reached_the_stage_in_between() -> None:
    move = Movement(reaches=(NEGOTIATION,)).by_deal(deal(SIGNED, "12:09:00"), SINCE, {}, TWICE).move
    assert shown(move) == (DEMO, NEGOTIATION, "2026-05-04T12:08:00Z")
    assert move is not None
    assert move["stage_id"] == SIGNED


def test_what_it_passed_through_before_the_wait_does_not_count() -> None:
    before = History(StageChange(at("12:09:00"), DEMO, SIGNED), StageChange(at("11:59:59"), NEGOTIATION, DEMO))
    back = History(*before.changes, StageChange(at("11:59:00"), QUALIFIED, NEGOTIATION))
    assert Movement(reaches=(NEGOTIATION,)).by_deal(deal(SIGNED, "12:09:00"), SINCE, {}, back).move is None


def test_a_history_is_read_once_for_each_move() -> None:
    history = History(StageChange(at("12:09:00"), QUALIFIED, DEMO))
    seen: Memory = {}
    reach = Movement(reaches=(NEGOTIATION,))
    for _ in range(3):
        move, seen = reach.by_deal(deal(DEMO, "12:09:00"), SINCE, seen, history)
        assert move is None
    assert history.asked == 1
    reach.by_deal(deal(SIGNED, "12:30:00"), SINCE, seen, history)
    assert history.asked == 2


def test_what_an_earlier_check_has_shown_is_not_changed() -> None:
    seen = {"stage": QUALIFIED}
    _, after = Movement(reaches=(NEGOTIATION,)).by_deal(deal(DEMO, "12:09:00"), SINCE, seen, History())
    assert seen == {"stage": QUALIFIED}
    assert after == {"stage": DEMO, "status": "open", "examined": "2026-05-04T12:09:00Z"}


def test_no_history_is_read_where_passing_through_does_not_count() -> None:
    history = History(*TWICE.changes)
    reach = Movement(reaches=(NEGOTIATION,), passed_through=False)
    assert reach.by_deal(deal(SIGNED, "12:09:00"), SINCE, {}, history).move is None
    assert history.asked == 0


def test_a_deal_that_stands_elsewhere_has_left_the_stage() -> None:
    leave = Movement(leaves=(NEGOTIATION,))
    assert leave.by_deal(deal(NEGOTIATION), SINCE, {}, UNREAD).move is None
    assert shown(leave.by_deal(deal(SIGNED, "12:09:00"), SINCE, {}, UNREAD).move) == (
        None,
        SIGNED,
        "2026-05-04T12:09:00Z",
    )


def test_a_deal_that_has_left_and_come_back_has_left() -> None:
    round_trip = History(StageChange(at("12:09:00"), DEMO, NEGOTIATION), StageChange(at("12:08:00"), NEGOTIATION, DEMO))
    move = Movement(leaves=(NEGOTIATION,)).by_deal(deal(NEGOTIATION, "12:09:00"), SINCE, {}, round_trip).move
    assert shown(move) == (NEGOTIATION, DEMO, "2026-05-04T12:08:00Z")


def test_a_move_from_one_stage_to_another_is_looked_up_in_the_history() -> None:
    move = Movement(leaves=(DEMO,), reaches=(NEGOTIATION,))
    came_otherwise = History(StageChange(at("12:09:00"), QUALIFIED, NEGOTIATION))
    assert move.by_deal(deal(NEGOTIATION, "12:09:00"), SINCE, {}, came_otherwise).move is None
    assert shown(move.by_deal(deal(SIGNED, "12:09:00"), SINCE, {}, TWICE).move) == (
        DEMO,
        NEGOTIATION,
        "2026-05-04T12:08:00Z",
    )
    assert move.by_deal(deal(NEGOTIATION, "11:00:00"), SINCE, {}, UNREAD).move is None


def test_any_move_counts_from_since_on() -> None:
    moves = Movement(moves=True)
    assert moves.by_deal(deal(DEMO, "11:59:59"), SINCE, {}, UNREAD).move is None
    assert shown(moves.by_deal(deal(DEMO, "12:00:00"), SINCE, {"stage": QUALIFIED}, UNREAD).move) == (
        QUALIFIED,
        DEMO,
        "2026-05-04T12:00:00Z",
    )


def test_a_status_counts_whenever_a_given_deal_got_it() -> None:
    won = deal(SIGNED, status="won", won_time="2026-05-03T10:00:00Z")
    move = Movement(statuses=("won",)).by_deal(won, SINCE, {}, UNREAD).move
    assert move is not None
    assert (move["status"], move["time"]) == ("won", "2026-05-03T10:00:00Z")
    assert Movement(statuses=("lost",)).by_deal(won, SINCE, {}, UNREAD).move is None


@pytest.mark.parametrize(("won_time", "counts"), [("2026-05-04T12:00:00Z", True), ("2026-05-04T11:59:59Z", False)])
def test_of_any_deal_a_status_counts_from_since_on(won_time: str, counts: bool) -> None:
    won = deal(SIGNED, status="won", won_time=won_time)
    assert bool(Movement(statuses=("won", "lost")).by_any(won, SINCE, {}, UNREAD).move) == counts


def test_any_deal_that_came_into_the_stage_since_then_has_reached_it() -> None:
    reach = Movement(reaches=(NEGOTIATION,))
    assert reach.by_any(deal(NEGOTIATION, "11:59:59"), SINCE, {}, UNREAD).move is None
    assert shown(reach.by_any(deal(NEGOTIATION, "12:00:00"), SINCE, {}, UNREAD).move) == (
        None,
        NEGOTIATION,
        "2026-05-04T12:00:00Z",
    )
    assert shown(reach.by_any(deal(SIGNED, "12:09:00"), SINCE, {}, TWICE).move) == (
        DEMO,
        NEGOTIATION,
        "2026-05-04T12:08:00Z",
    )


@pytest.mark.parametrize("stage_change_time", [None, "2026-05-04T12:05:00Z"])
def test_a_deal_created_in_the_stage_has_reached_it_but_has_not_moved(stage_change_time: str | None) -> None:
    new = deal(NEGOTIATION) | {"add_time": "2026-05-04T12:05:00Z", "stage_change_time": stage_change_time}
    assert moved_at(new) is None
    assert shown(Movement(reaches=(NEGOTIATION,)).by_any(new, SINCE, {}, UNREAD).move) == (
        None,
        NEGOTIATION,
        "2026-05-04T12:05:00Z",
    )
    assert Movement(moves=True).by_any(new, SINCE, {}, UNREAD).move is None
    assert Movement(reaches=(NEGOTIATION,), leaves=(DEMO,)).by_any(new, SINCE, {}, UNREAD).move is None


def test_a_changelog_tells_the_moves_among_all_changes() -> None:
    changelog = [
        {"field_key": "value", "old_value": "1", "new_value": "2", "time": "2026-05-04 12:10:00"},
        {"field_key": "stage_id", "old_value": "2", "new_value": 3, "time": "2026-05-04 12:08:00"},
        {"field_key": "stage_id", "old_value": None, "new_value": "2", "time": "2026-05-04T12:07:00Z"},
    ]
    assert list(stage_changes(changelog)) == [
        StageChange(at("12:08:00"), 2, 3),
        StageChange(at("12:07:00"), None, 2),
    ]
