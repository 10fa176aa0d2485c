"""The company that the sandbox begins with, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)


V2_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


V1_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"


MILLISECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"


Company = dict[str, dict[Any, dict[str, Any]]]


def deals_with(company: Company, **wanted: Any) -> Iterator[dict[str, Any]]:
    for deal in company["deals"].values():
        if all(deal[name] == value for name, value in wanted.items()):
            yield deal


def plain(moment: str) -> str:
    """A time of any of the three formats as ``2026-01-31 12:00:00``."""
    return moment[:19].replace("T", " ")
