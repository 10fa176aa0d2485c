"""Where the next page of a list is. Pure: given an answer, the next page's parameters, or none.

https://pipedrive.readme.io/docs/core-api-concepts-pagination
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.errors import PipedriveResponseError

MOST_EMPTY_PAGES = 100
Position = dict[str, str | int]
"""Where a walk stands, as plain data: ``{"cursor": ...}``, ``{"start": ...}``, or ``{}`` at the beginning."""


def records_in(action: Action, envelope: Mapping[str, Any]) -> list[Any]:
    """The records of one page. An empty v1 list comes as ``null``, a single one may come bare."""
    data = envelope.get("data")
    if action.records_path and isinstance(data, Mapping):
        data = data.get(action.records_path)
    if data is None:
        return []
    return data if isinstance(data, list) else [data]


class Walk:
    """One walk through a list's pages.

    :param limit: the page size asked for
    :param position: where to begin
    """

    def __init__(self, action: Action, limit: int | None, position: Position | None = None) -> None:
        self.position: Position = dict(position or {})
        self._action = action
        self._limit = limit
        self._seen = {self.position["cursor"]} if "cursor" in self.position else set()
        self._empty_pages = 0

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
            raise self._endless(f"{MOST_EMPTY_PAGES} empty pages came in a row, with more promised each time")
        self.position = following
        return True

    def _next(self, envelope: Mapping[str, Any], count: int) -> Position | None:
        extra = envelope.get("additional_data")
        extra = extra if isinstance(extra, Mapping) else {}
        cursor = extra.get("next_cursor")
        if cursor:
            return self._at_cursor(str(cursor))
        if self._action.paging is not None and self._action.paging.style == "short_page":
            return self._after_full_page(count)
        nested = extra.get("pagination")
        paging = nested if isinstance(nested, Mapping) else extra
        return self._at_offset(paging, count) if paging.get("more_items_in_collection") else None

    def _at_cursor(self, cursor: str) -> Position:
        if cursor in self._seen:
            raise self._endless("the cursor of the next page is one that was read before")
        self._seen.add(cursor)
        return {"cursor": cursor}

    def _after_full_page(self, count: int) -> Position | None:
        if not count or (self._limit is not None and count < self._limit):
            return None
        return {"start": int(self.position.get("start", 0)) + count}

    def _at_offset(self, paging: Mapping[str, Any], count: int) -> Position:
        asked = int(self.position.get("start", 0))
        echoed = _whole(paging.get("start"))
        following = _whole(paging.get("next_start"))
        if following is None:
            step = _whole(paging.get("limit")) or count
            following = (asked if echoed is None else echoed) + step
        if following <= asked:
            raise self._endless(f"more is promised after start={asked}, but the next page would be start={following}")
        return {"start": following}

    def _endless(self, why: str) -> PipedriveResponseError:
        return PipedriveResponseError(
            f"{self._action.key}: the list's pages contradict each other: {why}. What was read so far is not the "
            "whole list. Try again; if it happens again, tell Pipedrive's support.",
            action=self._action.key,
            retryable=True,
        )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
