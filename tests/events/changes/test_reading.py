"""Changes found in the sandbox's lists, with a clock that is set."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import Change
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest, closed
from airflow_provider_pipedrive.events.changes.watch import Position, change_watch
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

MARGIN = 6
"""Seconds after which a second is closed."""


class Watcher:
    """Reads one watch again and again, as a trigger does."""

    def __init__(self, entity: str, kinds: Any = None, fields: Any = None, ignore_own: bool = False) -> None:
        self.client = PipedriveHook().client
        self.reader = ChangeReader(self.client, entity)
        self.watch = change_watch(entity, kinds, fields, ignore_own)
        self.position = Position.start(closed(self.reader.now()))

    def news(self) -> list[tuple[Any, tuple[str, ...]]]:
        """What has happened to which record."""
        return [(change.id, change.kinds) for change in self.changes()]

    def changes(self) -> list[Change]:
        found: list[Change] = []
        walked = self.reader.walk([WatchRequest(self.watch, self.position)], lambda _, change: found.append(change))
        self.position = self.position.after(walked.until, walked.seen)
        return found


@pytest.fixture
def calm(sandbox: Sandbox) -> Sandbox:
    """A company in which nothing has happened for a while."""
    sandbox.advance(3600)
    return sandbox


def open_deals(sandbox: Sandbox) -> list[dict[str, Any]]:
    return [
        deal for deal in sandbox.records("deals").values() if deal["status"] == "open" and not deal.get("is_archived")
    ]


def test_each_kind_of_change_is_told_apart_and_told_once(calm: Sandbox):
    moved, won, edited, gone, *_ = open_deals(calm)
    watcher = Watcher("deals", ["created", "changed", "stage_moved", "status_changed", "deleted"])
    calm.move_deal(moved["id"], 3 if moved["stage_id"] != 3 else 2)
    watcher.client.run("updateDeal", {"id": won["id"], "status": "won"})
    calm.update("deals", edited["id"], title="Edited")
    calm.delete("deals", gone["id"])
    new = watcher.client.run("addDeal", {"title": "New"})
    calm.advance(MARGIN)
    assert sorted(watcher.news()) == sorted(
        [
            (moved["id"], ("changed", "stage_moved")),
            (won["id"], ("changed", "status_changed")),
            (edited["id"], ("changed",)),
            (gone["id"], ("deleted",)),
            (new["id"], ("created",)),
        ]
    )
    calm.advance(MARGIN)
    assert watcher.news() == []


def test_a_deal_moved_twice_between_two_polls_is_one_change_with_its_last_state(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals", "stage_moved")
    first, second = [stage for stage in (1, 2, 3) if stage != deal["stage_id"]][:2]
    calm.move_deal(deal["id"], first)
    calm.advance(20)
    calm.move_deal(deal["id"], second)
    calm.advance(MARGIN)
    (change,) = watcher.changes()
    assert (change.id, change.values["stage_id"]) == (deal["id"], second)


def test_a_change_says_when_the_deal_was_created_and_moved_before_its_last_edit(calm: Sandbox):
    watcher = Watcher("deals")
    new = watcher.client.run("addDeal", {"title": "New", "stage_id": 1})
    calm.advance(10)
    calm.move_deal(new["id"], 2)
    calm.advance(10)
    calm.update("deals", new["id"], title="Newer")
    calm.advance(MARGIN)
    deal = calm.records("deals")[new["id"]]
    (change,) = watcher.changes()
    assert (change.kinds, change.update_time) == (("created", "stage_moved"), deal["update_time"])
    assert change.earlier == (deal["add_time"], deal["stage_change_time"])


def test_two_changes_in_one_second_on_either_side_of_a_poll_are_told_as_one_when_the_second_is_closed(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals")
    calm.update("deals", deal["id"], title="First")
    assert watcher.news() == []  # Pipedrive's clock is not past it
    calm.update("deals", deal["id"], title="Second")
    calm.advance(MARGIN)
    (change,) = watcher.changes()
    assert change.values["title"] == "Second"


def test_a_move_is_told_though_the_deal_was_edited_again_before_the_second_of_the_edit_was_closed(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals", ["stage_moved", "changed"])
    calm.move_deal(deal["id"], 3 if deal["stage_id"] != 3 else 2)
    calm.advance(10)
    calm.update("deals", deal["id"], title="Edited")
    assert watcher.news() == [(deal["id"], ("changed", "stage_moved"))]
    calm.advance(MARGIN)
    assert watcher.news() == [(deal["id"], ("changed",))]


def test_what_becomes_visible_late_is_told_with_the_overlap(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals")
    calm.advance(30)
    calm.update("deals", deal["id"], title="Edited")
    calm.advance(30)
    # As if the write had not been visible at the poll that the position comes from.
    watcher.position = watcher.position.after(watcher.position.since + timedelta(seconds=60), {})
    calm.advance(MARGIN)
    assert watcher.news() == [(deal["id"], ("changed",))]


def test_a_machine_whose_clock_is_an_hour_off_asks_by_pipedrives_clock(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals")
    calm.advance(3600)  # from now on the sandbox is two hours ahead of this machine
    calm.update("deals", deal["id"], title="Edited")
    assert watcher.news() == []
    calm.advance(MARGIN)
    assert watcher.news() == [(deal["id"], ("changed",))]


def test_a_field_is_watched_by_its_name_and_its_old_value_is_told(calm: Sandbox):
    deal, other, *_ = open_deals(calm)
    watcher = Watcher("deals", None, ["Title"])
    calm.update("deals", deal["id"], title="Edited")
    calm.update("deals", other["id"], probability=7)
    calm.advance(MARGIN)
    (change,) = watcher.changes()
    assert (change.id, change.kinds) == (deal["id"], ("changed", "field_changed"))
    assert (change.previous, change.values["Title"]) == ({"Title": deal["title"]}, "Edited")


def test_a_field_that_is_watched_by_its_name_and_its_key_has_its_old_value_under_both(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals", None, ["Title", "title"])
    calm.update("deals", deal["id"], title="Edited")
    calm.advance(MARGIN)
    (change,) = watcher.changes()
    assert change.previous == {"Title": deal["title"], "title": deal["title"]}


def test_a_record_whose_changelog_may_not_be_read_does_not_stop_the_others(calm: Sandbox):
    hidden, deal, *_ = open_deals(calm)
    watcher = Watcher("deals", None, "title")
    calm.update("deals", hidden["id"], title="Edited")
    calm.update("deals", deal["id"], title="Edited")
    calm.advance(MARGIN)
    calm.fault(path=f"/v1/deals/{hidden['id']}/changelog", kind="403")
    assert watcher.news() == [(deal["id"], ("changed", "field_changed"))]


def test_a_field_that_is_not_there_is_refused_with_the_nearest_name(calm: Sandbox):
    with pytest.raises(PipedriveParameterError, match="deals have no field 'Titel'. Did you mean 'Title'?"):
        ChangeReader(PipedriveHook().client, "deals").key_of("Titel")


def test_new_files_of_deals_are_told_and_those_of_others_are_not(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals", "new_file")
    calm.add_file("signed.pdf", b"%PDF", deal_id=deal["id"])
    calm.add_file("card.txt", b"Hello", person_id=next(iter(calm.records("persons"))))
    calm.advance(MARGIN)
    (change,) = watcher.changes()
    assert (change.entity, change.kinds) == ("files", ("new_file",))
    assert (change.values["name"], change.values["deal_id"]) == ("signed.pdf", deal["id"])


def test_of_two_merged_deals_only_the_survivor_is_told_of(calm: Sandbox):
    loser, survivor, *_ = open_deals(calm)
    watcher = Watcher("deals", ["changed", "deleted"])
    calm.merge("deals", loser["id"], survivor["id"])
    calm.advance(MARGIN)
    assert watcher.news() == [(survivor["id"], ("changed",))]  # the other one is in no list


@pytest.mark.parametrize("entity", ["persons", "organizations", "activities", "products", "leads", "notes"])
def test_edits_of_other_records_are_told_too(calm: Sandbox, entity: str):
    record = next(iter(calm.records(entity).values()))
    field = {"leads": "title", "notes": "content", "activities": "subject"}.get(entity, "name")
    watcher = Watcher(entity)
    calm.update(entity, record["id"], **{field: "Edited"})
    calm.advance(MARGIN)
    assert watcher.news() == [(record["id"], ("changed",))]


def test_an_archived_deal_is_told_by_those_who_watch_the_archive(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("archived_deals", "changed")
    watcher.client.run("updateDeal", {"id": deal["id"], "is_archived": True})
    calm.advance(MARGIN)
    assert watcher.news() == [(deal["id"], ("changed",))]


def test_fifty_watchers_cost_one_walk(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals")
    calm.update("deals", deal["id"], title="Edited")
    calm.advance(MARGIN)
    told: list[int] = []
    before = watcher.client.usage.requests
    watcher.reader.walk([WatchRequest(watcher.watch, watcher.position)] * 50, lambda number, _: told.append(number))
    assert (told, watcher.client.usage.requests - before) == (list(range(50)), 1)


def test_own_edits_are_left_out_where_that_is_asked_for_and_others_are_not(calm: Sandbox):
    own, typed, both, *_ = open_deals(calm)
    watcher = Watcher("deals", ignore_own=True)
    watcher.client.run("updateDeal", {"id": own["id"], "title": "By this connection"})
    calm.update("deals", typed["id"], title="Typed in")
    watcher.client.run("updateDeal", {"id": both["id"], "value": 5})
    calm.update("deals", both["id"], title="Typed in after it")
    new = watcher.client.run("addDeal", {"title": "Creations always count"})
    calm.advance(MARGIN)
    assert {change.id for change in watcher.changes()} == {typed["id"], both["id"], new["id"]}


def test_who_made_an_edit_is_known_where_the_changelog_is_read(calm: Sandbox):
    deal, *_ = open_deals(calm)
    watcher = Watcher("deals", fields="title")
    watcher.client.run("updateDeal", {"id": deal["id"], "title": "By this connection"})
    calm.advance(MARGIN)
    (change,) = watcher.changes()
    assert change.origin == (watcher.reader.user_id, "api")
    assert Change.from_json(change.to_json()) == change
