"""What can be watched, and how far a watcher has come."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.watch import ENTITIES_WITH_CHANGES, ChangeWatch, Position, change_watch

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


def test_by_default_every_creation_and_edit_is_watched_and_of_files_the_new_ones():
    assert change_watch("deals") == ChangeWatch("deals", ("created", "changed"))
    assert change_watch("files") == ChangeWatch("files", ("new_file",))
    assert change_watch("deals", fields="Region") == ChangeWatch("deals", ("field_changed",), ("Region",))


def test_what_pipedrive_tells_changes_of():
    assert set(ENTITIES_WITH_CHANGES) == {
        *("deals", "archived_deals", "persons", "organizations", "activities", "products", "leads", "notes", "files"),
    }


def test_a_watch_travels_as_plain_data():
    watch = change_watch("deals", ["stage_moved", "field_changed"], ["Region"])
    assert ChangeWatch.from_json(json.loads(json.dumps(watch.to_json()))) == watch


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("deal",), "Changes of 'deal' cannot be watched, only of: deals, .* Did you mean 'deals'?"),
        (("deals", "stage_move"), "no kind of change 'stage_move'. Did you mean 'stage_moved'. There are created, "),
        (("persons", "stage_moved"), "'stage_moved' cannot be watched of persons: Only deals have stages."),
        (("persons", "deleted"), "Pipedrive lists only deals that were deleted; webhooks report others."),
        (("notes", None, "content"), "'field_changed' cannot be watched of notes"),
        (("notes", "new_file"), "Files are attached to other records."),
        (("files", "created"), "Of files only 'new_file' can be watched"),
        (("deals", "field_changed"), "needs the names of the fields"),
        (("deals", "changed", "title"), "'field_changed' is not among the changes"),
        (("deals", 7), "changes must be a text or a list of texts"),
    ],
)
def test_what_cannot_be_watched_is_refused_with_the_reason(arguments, message):
    with pytest.raises((PipedriveParameterError, TypeError), match=message):
        change_watch(*arguments)


def test_news_begin_an_overlap_before_the_last_window_but_never_before_the_beginning():
    position = Position.start(NOON).after(NOON.replace(second=30), {})
    assert position.lower("17") == NOON
    later = position.after(NOON.replace(minute=10), {})
    assert later.lower("17") == NOON.replace(minute=9)


def test_a_record_of_the_overlap_is_news_only_after_what_was_seen_of_it():
    seen = {"17": int(NOON.replace(minute=9, second=40).timestamp())}
    position = Position.start(NOON).after(NOON.replace(minute=10), seen)
    assert position.lower("17") == NOON.replace(minute=9, second=40)
    assert position.lower("18") == NOON.replace(minute=9)


def test_a_position_travels_as_plain_data():
    position = Position.start(NOON).after(NOON.replace(minute=10), {"17": 1777896580})
    assert Position.from_json(json.loads(json.dumps(position.to_json()))) == position


def test_own_edits_can_be_left_out_only_where_pipedrive_says_who_made_them():
    watch = change_watch("persons", ignore_own=True)
    assert ChangeWatch.from_json(json.loads(json.dumps(watch.to_json()))) == watch
    assert watch.digest != change_watch("persons").digest
    with pytest.raises(PipedriveParameterError, match="ignore_own is not possible for notes"):
        change_watch("notes", ignore_own=True)
