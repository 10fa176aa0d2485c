"""Where the next page of a list is."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.paging import Position, Walk, missing_data, records_in
from airflow_provider_pipedrive.errors import PipedriveResponseError

CURSOR, OFFSET, SHORT = map(get_action, ("getDeals", "getNotes", "getPermissionSetAssignments"))
UNPAGED = get_action("getUsers")
TWO = [{"id": 1}, {"id": 2}]


def page(data: Any, **extra: Any) -> dict[str, Any]:
    return {"success": True, "data": data, "additional_data": extra}


@pytest.mark.parametrize(
    ("key", "envelope", "said"),
    [
        ("getDeals", page(None, next_cursor="b"), "data is null where records should be"),
        ("getDeals", page(None), "data is null where records should be"),
        ("getDeals", page([]), None),
        ("getDeal", page(None), "data is null where a record should be"),
        (
            "getNotes",
            page(None, more_items_in_collection=True),
            "data is null where records should be",
        ),
        ("getDeals", {"success": True}, "data is null where records should be"),
        ("getNotes", page(None, more_items_in_collection=False), None),
        ("getNotes", page(None), None),
        ("getLead", page(None), "data is null where a record should be"),
        ("getPermissionSet", {"id": "a", "name": "b"}, None),
        ("addFile", page(None), "data is null where a record should be"),
        ("addDeal", page(None), "data is null where a record should be"),
        ("convertDealToLead", page(None), "data is null where a record should be"),
        ("addManyDealProducts", page(None), "data is null where records should be"),
        ("updateDeal", page(None), None),
        ("deleteDeal", page(None), None),
    ],
)
def test_null_in_place_of_data_is_an_empty_list_of_v1_or_a_fault(
    key: str, envelope: dict[str, Any], said: str | None
) -> None:
    assert missing_data(get_action(key), envelope) == said


@pytest.mark.parametrize(
    ("action", "position", "envelope", "following"),
    [
        (CURSOR, {}, page(TWO, next_cursor="b"), {"cursor": "b"}),
        (CURSOR, {"cursor": "a"}, page(TWO, next_cursor="b"), {"cursor": "b"}),
        (CURSOR, {}, page([], next_cursor="b"), {"cursor": "b"}),  # v2 may answer an empty page that is not the last
        (CURSOR, {}, page(TWO, next_cursor=None), None),
        (CURSOR, {}, page(TWO, next_cursor=""), None),
        (CURSOR, {}, {"data": TWO}, None),
        (CURSOR, {}, {"data": TWO, "additional_data": None}, None),
        # v1, nested and flat; next_start is often missing, then the echoed start and limit count
        (OFFSET, {}, page(TWO, pagination={"start": 0, "limit": 2, "more_items_in_collection": True}), {"start": 2}),
        (OFFSET, {}, page(TWO, start=0, limit=2, more_items_in_collection=True), {"start": 2}),
        (OFFSET, {}, page(TWO, pagination={"more_items_in_collection": True, "next_start": 9}), {"start": 9}),
        (OFFSET, {"start": 100}, page(TWO, start=100, limit=50, more_items_in_collection=True), {"start": 150}),
        (OFFSET, {"start": 100}, page(TWO, more_items_in_collection=True), {"start": 102}),
        (OFFSET, {}, page(None, start=0, limit=2, more_items_in_collection=True), {"start": 2}),
        (OFFSET, {}, page(TWO, pagination={"start": 0, "limit": 2, "more_items_in_collection": False}), None),
        (OFFSET, {}, page(None), None),
        (OFFSET, {}, {"data": None}, None),
        # a list that does not say whether there is more: only a page shorter than the limit of 2 ends it
        (SHORT, {}, {"data": TWO}, {"start": 2}),
        (SHORT, {"start": 2}, {"data": TWO}, {"start": 4}),
        (SHORT, {}, {"data": TWO[:1]}, None),
        (SHORT, {}, {"data": None}, None),
        (UNPAGED, {}, {"data": TWO}, None),
    ],
)
def test_the_next_page(action: Any, position: Position, envelope: dict[str, Any], following: Position | None) -> None:
    walk = Walk(action, 2, position)
    assert (walk.position if walk.advance(envelope) else None) == following


@pytest.mark.parametrize(
    ("action", "position", "envelopes", "why"),
    [
        (CURSOR, {}, [page(TWO, next_cursor="a"), page(TWO, next_cursor="a")], "one that was read before"),
        (
            CURSOR,
            {},
            [page(TWO, next_cursor="a"), page(TWO, next_cursor="b"), page(TWO, next_cursor="a")],
            "one that was read before",
        ),
        (CURSOR, {"cursor": "a"}, [page(TWO, next_cursor="a")], "one that was read before"),
        (OFFSET, {"start": 2}, [page(TWO, start=0, limit=2, more_items_in_collection=True)], "start=2"),
        (OFFSET, {}, [page(None, more_items_in_collection=True)], "start=0"),
        (OFFSET, {}, [page(TWO, more_items_in_collection=True, next_start=0)], "start=0"),
    ],
)
def test_a_list_that_would_not_end_is_an_error_and_never_a_quiet_end(
    action: Any, position: Position, envelopes: list[dict[str, Any]], why: str
) -> None:
    walk = Walk(action, 2, position)
    *good, last = envelopes
    assert all(walk.advance(envelope) for envelope in good)
    with pytest.raises(PipedriveResponseError, match=why) as raised:
        walk.advance(last)
    assert raised.value.retryable is True


def test_ninety_nine_empty_pages_in_a_row_are_followed_the_hundredth_is_an_error() -> None:
    walk = Walk(CURSOR, 2)
    assert all(walk.advance(page([], next_cursor=f"a{number}")) for number in range(99))
    with pytest.raises(PipedriveResponseError, match="100 empty pages came in a row"):
        walk.advance(page([], next_cursor="b"))


def test_a_page_with_records_begins_the_count_of_empty_ones_anew() -> None:
    walk = Walk(CURSOR, 2)
    assert all(walk.advance(page([], next_cursor=f"a{number}")) for number in range(99))
    assert walk.advance(page(TWO, next_cursor="b"))
    assert all(walk.advance(page([], next_cursor=f"c{number}")) for number in range(99))


def test_empty_last_pages_end_the_walk_however_many_there_were_before() -> None:
    walk = Walk(CURSOR, 2)
    assert all(walk.advance(page([], next_cursor=f"a{number}")) for number in range(99))
    assert walk.advance(page([])) is False


@pytest.mark.parametrize(
    ("action", "data", "records"),
    [
        ("getDeals", TWO, TWO),
        ("getDeals", None, []),
        ("getUser", {"id": 1}, [{"id": 1}]),
        ("searchDeals", {"items": TWO}, TWO),
        ("searchDeals", {"items": None}, []),
        ("searchDeals", None, []),
    ],
)
def test_the_records_of_a_page(action: str, data: Any, records: list[Any]) -> None:
    assert records_in(get_action(action), {"data": data}) == records
