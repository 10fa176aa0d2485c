"""Options that rows name and that fields do not have: planned with the rest, made first, and never before the plan is
found to be within its bounds.

Until then an option is called ``$new:`` and its label; what is planned gets the id as soon as there is one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.bulk.journal import Journal, from_json, to_json
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.fields import EXPECTED

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.fields import FieldBook

log = logging.getLogger(__name__)
ADD_OPTIONS: Final = "add_options"
"""The action of an operation that adds options to a field: its ``id`` is the field's key, its ``fields`` the labels."""
_TABLES: Final = {"operations": "operation", "rows": "row"}
"""Where values may have such options, and what numbers them."""


class NewOptions:
    """Plans and adds options of one entity's fields."""

    def __init__(self, book: FieldBook, journal: Journal) -> None:
        self._book = book
        self._journal = journal

    def plan(self) -> None:
        """Plan the options that planned operations need; those of rows that were set aside are not made."""
        wanted: dict[str, dict[str, None]] = {}
        for _number, fields in self._waiting("operations"):
            for key, label in self._expected(fields):
                wanted.setdefault(key, {})[label] = None
        with self._journal.transaction():
            for key, labels in wanted.items():
                self._journal.run(
                    "INSERT INTO operations (phase, action, entity, key, fields, before) VALUES (0, ?, ?, ?, ?, '{}')",
                    [ADD_OPTIONS, self._book.entity, str(self._book.fields[key]), to_json({key: list(labels)})],
                )

    def add(self) -> None:
        """Add what is planned, but for what somebody, or an earlier try, has added since; then put ids everywhere."""
        planned = self._journal.run(
            "SELECT operation, fields FROM operations WHERE action = ? AND state = 'planned'", [ADD_OPTIONS]
        ).fetchall()
        if planned:
            self._book.reread()
        for number, fields in planned:
            [(key, labels)] = from_json(fields).items()
            known = set(self._book.fields[key].options.values())
            missing = [label for label in labels if label not in known]
            if missing:
                log.info("%s: adding %s to the field %s.", self._book.entity, counted(len(missing), "option"), key)
                self._book.add_options(self._book.fields[key], missing)
            self._journal.run(
                "UPDATE operations SET state = 'done', id = ? WHERE operation = ?", [to_json(key), number]
            )
        self.put_ids()

    def put_ids(self) -> None:
        """Put ids in place of the options that exist by now."""
        with self._journal.transaction():
            for table, numbered in _TABLES.items():
                for number, fields in self._waiting(table):
                    found = {name: self._with_ids(name, value) for name, value in fields.items()}
                    self._journal.run(f"UPDATE {table} SET fields = ? WHERE {numbered} = ?", [to_json(found), number])  # nosec B608 # names from `_TABLES`

    def _waiting(self, table: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """What has options without ids, some at a time: it is changed while it is read."""
        last = -1
        while chunk := self._journal.run(
            f"SELECT {_TABLES[table]}, fields FROM {table} WHERE {_TABLES[table]} > ? AND instr(fields, ?) "
            f"ORDER BY {_TABLES[table]} LIMIT 500",  # nosec B608 # names from `_TABLES`
            [last, EXPECTED],
        ).fetchall():
            for number, fields in chunk:
                last = number
                yield number, from_json(fields)

    def _expected(self, fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for key, value in fields.items():
            if key in self._book.fields and self._book.fields[key].kind.has_labels:
                for item in value if isinstance(value, list) else [value]:
                    if _is_expected(item):
                        yield key, item.removeprefix(EXPECTED)

    def _with_ids(self, key: str, value: Any) -> Any:
        field = self._book.fields.get(key)
        if field is None or not field.kind.has_labels:
            return value
        ids = {label: option for option, label in field.options.items()}
        if isinstance(value, list):
            return [_in_place(ids, item) for item in value]
        return _in_place(ids, value)


def _is_expected(value: Any) -> bool:
    return isinstance(value, str) and value.startswith(EXPECTED)


def _in_place(ids: Mapping[str, Any], value: Any) -> Any:
    return ids.get(value.removeprefix(EXPECTED), value) if _is_expected(value) else value
