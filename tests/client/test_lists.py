"""Lists, page after page: what is asked for, and when."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveParameterError,
    PipedriveServerError,
)
from tests.support.scripted_server import FakeClock, MakeClient, ScriptedServer, envelope, http

JSON = "application/json"


def query_of(target: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(target).query)


def page(ids: range | list[int], cursor: str | None = None) -> bytes:
    return envelope([{"id": number} for number in ids], additional_data={"next_cursor": cursor})


def test_iterating_asks_for_a_page_only_when_its_records_are_wanted(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [page([1, 2], "b"), page([3], None)]
    records = client.iterate("getDeals")
    assert server.requests == []
    assert next(records) == {"id": 1}
    assert len(server.requests) == 1
    assert list(records) == [{"id": 2}, {"id": 3}]
    assert [query_of(request.target) for request in server.requests] == [
        {"limit": ["500"]},
        {"limit": ["500"], "cursor": ["b"]},
    ]


@pytest.mark.parametrize("ids", [None, [], "[]", "", "None"])
def test_ids_that_name_no_record_do_not_read_the_whole_list(
    client: PipedriveClient, server: ScriptedServer, ids: Any
) -> None:
    with pytest.raises(PipedriveParameterError, match="^getDeals: ids must"):
        list(client.iterate("getDeals", {"ids": ids}))
    assert server.requests == []


def test_another_condition_that_is_null_is_left_out(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [page([1])]
    assert list(client.iterate("getDeals", {"owner_id": None})) == [{"id": 1}]
    assert [query_of(request.target) for request in server.requests] == [{"limit": ["500"]}]


@pytest.mark.parametrize(("wanted", "records", "requests"), [(1, 1, 1), (2, 2, 1), (3, 3, 2), (4, 4, 2), (9, 4, 2)])
def test_no_page_beyond_max_records_is_asked_for(
    client: PipedriveClient, server: ScriptedServer, wanted: int, records: int, requests: int
) -> None:
    server.script = [page([1, 2], "b"), page([3, 4])]
    assert len(list(client.iterate("getDeals", max_records=wanted))) == records
    assert len(server.requests) == requests


def test_a_walk_that_breaks_has_handed_out_what_it_read_and_then_raises(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    server.script = [page([1], "b"), http(500, b"{}", Content_Type=JSON)]
    records = make_client(max_attempts=1).iterate("getDeals")
    assert next(records) == {"id": 1}
    with pytest.raises(PipedriveServerError):
        next(records)


@pytest.mark.parametrize(
    ("action", "parameters", "requests"),
    [
        ("getDeals", {"cursor": "a"}, 1),
        ("getDeals", {"cursor": None}, 2),
        ("getNotes", {"start": 0}, 1),
        ("getNotes", {"start": None}, 2),
    ],
)
def test_run_reads_one_page_from_a_cursor_or_start_and_all_pages_without(
    client: PipedriveClient, server: ScriptedServer, action: str, parameters: dict[str, Any], requests: int
) -> None:
    more = {"next_cursor": "b"} if action == "getDeals" else {"pagination": {"more_items_in_collection": True}}
    server.script = [envelope([{"id": 1}], additional_data=more), envelope([{"id": 2}])]
    assert len(client.run(action, parameters)) == requests
    assert len(server.requests) == requests


def offset_page(ids: Sequence[int] | None, start: int, *, more: bool) -> bytes:
    paging = {"start": start, "limit": 2, "more_items_in_collection": more}
    records = None if ids is None else [{"id": number} for number in ids]
    return envelope(records, additional_data={"pagination": paging})


def test_a_v1_list_goes_on_by_offset(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [offset_page([1, 2], 0, more=True), offset_page([], 2, more=True), offset_page([3], 4, more=False)]
    assert [note["id"] for note in client.run("getNotes")] == [1, 2, 3]
    assert [query_of(request.target).get("start") for request in server.requests] == [None, ["1"], ["4"]]


def test_a_v1_page_of_null_that_more_pages_follow_is_asked_for_again(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [
        offset_page([1, 2], 0, more=True),
        offset_page(None, 1, more=True),
        offset_page([2, 3], 1, more=False),
    ]
    assert [note["id"] for note in client.run("getNotes")] == [1, 2, 3]
    assert [query_of(request.target).get("start") for request in server.requests] == [None, ["1"], ["1"]]


def test_a_v1_list_is_empty_where_a_second_answer_has_null_too(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [offset_page(None, 0, more=False), offset_page([1], 0, more=False)]
    assert [note["id"] for note in client.run("getNotes")] == [1]
    server.script = [offset_page(None, 0, more=False), offset_page(None, 0, more=False)]
    assert client.run("getNotes") == []
    server.script = [envelope(None), envelope([{"id": 7}])]
    assert client.run("getUsers") == [{"id": 7}]
    assert len(server.requests) == 6


def test_null_in_the_middle_of_a_v1_list_by_cursor_is_read_again(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [page([1, 2], "b"), envelope(None), page([3])]
    assert [change["id"] for change in client.iterate("getDealChangelog", {"id": 5})] == [1, 2, 3]
    assert [query_of(request.target).get("cursor") for request in server.requests] == [None, ["b"], ["b"]]


def test_a_walk_keeps_no_page_that_it_has_left(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [page(range(number * 500, number * 500 + 500), f"c{number}") for number in range(20)] + [page([])]
    assert sum(1 for _ in client.iterate("getDeals")) == 10_000
    assert (client.usage.pages, client.usage.records, client.usage.tokens) == (21, 10_000, 210)


def test_a_long_walk_reports_its_progress(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [page([1], "b"), page([2], "c"), page([3])]
    with caplog.at_level(logging.INFO):
        for _ in client.iterate("getDeals"):
            clock.sleep(11)
    assert caplog.messages[0] == "getDeals: 1 record, 1 page, 10 API tokens after 11 s"
