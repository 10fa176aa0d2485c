"""What a change is, and when two reports are of the same one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import (
    Change,
    deduplicate,
    kinds_of_edit,
    make_change,
    sort_changes,
    values_of,
)

POLLED = make_change("deals", 17, ["stage_moved"], "2026-05-04T10:20:30Z", {"stage_id": 3})


def by_webhook(time, values, occurrence, kinds=("changed",), record_id=17):
    return make_change("deals", record_id, kinds, time, values, source="webhook", occurrence=occurrence)


def test_the_event_id_is_made_of_entity_record_time_and_values():
    assert POLLED.event_id == "deals/17/2026-05-04T10:20:30Z/cd7925d0d051"
    again = make_change("deals", 17, ["stage_moved"], "2026-05-04 10:20:30", {"stage_id": 3})
    other = make_change("deals", 17, ["stage_moved"], "2026-05-04T10:20:30Z", {"stage_id": 4})
    assert (again.event_id == POLLED.event_id, other.event_id == POLLED.event_id) == (True, False)


def test_a_change_travels_as_plain_json():
    data = json.loads(json.dumps(POLLED.to_json()))
    assert data == {
        "entity": "deals",
        "id": 17,
        "kinds": ["changed", "stage_moved"],
        "update_time": "2026-05-04T10:20:30Z",
        "event_id": POLLED.event_id,
        "values": {"stage_id": 3},
        "source": "poll",
    }
    assert Change.from_json({**data, "of a later version": 1}) == POLLED


def test_what_is_no_change_is_refused():
    with pytest.raises(PipedriveParameterError, match="not a change"):
        Change.from_json({"entity": "deals"})
    with pytest.raises(PipedriveParameterError, match="deals 17: a change needs a time, not None"):
        make_change("deals", 17, ["changed"], None, {})


def test_a_repeated_delivery_is_one_change_and_two_changes_in_one_second_are_two():
    first = by_webhook("2026-05-04T10:20:30.120Z", {"stage_id": 3}, "delivery-1")
    second = by_webhook("2026-05-04T10:20:30.900Z", {"stage_id": 3}, "delivery-2")
    assert list(deduplicate([first, first, second])) == [first, second]


def test_a_polled_state_that_a_webhook_brought_is_dropped_even_if_the_webhook_stands_after_it():
    brought = by_webhook("2026-05-04T10:20:30Z", {"stage_id": 3, "status": "open"}, "delivery-1")
    assert list(deduplicate([POLLED, brought])) == [brought]
    assert list(deduplicate([POLLED], before=[brought])) == []


CREATED_AND_EDITED = make_change(
    "deals",
    17,
    ["created"],
    "2026-05-04T10:20:30Z",
    {"title": "Roof"},
    earlier=[datetime(2026, 5, 4, 10, 20, 10, tzinfo=UTC)],
)


def test_a_creation_is_told_though_a_webhook_has_brought_the_edit_after_it_alone():
    edit = by_webhook("2026-05-04T10:20:30Z", {"title": "Roof"}, "delivery-2")
    assert list(deduplicate([CREATED_AND_EDITED, edit])) == [CREATED_AND_EDITED, edit]
    assert list(deduplicate([CREATED_AND_EDITED], before=[edit])) == [CREATED_AND_EDITED]


def test_a_creation_that_a_poll_tells_of_with_an_edit_is_dropped_if_webhooks_brought_both():
    creation = by_webhook("2026-05-04T10:20:10Z", {"title": "Ruf"}, "delivery-1", ["created"])
    edit = by_webhook("2026-05-04T10:20:30Z", {"title": "Roof"}, "delivery-2")
    assert list(deduplicate([creation, CREATED_AND_EDITED, edit])) == [creation, edit]
    assert list(deduplicate([creation, edit], before=[CREATED_AND_EDITED])) == []


def test_when_else_something_happened_travels_with_a_change():
    data = json.loads(json.dumps(CREATED_AND_EDITED.to_json()))
    assert data["earlier"] == ["2026-05-04T10:20:10Z"]
    assert Change.from_json(data) == CREATED_AND_EDITED
    with pytest.raises(PipedriveParameterError, match="earlier cannot be read"):
        Change.from_json({**data, "earlier": ["yesterday"]})


def test_a_webhook_that_comes_after_the_polled_state_was_handed_on_is_dropped():
    late = by_webhook("2026-05-04T10:20:30Z", {"stage_id": 3, "status": "open"}, "delivery-1")
    next_one = by_webhook("2026-05-04T10:20:31Z", {"stage_id": 3, "status": "won"}, "delivery-2")
    assert list(deduplicate([late, next_one], before=[POLLED])) == [next_one]


def test_a_polled_deletion_is_dropped_if_a_webhook_told_of_it_at_nearly_the_same_time():
    polled = make_change("deals", 17, ["deleted"], "2026-05-04T10:20:30Z", {"status": "deleted"})
    near = by_webhook("2026-05-04T10:20:32Z", {}, "delivery-1", ["deleted"])
    another_day = by_webhook("2026-05-05T10:20:32Z", {}, "delivery-1", ["deleted"])
    other_record = by_webhook("2026-05-04T10:20:32Z", {}, "delivery-1", ["deleted"], record_id=18)
    assert list(deduplicate([polled], before=[near])) == []
    assert list(deduplicate([polled], before=[another_day])) == [polled]
    assert list(deduplicate([polled], before=[other_record])) == [polled]


def test_changes_are_sorted_by_time_and_within_a_second_as_they_were_received():
    late = make_change("deals", 1, ["changed"], "2026-05-04T10:20:31Z", {})
    first = make_change("deals", 3, ["changed"], "2026-05-04T10:20:30Z", {}, received="2026-05-04T10:20:30Z")
    second = make_change("deals", 2, ["changed"], "2026-05-04T10:20:30Z", {}, received="2026-05-04T10:20:31Z")
    assert sort_changes([late, second, first]) == [first, second, late]


@pytest.mark.parametrize(
    ("previous", "kinds"),
    [
        ({}, ("changed",)),
        ({"update_time": "2026-05-04T10:20:30Z"}, ("changed",)),
        ({"title": "Old"}, ("changed", "field_changed")),
        ({"stage_id": 2, "stage_change_time": None}, ("changed", "stage_moved", "field_changed")),
        ({"status": "open"}, ("changed", "status_changed", "field_changed")),
    ],
)
def test_an_edit_is_told_by_the_old_values(previous, kinds):
    assert kinds_of_edit(previous) == kinds


def test_the_values_of_a_record_are_few_and_those_asked_for_with_custom_fields_among_them():
    deal = {"id": 1, "title": "A", "stage_id": 2, "probability": 5, "custom_fields": {"abc": 7, "def": 8}}
    assert values_of("deals", deal) == {"title": "A", "stage_id": 2}
    assert values_of("deals", deal, ["probability", "abc", "gone"]) == {
        "title": "A",
        "stage_id": 2,
        "probability": 5,
        "abc": 7,
    }
