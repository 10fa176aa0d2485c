"""A list that moves while it is read loses nothing and doubles nothing, whoever reads it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.paging import look_at, walk_pages
from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest, closed
from airflow_provider_pipedrive.events.changes.watch import Position, change_watch
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import ScriptedServer, envelope

NOTES = get_action("getNotes")
Records = list[dict[str, Any]]


class MovingList:
    """A list by offset in Pipedrive's place; before the answer to some requests something happens to it.

    :param deeds: by the request's number, from 0 on
    :param cap: the largest page, whatever is asked for
    """

    def __init__(
        self, records: Sequence[Any], deeds: dict[int, Callable[[Any], object]] | None = None, cap: int = 500
    ) -> None:
        self.records = list(records)
        self.deeds = deeds or {}
        self.cap = cap
        self.asked: list[tuple[int, int]] = []

    def page(self, position: dict[str, Any], limit: int) -> dict[str, Any]:
        self.deeds.get(len(self.asked), lambda records: None)(self.records)
        start, size = int(position.get("start", 0)), min(int(position.get("limit", limit)), self.cap)
        self.asked.append((start, size))
        more = start + size < len(self.records)
        paging = {"start": start, "limit": size, "more_items_in_collection": more}
        return {"data": self.records[start : start + size] or None, "additional_data": {"pagination": paging}}

    def read(self, limit: int, *, by_id: bool = False) -> Iterator[Any]:
        pages = walk_pages(
            NOTES, limit, lambda position: self.page(position, limit), lambda page: look_at(NOTES, page), by_id=by_id
        )
        for page, places in pages:
            yield from (page["data"][at] for at in places)

    def ids(self, limit: int, *, by_id: bool = False) -> list[int]:
        return [record["id"] for record in self.read(limit, by_id=by_id)]


def rows(*ids: int) -> Records:
    return [{"id": number, "update_time": f"2026-11-{number % 28 + 1:02} 10:00:00"} for number in ids]


def without(*ids: int) -> Callable[[Records], None]:
    def delete(records: Records) -> None:
        records[:] = [record for record in records if record["id"] not in ids]

    return delete


def to_the_front(number: int) -> Callable[[Records], None]:
    """What an edit does to a list whose last updated record comes first."""

    def edit(records: Records) -> None:
        without(number)(records)
        records.insert(0, {"id": number, "update_time": "2026-11-30 10:00:00"})

    return edit


# ---- the walk


@pytest.mark.parametrize(("count", "limit", "pages"), [(0, 3, 1), (3, 3, 1), (9, 3, 3), (10, 3, 4), (250, 100, 3)])
def test_a_list_at_rest_takes_no_page_more_than_its_length(count: int, limit: int, pages: int) -> None:
    listed = MovingList(rows(*range(1, count + 1)))
    assert listed.ids(limit) == list(range(1, count + 1))
    assert len(listed.asked) == pages


def test_in_pages_of_the_largest_size_each_begins_with_the_last_record_of_the_one_before() -> None:
    listed = MovingList(rows(*range(1, 1200)))
    assert listed.ids(500) == list(range(1, 1200))
    assert listed.asked == [(0, 500), (499, 500), (998, 500)]


@pytest.mark.parametrize("gone", [(1,), (2, 3), (3,), (1, 2, 3), (1, 3, 4, 5)])
def test_what_is_deleted_behind_the_walk_hides_nothing_ahead_of_it(gone: tuple[int, ...]) -> None:
    listed = MovingList(rows(*range(1, 10)), {1: without(*gone)})
    seen = [1, 2, 3]
    assert listed.ids(3) == seen + [number for number in range(4, 10) if number not in gone]


def test_a_list_that_is_emptied_comes_to_an_end() -> None:
    assert MovingList(rows(*range(1, 10)), {1: lambda records: records.clear()}).ids(3) == [1, 2, 3]


def test_new_records_that_come_first_double_nothing() -> None:
    listed = MovingList(rows(9, 8, 7, 6, 5, 4, 3, 2, 1), {1: lambda records: records.insert(0, rows(10)[0])})
    assert listed.ids(3) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 10]


def test_an_edit_that_moves_an_unread_record_to_the_front_does_not_hide_it() -> None:
    assert MovingList(rows(9, 8, 7, 6, 5, 4, 3, 2, 1), {1: to_the_front(2)}).ids(3) == [9, 8, 7, 6, 5, 4, 3, 1, 2]


def test_by_id_what_is_new_at_the_front_is_not_waited_for() -> None:
    listed = MovingList(rows(9, 8, 7, 6, 5, 4, 3, 2, 1), {1: lambda records: records.insert(0, rows(10)[0])})
    assert listed.ids(3, by_id=True) == [9, 8, 7, 6, 5, 4, 3, 2, 1]


def test_an_edit_of_the_record_between_two_pages_costs_nothing_in_a_list_by_id() -> None:
    def edit(records: Records) -> None:
        records[2] = {**records[2], "update_time": "2026-11-30 10:00:00"}

    listed = MovingList(rows(*range(1, 10)), {1: edit})
    assert listed.ids(3, by_id=True) == list(range(1, 10))
    assert len(listed.asked) == 3


def test_records_without_ids_that_look_alike_are_all_there_while_the_list_is_at_rest() -> None:
    alike = [{"user": 1}, {"user": 2}, {"user": 2}, {"user": 2}, {"user": 3}, {"user": 3}]
    assert list(MovingList(alike).read(2)) == alike


def test_records_without_ids_are_told_apart_by_their_content() -> None:
    listed = MovingList([{"user": number} for number in range(9)], {1: lambda records: records.pop(0)})
    assert [record["user"] for record in listed.read(3)] == list(range(9))


def test_the_same_id_of_two_kinds_is_two_records() -> None:
    recents = [{"item": kind, "id": 1} for kind in ("deal", "person", "note", "file")]
    assert list(MovingList(recents).read(2)) == recents


def test_fields_that_differ_with_each_answer_do_not_make_another_record() -> None:
    listed = MovingList(rows(*range(1, 10)))

    def page(position: dict[str, Any]) -> dict[str, Any]:
        answer = listed.page(position, 3)
        signed = [{**record, "body_url": f"signed {len(listed.asked)}"} for record in answer["data"]]
        return {**answer, "data": signed}

    pages = walk_pages(NOTES, 3, page, lambda answer: look_at(NOTES, answer))
    assert [answer["data"][at]["id"] for answer, places in pages for at in places] == list(range(1, 10))
    assert len(listed.asked) == 3


def test_entries_of_a_flow_and_finds_of_a_search_are_told_apart_by_what_they_wrap() -> None:
    flow = [
        {"object": kind, "timestamp": time, "data": {"id": number, "body_url": "signed"}}
        for kind, time, number in [("note", "1", 1), ("note", "2", 1), ("file", "2", 1), ("note", "2", 2)]
    ]
    finds = [{"result_score": 0.5, "item": {"id": 1, "type": kind}} for kind in ("deal", "lead", "person")]
    assert list(MovingList(flow).read(2)) == flow
    assert list(MovingList(finds).read(2)) == finds
    moved = MovingList(flow, {1: lambda records: records.pop(0)})
    assert list(moved.read(2)) == flow


def test_a_server_that_gives_less_than_it_says_loses_nothing() -> None:
    listed = MovingList(rows(*range(1, 231)))

    def page(position: dict[str, Any]) -> dict[str, Any]:
        answer = listed.page({**position, "limit": 50}, 50)
        answer["additional_data"]["pagination"]["limit"] = 100
        return answer

    pages = walk_pages(NOTES, 100, page, lambda answer: look_at(NOTES, answer))
    assert [answer["data"][at]["id"] for answer, places in pages for at in places] == list(range(1, 231))


def test_a_list_that_comes_in_another_order_each_time_is_an_error_and_never_a_quiet_end() -> None:
    dice = random.Random(1)
    listed = MovingList([{"user": number} for number in range(40)], dict.fromkeys(range(10_000), dice.shuffle))
    with pytest.raises(PipedriveResponseError, match="getNotes: .*another order each time"):
        list(listed.read(5))
    assert len(listed.asked) < 1000


@pytest.mark.parametrize("newest_first", [False, True])
def test_whatever_is_deleted_or_created_meanwhile_what_stays_comes_once(newest_first: bool) -> None:
    for seed in range(200):
        dice = random.Random(seed)
        count = dice.randrange(1, 80)
        order = range(count, 0, -1) if newest_first else range(1, count + 1)
        new = iter(range(1000, 2000))

        def happens(records: Records, dice: random.Random = dice, new: Iterator[int] = new) -> None:
            if records and dice.random() < 0.4:
                records.pop(dice.randrange(len(records)))
            if dice.random() < 0.3:
                records.insert(0 if newest_first else len(records), rows(next(new))[0])

        listed = MovingList(rows(*order), dict.fromkeys(range(1, 300), happens))
        found = listed.ids(dice.randrange(3, 9))
        assert len(found) == len(set(found)), f"seed {seed}"
        assert {record["id"] for record in listed.records if record["id"] < 1000} <= set(found), f"seed {seed}"


# ---- through the client


def test_iterate_misses_no_note_when_the_first_one_is_deleted_after_the_first_page(sandbox: Sandbox) -> None:
    notes = sorted(sandbox.records("notes"))[:9]
    for number in sorted(sandbox.records("notes"))[9:]:
        sandbox.delete("notes", number)
    asked = len(sandbox.requests)
    found = PipedriveHook().iterate("getNotes", {"limit": 3})
    first = [next(found)["id"] for _ in range(3)]
    sandbox.delete("notes", notes[0])
    assert first + [note["id"] for note in found] == notes
    assert len(sandbox.requests) - asked == 5  # three pages, one step back and its way forward


def test_a_quiet_list_of_notes_is_read_in_as_many_pages_as_it_has(sandbox: Sandbox) -> None:
    notes = sorted(sandbox.records("notes"))
    asked = len(sandbox.requests)
    assert [note["id"] for note in PipedriveHook().run("getNotes", {"limit": 4})] == notes
    assert len(sandbox.requests) - asked == -(-len(notes) // 4)


def pages_of(server: ScriptedServer, records: Sequence[Any], cap: int, starts: Sequence[int]) -> None:
    """Have the server answer with the pages at these offsets."""
    for start in starts:
        more = start + cap < len(records)
        paging = {"start": start, "limit": cap, "more_items_in_collection": more}
        paging |= {"next_start": start + cap} if more else {}
        server.script.append(envelope(records[start : start + cap], additional_data={"pagination": paging}))


@pytest.mark.parametrize(
    ("action", "parameters"), [("getPermissionSetAssignments", {"id": "a"}), ("getMailThreads", {"folder": "inbox"})]
)
def test_a_page_shorter_than_the_one_asked_for_ends_no_list_that_promises_more(
    client: PipedriveClient, server: ScriptedServer, action: str, parameters: dict[str, Any]
) -> None:
    records = [{"id": number} for number in range(1, 231)]
    pages_of(server, records, 50, [0, 49, 98, 147, 196])
    assert client.run(action, parameters) == records
    asked = [parse_qs(urlsplit(request.target).query) for request in server.requests]
    assert [(given.get("start"), given["limit"]) for given in asked] == [
        (None, ["500"]),
        (["49"], ["500"]),
        (["98"], ["500"]),
        (["147"], ["500"]),
        (["196"], ["500"]),
    ]


@pytest.mark.parametrize(
    ("additional", "following"),
    [
        ({"pagination": {"more_items_in_collection": True, "next_start": 2, "start": 0}}, 2),
        ({"more_items_in_collection": True, "next_start": 2}, 2),
        ({"pagination": {"next_start": 2}}, 2),
        ({"pagination": {"more_items_in_collection": False, "next_start": 2}}, None),
        ({"pagination": {}}, None),
        ({}, None),
    ],
)
def test_what_the_answer_says_goes_before_the_length_of_its_page(
    additional: dict[str, Any], following: int | None, client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [envelope([{"id": 1}, {"id": 2}], additional_data=additional), envelope([{"id": 2}, {"id": 3}])]
    found = client.run("getMailThreads", {"folder": "inbox"})
    assert [thread["id"] for thread in found] == ([1, 2] if following is None else [1, 2, 3])


# ---- files


def test_a_late_attachment_of_an_older_mail_hides_no_new_file_from_the_watcher(sandbox: Sandbox) -> None:
    sandbox.advance(3600)
    client = PipedriveHook().client
    reader = ChangeReader(client, "deals")
    watch = change_watch("deals", ["new_file"])
    position = Position.start(closed(reader.now()))
    new = sandbox.add_file(name="contract.pdf", deal_id=1)
    sandbox.add_file(name="from an old mail.pdf", deal_id=1, add_time="2025-01-31 10:00:00")
    sandbox.advance(6)
    found: list[Any] = []
    reader.walk([WatchRequest(watch, position)], lambda _, change: found.append(change.id))
    assert found == [new["id"]]


def test_files_that_are_deleted_while_the_watcher_reads_hide_none(client: PipedriveClient, server: ScriptedServer):
    files = [
        {"id": number, "add_time": "2026-11-30 10:00:00", "deal_id": 1, "active_flag": True}
        for number in range(250, 0, -1)
    ]
    left = files[1:]  # the newest is gone after the first page
    for listed, start in ((files, 0), (left, 99), (left, 49), (left, 148), (left, 247)):
        more = start + 100 < len(listed)
        paging = {"start": start, "limit": 100, "more_items_in_collection": more}
        body = json.dumps(
            {"success": True, "data": listed[start : start + 100], "additional_data": {"pagination": paging}}
        ).encode()
        server.script.append(
            b"HTTP/1.1 200 OK\r\nDate: Mon, 30 Nov 2026 10:00:30 GMT\r\nContent-Type: application/json\r\n"
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
    began = datetime(2026, 11, 30, 9, 59, 50, tzinfo=UTC)
    asked = WatchRequest(change_watch("deals", ["new_file"]), Position.start(began))
    found: list[Any] = []
    ChangeReader(client, "deals").walk(
        [asked], lambda _, change: found.append(change.id), until=began + timedelta(seconds=40)
    )
    assert sorted(found) == list(range(1, 251))
