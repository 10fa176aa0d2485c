"""Where the next page of a list is, and the one walk through all of them. Nothing in here sends anything.

https://pipedrive.readme.io/docs/core-api-concepts-pagination
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.errors import PipedriveResponseError

T = TypeVar("T")
MOST_EMPTY_PAGES = 100
MOST_RESTARTS = 20
"""How often the walk through a list by offset may be thrown back to its beginning before it gets any further."""
REMEMBERED = 100_000
"""Identities that such a walk keeps, the latest ones: what comes twice comes soon."""
Position = dict[str, str | int]
"""Where a walk is, as plain data: ``{"cursor": ...}``, ``{"start": ...}``, or ``{}`` at the beginning; with ``limit``
where this page has another size than the others."""


def records_in(action: Action, envelope: Mapping[str, Any]) -> list[Any]:
    """The records of one page. An empty v1 list comes as ``null``, a single one may come bare."""
    data = envelope.get("data")
    if action.records_path and isinstance(data, Mapping):
        data = data.get(action.records_path)
    if data is None:
        return []
    return data if isinstance(data, list) else [data]


def missing_data(action: Action, envelope: Mapping[str, Any]) -> str | None:
    """What is wrong with a good answer whose ``data`` is null; ``None`` where nothing is.

    Taken for an empty list, it would lose what is on its page. Only v1 answers so where a list is empty. Of a write,
    the answer to a POST and to an upload is needed: it has the id of what was made.
    """
    is_v1, is_read = action.version == "v1", action.method == "GET"
    is_needed = is_read or action.method == "POST"
    if envelope.get("data") is not None or (is_v1 and "data" not in envelope):
        return None  # v1 has records without an envelope
    if (action.result == "record" and is_needed) or action.result == "upload":
        return "data is null where a record should be"
    if action.result != "records" or not is_needed:
        return None
    if is_v1 and is_read and not _offsets(envelope).get("more_items_in_collection"):
        return None
    return "data is null where records should be"


def may_be_broken(action: Action, query: Mapping[str, Any], position: Position, envelope: Mapping[str, Any]) -> bool:
    """Whether an empty answer of a list is to be looked at a second time, and the second one believed.

    Null is what v1 says where a list is empty, and what a broken answer says: taken for an empty list, leads that are
    there would be made twice. A window without edits and the list of one parent are empty too often to be read twice:
    they are believed if the answer says where its page is, as each recorded answer of an empty list by offset does.
    """
    is_whole = "updated_since" not in query and "{" not in action.path
    lacks_place = action.paging is not None and action.paging.style == "offset" and not _offsets(envelope)
    return action.version == "v1" and (is_whole or bool(position) or lacks_place)


def sorted_by_id(action: Action) -> dict[str, str]:
    """The parameters of a list with which no edit moves a record; none where it takes none, or is sorted so by itself.

    Requests of callers are left as they are: another order would give them other first records.
    """
    return {"sort": "id ASC"} if "sort" in action.by_name else {}


class Walk:
    """One walk through a list's pages.

    :param limit: the page size asked for, where :attr:`position` has none of its own
    :param position: where to begin
    """

    def __init__(self, action: Action, limit: int | None, position: Position | None = None) -> None:
        self.position: Position = dict(position or {})
        self._action = action
        self._limit = limit
        self._seen = {self.position["cursor"]} if "cursor" in self.position else set()
        self._empty_pages = 0

    @property
    def start(self) -> int:
        """The offset of the page at :attr:`position`."""
        return int(self.position.get("start", 0))

    def is_by_cursor(self, envelope: Mapping[str, Any]) -> bool:
        """Whether a page belongs to a list that keeps its place by a cursor, which need not be declared as one."""
        declared = self._action.paging is not None and self._action.paging.style == "cursor"
        return declared or "cursor" in self.position or bool(_additional(envelope).get("next_cursor"))

    def advance(self, envelope: Mapping[str, Any]) -> bool:
        """Take note of a page; whether there is another one, at :attr:`position`.

        An empty page with a next cursor is followed: v2 may answer one that is not the last.

        :raises PipedriveResponseError: the list would not end: a cursor seen before, an offset that does not grow,
            or a hundred empty pages in a row
        """
        count = len(records_in(self._action, envelope))
        following = self._next(envelope, count)
        if following is None:
            return False
        self._empty_pages = 0 if count else self._empty_pages + 1
        if self._empty_pages >= MOST_EMPTY_PAGES:
            raise endless(self._action, f"{MOST_EMPTY_PAGES} empty pages came in a row, with more promised each time")
        self.position = following
        return True

    def _next(self, envelope: Mapping[str, Any], count: int) -> Position | None:
        cursor = _additional(envelope).get("next_cursor")
        if cursor:
            return self._at_cursor(str(cursor))
        paging = _offsets(envelope)
        more = paging.get("more_items_in_collection")
        if more is None and _whole(paging.get("next_start")) is None:  # the answer does not say
            return self._after_full_page(count) if _ends_by_a_short_page(self._action) else None
        return self._at_offset(paging, count) if more is None or more else None

    def _at_cursor(self, cursor: str) -> Position:
        if cursor in self._seen:
            raise endless(self._action, "the cursor of the next page is one that was read before")
        self._seen.add(cursor)
        return {"cursor": cursor}

    def _after_full_page(self, count: int) -> Position | None:
        limit = self.position.get("limit", self._limit)
        if not count or (limit is not None and count < int(limit)):
            return None
        return {"start": self.start + count}

    def _at_offset(self, paging: Mapping[str, Any], count: int) -> Position:
        asked = self.start
        echoed = _whole(paging.get("start"))
        following = _whole(paging.get("next_start"))
        if following is None:
            step = _whole(paging.get("limit")) or count
            following = (asked if echoed is None else echoed) + step
        if following <= asked:
            raise endless(
                self._action, f"more is promised after start={asked}, but the next page would be start={following}"
            )
        return {"start": following}


@dataclass(frozen=True)
class Look:
    """What the walk must know of a page.

    :ivar envelope: says where the next page is
    :ivar count: of its records
    :ivar identify: makes of each record what tells it from the others (bytes where only its content does), and its
        version. The content of all fields will not do for that: some, such as signed addresses, differ each time
    """

    envelope: Mapping[str, Any]
    count: int
    identify: Callable[[], Sequence[tuple[Hashable, Hashable]]]

    @cached_property
    def records(self) -> Sequence[tuple[Hashable, Hashable]]:
        """Identity and version of each record. Lists by cursor need none."""
        return self.identify()

    @property
    def identities(self) -> list[Hashable]:
        """What tells each record from the others."""
        return [identity for identity, _ in self.records]


def look_at(action: Action, envelope: Mapping[str, Any]) -> Look:
    """What the walk must know of a parsed answer."""
    records = records_in(action, envelope)
    return Look(envelope, len(records), lambda: [(_identity(record), _version(record)) for record in records])


def walk_pages(
    action: Action,
    limit: int | None,
    read: Callable[[Position], T],
    look: Callable[[T], Look],
    *,
    position: Position | None = None,
    by_id: bool = False,
) -> Iterator[tuple[T, list[int]]]:
    """Every page of a list, each with the places of those records on it that have not come before.

    A cursor keeps its place. An offset counts what is there now: a record deleted meanwhile, or moved by an edit,
    shifts all that follow. Each page by offset therefore begins with the record that the page before ended with, and is
    one larger where that is allowed. Where that record is not there, the walk goes back until it meets what it knows.
    Where records have come in before it, it looks for them in the end: an edit may have moved one there that was still
    to be read.

    :param limit: the page size asked for; ``None`` where the list takes none
    :param read: reads the page at a position
    :param by_id: the list is sorted by id: no edit moves a record
    :raises PipedriveResponseError: the list would not end
    """
    walk = Walk(action, limit, position)
    stitches = _Stitches(action, limit, walk.start, by_id=by_id)
    more = True
    while more:
        page = read(dict(walk.position))
        seen = look(page)
        if walk.is_by_cursor(seen.envelope):
            more = walk.advance(seen.envelope)
            yield page, list(range(seen.count))
        elif (earlier := stitches.misses(walk.start, seen)) is not None:
            walk.position = {"start": earlier}
        else:
            fresh = stitches.join(walk.start, seen)
            if more := walk.advance(seen.envelope):
                walk.position = stitches.following(walk.start)
            yield page, fresh
    if not by_id:
        yield from stitches.what_came_in(read, look)


class _Stitches:
    """Holds the pages of a list by offset together.

    :param first: the offset that the walk begins at
    :param by_id: an edit gives a record another version, but no other place
    """

    def __init__(self, action: Action, limit: int | None, first: int, *, by_id: bool) -> None:
        self._action = action
        self._limit = limit
        self._first = first
        self._by_id = by_id
        self._before: Sequence[Hashable] = ()
        self._before_at = first
        self._overlaps = False
        self._is_wider = False
        self._must_join = False
        self._has_moved = False
        self._furthest = first
        self._restarts = 0
        self._came_in = 0
        self._known: dict[Hashable, None] = {}

    def misses(self, start: int, seen: Look) -> int | None:
        """The earlier offset to read from where a page does not join what was read; ``None`` where it does.

        :raises PipedriveResponseError: the list has no order that lasts
        """
        if start <= self._first or not self._must_join or not _is_as_asked(start, seen) or self._joins(seen):
            return None
        self._has_moved = True
        place = self._place_before(seen)
        if place is not None:
            self._came_in += max(0, start - self._before_at - place)
            return None
        self._overlaps = self._is_wider = False
        last = self._before_at + len(self._before) - 1  # sooner than promised, where a page was shorter than it said
        step = max(1, (self._limit or len(self._before)) // 2)
        earlier = last if last < start else max(self._first, start - step)
        if earlier == self._first:
            self._restarts += 1
            if self._restarts > MOST_RESTARTS:
                raise endless(self._action, "its records come in another order each time")
        return earlier

    def join(self, start: int, seen: Look) -> list[int]:
        """Take note of a page; the places of its records that are new."""
        fresh = self._new_ones(seen, skipped=int(self._joins(seen)))
        if start > self._furthest:
            self._furthest, self._restarts = start, 0
        self._before, self._before_at = self._marks(seen), start
        return fresh

    def following(self, following: int) -> Position:
        """Where the next page is: from the last record of the page before it on, if that is a step ahead at all."""
        start = self._before_at
        largest = self._action.paging.max_limit if self._action.paging is not None else 0
        was_wider, self._is_wider = self._is_wider, self._limit is not None and self._limit < largest
        self._overlaps = bool(self._before) and (
            following - 1 > start or (following - 1 == start and self._is_wider and not was_wider)
        )
        self._must_join = self._overlaps
        if not self._overlaps:
            self._is_wider = False
            return {"start": following}
        if self._is_wider and self._limit is not None:
            return {"start": following - 1, "limit": self._limit + 1}
        return {"start": following - 1}

    def what_came_in(self, read: Callable[[Position], T], look: Callable[[T], Look]) -> Iterator[tuple[T, list[int]]]:
        """Pages with records that were not there, or still to come, when their place was read."""
        walk = Walk(self._action, self._limit, {"start": self._first} if self._first else None)
        more = self._came_in > 0
        while more:
            page = read(dict(walk.position))
            seen = look(page)
            fresh = self._new_ones(seen)
            self._came_in -= len(fresh)
            more = walk.advance(seen.envelope) and (self._came_in > 0 or bool(fresh))
            if fresh:
                yield page, fresh

    def _marks(self, seen: Look) -> Sequence[Hashable]:
        return seen.identities if self._by_id else seen.records

    def _joins(self, seen: Look) -> bool:
        return self._overlaps and self._marks(seen)[:1] == self._before[-1:]

    def _place_before(self, seen: Look) -> int | None:
        """Where on the page before this one's first record was."""
        first = self._marks(seen)[:1]
        return next((at for at, mark in enumerate(self._before) if [mark] == first), None)

    def _new_ones(self, seen: Look, *, skipped: int = 0) -> list[int]:
        """The places of records that no page before had. Two with the same content may be two, unless the list has
        moved."""
        fresh = [
            at
            for at, identity in enumerate(seen.identities)
            if at >= skipped and (identity not in self._known or (isinstance(identity, bytes) and not self._has_moved))
        ]
        self._known.update(dict.fromkeys(seen.identities))
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
        return fresh


def _is_as_asked(start: int, seen: Look) -> bool:
    """Whether a page begins where it was asked to; one that says otherwise is part of a list with fixed pages."""
    said = _whole(_offsets(seen.envelope).get("start"))
    return said is None or said == start


def _identity(record: Any) -> Hashable:
    """The id, with the kind of record where a list has several kinds; else the content.

    A flow wraps its entries (``{"object": ..., "timestamp": ..., "data": {"id": ...}}``), a search its finds
    (``{"item": {"id": ..., "type": ...}}``).
    """
    if isinstance(record, Mapping):
        inner: Mapping[str, Any] = next(
            (record[name] for name in ("data", "item") if isinstance(record.get(name), Mapping)), {}
        )
        number = record.get("id", inner.get("id"))
        kind = [record.get("item"), record.get("object"), record.get("timestamp"), inner.get("type")]
        if isinstance(number, int | str):
            return (number, *(one for one in kind if isinstance(one, str)))
    content = json.dumps(record, sort_keys=True, default=str).encode()
    return hashlib.blake2b(content, digest_size=16).digest()


def _version(record: Any) -> str | None:
    updated = record.get("update_time") if isinstance(record, Mapping) else None
    return updated if isinstance(updated, str) else None


def endless(action: Action, why: str) -> PipedriveResponseError:
    """The error for a list that would not end."""
    return PipedriveResponseError(
        f"{action.key}: the list's pages contradict each other: {why}. What was read so far is not the "
        "whole list. Try again; if it happens again, tell Pipedrive's support.",
        action=action.key,
        retryable=True,
    )


def _ends_by_a_short_page(action: Action) -> bool:
    return action.paging is not None and action.paging.style == "short_page"


def _additional(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    extra = envelope.get("additional_data")
    return extra if isinstance(extra, Mapping) else {}


def _offsets(envelope: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an answer says of its offsets: in two places, by Pipedrive's lists."""
    extra = _additional(envelope)
    nested = extra.get("pagination")
    return nested if isinstance(nested, Mapping) else extra


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
