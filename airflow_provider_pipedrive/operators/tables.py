"""Tables that people read before they decide, in the Markdown that Airflow shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

_LONGEST = 80
_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~<>&@:.-])")
_ADDRESS = re.compile(r"(//|@|(?<=www)\.)")
"""Where addresses of the web and of mail begin, which Airflow's Markdown makes links of even where they are escaped: a
word joiner, which nobody sees, keeps it from that."""
_NOT_SHOWN = re.compile(r"[\x00-\x1f\x7f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
"""Control characters and line breaks, and what turns the direction of a text: a name must not change what is around
it."""


def plain_text(value: Any, longest: int = _LONGEST) -> str:
    """A value as Markdown that shows it as it is: markup, links and table cells of its own have no effect."""
    if value is None or value == "" or value == []:
        return r"\-"
    if isinstance(value, list):  # of addresses and numbers, what they are
        value = ", ".join(str(item.get("value", item) if isinstance(item, Mapping) else item) for item in value)
    text = _NOT_SHOWN.sub(" ", str(value))
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return _SPECIAL.sub(r"\\\1", _ADDRESS.sub("\u2060\\1", text))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells, which are Markdown already, as a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def changes_table(
    records: Iterable[Mapping[str, Any]], most: int, page_of: Callable[[Any], str | None] = lambda identity: None
) -> str:
    """What is to become of records, a line for each field.

    :param records: as ``diff.jsonl`` of a bulk run has them: ``id``, ``key``, ``action``, ``before``, ``after``
    :param most: how many lines to show
    :param page_of: the address of a record's page in Pipedrive, by its id
    """
    lines = [line for record in records for line in _lines(record, page_of(record.get("id")))]
    text = table(["Action", "Record", "Field", "Before", "After"], lines[:most])
    return text if len(lines) <= most else f"{text}\n\n… and more."


def _lines(record: Mapping[str, Any], page: str | None) -> list[list[str]]:
    before, after = record.get("before") or {}, record.get("after") or {}
    action = str(record.get("action") or ("update" if before else "create"))
    known = dict.fromkeys(str(part) for part in (record.get("id"), record.get("key")) if part is not None)
    named = plain_text(" · ".join(known))
    named = f"[{named}]({page})" if page else named
    fields = [
        [plain_text(name), plain_text(before.get(name)), "" if action == "delete" else plain_text(after.get(name))]
        for name in dict.fromkeys([*before, *after])
    ]
    return [[f"**{action}**", named, *cells] for cells in fields or [["", "", ""]]]
