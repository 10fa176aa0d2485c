"""Groups in a file that a person decides about in a spreadsheet: a line a record, a column for the word."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from airflow_provider_pipedrive.bulk.duplicates.finding import DuplicateGroup
from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.output.csv_file import escape_formula

COLUMNS: Final = (
    *("group", "approved", "survivor", "entity", "id", "name", "emails", "phones", "organization", "website"),
    *("address", "value", "added", "score", "reasons", "link"),
)
_YES: Final = ("yes", "y", "true", "1", "x", "ja", "oui", "si", "sí", "tak")
_NO: Final = ("", "no", "n", "false", "0", "nein", "non", "nie")


def write_review(groups: Iterable[DuplicateGroup], path: Any) -> int:
    """Write groups into a CSV file for a person to decide.

    Whoever reviews it writes ``yes`` into ``approved`` of any line of a group, and perhaps into ``survivor`` of the
    record that is to stay. Texts that a spreadsheet would take for a formula begin with an apostrophe.

    :param path: a local path, or one in object storage, with ``open``
    :returns: how many groups there are
    """
    number = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for number, group in enumerate(groups, 1):
            for record in group["records"]:
                writer.writerow({"group": number, "approved": "", "survivor": "", **_line(group, record)})
    return number


def _line(group: DuplicateGroup, record: Mapping[str, Any]) -> dict[str, Any]:
    value = record.get("value")
    amount = value if isinstance(value, Mapping) else {"amount": value, "currency": record.get("currency")}
    address = record.get("address")
    shown = {
        "entity": group["entity"],
        "id": record["id"],
        "name": record.get("name", record.get("title")),
        "emails": _joined(record.get("emails")),
        "phones": _joined(record.get("phones")),
        "organization": record.get("org_id", record.get("organization_id")),
        "website": record.get("website"),
        "address": address.get("value") if isinstance(address, Mapping) else address,
        "value": f"{amount['amount']} {amount['currency'] or ''}".strip() if amount["amount"] else None,
        "added": record.get("add_time"),
        "score": group["score"],
        "reasons": ", ".join(group["reasons"]),
        "link": record.get("link"),
    }
    return {name: escape_formula(value) for name, value in shown.items() if value is not None}


def _joined(entries: Any) -> str | None:
    return ", ".join(str(entry.get("value") or "") for entry in entries or ()) or None


def approved_groups(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The groups that a review approves: ``ids``, and ``survivor`` or None.

    :param rows: the lines of a review, as :func:`~airflow_provider_pipedrive.bulk.files.read_rows` reads them
    :raises PipedriveParameterError: a line is not one of a review, or a group is left with a single record, or it has
        two survivors
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for number, row in enumerate(rows, 1):
        if missing := [name for name in ("group", "approved", "id") if name not in row]:
            raise PipedriveParameterError(f"Row {number} of the review has no column {missing[0]!r}.")
        groups.setdefault(str(row["group"]).strip(), []).append(row)
    for name, lines in groups.items():
        if not any(_is_yes(name, "approved", line["approved"]) for line in lines):
            continue
        ids = list(dict.fromkeys(_identity(line["id"]) for line in lines))
        chosen = [_identity(line["id"]) for line in lines if _is_yes(name, "survivor", line.get("survivor"))]
        if len(chosen) > 1:
            raise PipedriveParameterError(f"Group {name} of the review has {len(chosen)} survivors: choose one.")
        if len(ids) < 2:
            raise PipedriveParameterError(f"Group {name} of the review is approved and has a single record.")
        yield {"ids": ids, "survivor": chosen[0] if chosen else None}


def _is_yes(group: str, column: str, value: Any) -> bool:
    text = str("" if value is None else value).strip().lower()
    if text not in (*_YES, *_NO):
        raise PipedriveParameterError(f"{column} of group {group} must be yes or no, not {value!r}.")
    return text in _YES


def _identity(value: Any) -> Any:
    """A record's id: leads have texts, everything else numbers."""
    number = whole_number(value)
    return str(value).strip() if number is None else number
