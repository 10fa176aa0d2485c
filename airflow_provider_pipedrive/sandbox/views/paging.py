"""Pages: v2's signed cursors, and v1's offsets in their two envelopes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response
from airflow_provider_pipedrive.sandbox.state import json_text
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.v2 import definitions_version

_SIGNING_KEY = b"the sandbox's cursors"
_DEFAULT_LIMIT = 100

FLAT_OFFSET = frozenset(
    {
        "getArchivedDealsV1",
        "getArchivedLeads",
        "getPipelineDealsV1",
        "getStageDealsV1",
    }
)
"""v1 lists whose paging is flat in ``additional_data``: their schemas say so, and nobody has shown them nested."""


@dataclass(frozen=True, slots=True)
class Listing:
    """Records in order, with the pairs (sort value, id) by which a cursor finds its place."""

    records: list[Record]
    keys: list[tuple[Any, Any]]

    def between(self, low: tuple[Any, Any] | None, high: tuple[Any, Any] | None) -> list[Record]:
        """The records from one pair on and before another."""
        start = bisect_left(self.keys, low) if low else 0
        return self.records[start : bisect_left(self.keys, high) if high else None]


def ordered(records: list[Record], sort_by: str) -> Listing:
    """Records ascending by a field; a field without a value comes first."""
    pairs = sorted(((sort_key(r.get(sort_by)), r["id"]), n) for n, r in enumerate(records))
    return Listing([records[n] for _, n in pairs], [key for key, _ in pairs])


def sort_key(value: Any) -> Any:
    """What a value is sorted by: texts without regard to case, no value before all others."""
    return (0, "") if value is None else (1, value.lower() if isinstance(value, str) else value)


def encode_cursor(sort_by: str, direction: str, key: tuple[Any, Any], variant: int = 0) -> str:
    """An opaque text that names the last row of a page; another ``variant`` is another text for the same place."""
    body = msgspec.json.encode([sort_by, direction, key, variant])
    signature = hmac.new(_SIGNING_KEY, body, hashlib.sha256).digest()[:6]
    return base64.urlsafe_b64encode(signature + body).rstrip(b"=").decode()


def decode_cursor(cursor: str, sort_by: str, direction: str) -> tuple[Any, Any]:
    """The last row that a cursor names.

    :raises Refusal: it was not made here, or for another order
    """
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        signature, body = raw[:6], raw[6:]
        if not hmac.compare_digest(signature, hmac.new(_SIGNING_KEY, body, hashlib.sha256).digest()[:6]):
            raise ValueError("signature")
        of, towards, (value, key), _ = msgspec.json.decode(body)
    except ValueError:
        raise refusals.invalid("cursor", "'cursor' is not valid") from None
    if (of, towards) != (sort_by, direction):
        raise refusals.invalid("cursor", "'cursor' belongs to a request with another order")
    return tuple(value), key


def same_place(request: Request, variant: int) -> str:
    """A cursor that leads to the very page that this request asks for."""
    sort_by, direction = request.args.get("sort_by", "id"), request.args.get("sort_direction", "asc")
    cursor = request.args.get("cursor")
    start = ((-1, ""), 0) if direction == "asc" else ((2, ""), 0)
    return encode_cursor(sort_by, direction, decode_cursor(cursor, sort_by, direction) if cursor else start, variant)


def cut(
    listing: Listing, request: Request, sort_by: str, direction: str, limit: int
) -> tuple[list[Record], str | None]:
    """The page that the request's cursor asks for, and the next cursor."""
    count = len(listing.records)
    cursor = request.args.get("cursor")
    after = decode_cursor(cursor, sort_by, direction) if cursor else None
    if direction == "asc":
        start = bisect_right(listing.keys, after) if after else 0
        stop = min(start + limit, count)
        page, more = listing.records[start:stop], stop < count
    else:
        stop = bisect_left(listing.keys, after) if after else count
        start = max(0, stop - limit)
        page, more = listing.records[start:stop][::-1], start > 0
    if not more or not page:
        return page, None
    last = page[-1]
    return page, encode_cursor(sort_by, direction, (sort_key(last.get(sort_by)), last["id"]))


def cursor_response(
    request: Request, records: list[Record], view: Callable[[Record], Any], sort_by: str = "id"
) -> Response:
    """One page of a list that is made again for each request."""
    by = request.args.get("sort_by", sort_by)
    direction = request.args.get("sort_direction", "asc")
    page, cursor = cut(ordered(records, by), request, by, direction, request.args.get("limit", _DEFAULT_LIMIT))
    return Response(
        {"success": True, "data": [view(record) for record in page], "additional_data": {"next_cursor": cursor}}
    )


def position_response(request: Request, items: list[Any]) -> Response:
    """One page of a list without ids of its own, by position."""
    numbered = [{"id": number, "item": item} for number, item in enumerate(items)]
    return cursor_response(request, numbered, lambda row: row["item"])


def stored_response(
    state: State, request: Request, table: str, listing: Listing, view: Callable[[Record], Any], usual: bool
) -> Response:
    """One page of a table. In the usual view the records' serialised form is kept and reused."""
    sort_by = request.args.get("sort_by", "id")
    direction = request.args.get("sort_direction", "asc")
    page, cursor = cut(listing, request, sort_by, direction, request.args.get("limit", _DEFAULT_LIMIT))
    if usual:
        data = state.encode(table, page, view, definitions_version(state, table))
    else:
        data = json_text.encode([view(record) for record in page])
    end = msgspec.json.encode({"next_cursor": cursor})
    return Response(content=b'{"success":true,"data":' + data + b',"additional_data":' + end + b"}")


def offset_place(start: int, limit: int, more: bool) -> dict[str, Any]:
    """Where a page of v1 is. ``next_start`` is there wherever more is promised: clients rely on it.

    https://pipedrive.readme.io/docs/core-api-concepts-pagination
    """
    place: dict[str, Any] = {"start": start, "limit": limit, "more_items_in_collection": more}
    return {**place, "next_start": start + limit} if more else place


def offset_response(
    request: Request,
    records: list[Any],
    view: Callable[[Any], Any] = lambda record: record,
    related: Callable[[list[Any]], Any] | None = None,
    **extra: Any,
) -> Response:
    """One page of a v1 list. An empty one is ``null``."""
    assert request.action is not None
    start = max(0, request.args.get("start", 0))
    limit = request.args.get(
        "limit", min(_DEFAULT_LIMIT, request.action.paging.max_limit if request.action.paging else 100)
    )
    page = records[start : start + limit]
    more = start + limit < len(records)
    paging = offset_place(start, limit, more)
    document: dict[str, Any] = {"success": True, "data": [view(record) for record in page] or None}
    if request.action.paging is None or request.action.paging.style != "short_page":
        document["additional_data"] = {
            **extra,
            **(paging if request.action.key in FLAT_OFFSET else {"pagination": paging}),
        }
    if related:
        document["related_objects"] = related(page)
    return Response(document)


def by_sort_text(records: list[Record], text: str | None, allowed: tuple[str, ...]) -> list[Record]:
    """Records in v1's order, e.g. ``update_time DESC, id ASC``; fields that cannot be sorted by are ignored."""
    for part in reversed([part.split() for part in (text or "").split(",") if part.strip()]):
        name = part[0]
        if name in allowed:
            records = sorted(
                records,
                key=lambda record: sort_key(record.get(name)),
                reverse=len(part) > 1 and part[1].upper() == "DESC",
            )
    return records
