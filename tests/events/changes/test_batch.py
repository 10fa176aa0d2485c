"""What an asset event carries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.batch import Batch, ChangeWindow
from airflow_provider_pipedrive.events.changes.model import make_change
from airflow_provider_pipedrive.events.changes.watch import Position, change_watch

SINCE = datetime(2026, 5, 4, 10, 20, 30, tzinfo=UTC)
MOVED = make_change("deals", 17, ["stage_moved"], "2026-05-04T10:20:30Z", {"stage_id": 3})


def test_a_batch_of_changes_is_read_back_from_a_watchers_event_and_from_a_webhooks():
    batch = Batch("pipedrive_default", (MOVED,))
    data = json.loads(json.dumps(batch.to_json()))
    assert Batch.from_extra({"from_trigger": True, "payload": data}) == batch
    assert Batch.from_extra(data) == batch


def test_a_window_is_read_back():
    position = Position(SINCE, SINCE, {"17": 1777890000})
    window = ChangeWindow(change_watch("deals"), position, SINCE + timedelta(minutes=10))
    batch = Batch("pipedrive_default", window=window)
    assert Batch.from_extra(json.loads(json.dumps(batch.to_json()))) == batch


@pytest.mark.parametrize("extra", [None, {}, {"id": 7}, {"from_trigger": True, "payload": 7}, {"pipedrive": None}])
def test_an_event_that_somebody_else_made_carries_none(extra):
    assert Batch.from_extra(extra) is None


def test_what_cannot_be_read_is_refused():
    with pytest.raises(PipedriveParameterError, match="cannot be read: 'connection'"):
        Batch.from_extra({"pipedrive": {"changes": []}})


def test_a_batch_is_too_big_by_its_number_of_changes_or_by_its_size():
    long = make_change("deals", 17, ["changed"], "2026-05-04T10:20:30Z", {"title": "A" * 140_000})
    assert [Batch("c", changes).is_too_big for changes in ((MOVED,) * 500, (MOVED,) * 501, (long,))] == [
        False,
        True,
        True,
    ]
