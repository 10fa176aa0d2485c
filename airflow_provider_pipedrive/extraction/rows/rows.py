"""Records become rows, fast: what can be told from the columns alone is worked out once, not for every record.

A row starts as a dictionary with every column, into which the record is laid in one go; only what has another place or
another form in the record is then handled one by one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

import msgspec

from airflow_provider_pipedrive.extraction.rows.columns import CUSTOM, OTHER, Column

Record = dict[str, Any]
Row = dict[str, Any]
Convert = Callable[[Any], Any]


_SAME = ("string", "date", "time", "json", "list")
"""Types whose values v1 writes as v2 does."""
_NUMBER = re.compile(r"-?\d+(\.\d+)?", re.ASCII)
_FLAGS = {0: False, 1: True, "0": False, "1": True, "false": False, "true": True}


class RowMapper:
    """How records of one entity become rows.

    :param columns: the columns, ``other`` last
    :param version: whose values the records have: v1's are brought into the form of v2's
    """

    def __init__(self, columns: Iterable[Column], version: Literal["v1", "v2"]) -> None:
        columns = list(columns)
        names = {column.name for column in columns}
        roots = {column.path[0] for column in columns if column.path} | {CUSTOM}
        labelled = {column.path for column in columns if column.labels is not None}
        self._template: Row = dict.fromkeys(column.name for column in columns)
        self._misplaced = tuple(roots - names)
        self._overlaid = tuple(column.name for column in columns if column.name in roots - set(column.path[:1]))
        self._custom = None if CUSTOM in names else _CustomFieldsMapper(columns)
        self._converted: list[tuple[str, str, Convert]] = []
        self._parts: dict[str, dict[str, str]] = {}
        for column in columns:
            root = column.path[0] if column.path else CUSTOM
            if root == CUSTOM:
                continue
            if len(column.path) == 2:
                self._parts.setdefault(root, {})[column.path[1]] = column.name
                continue
            convert = conversion(column, version, labelled=column.path in labelled)
            if convert or column.name != root:
                self._converted.append((column.name, root, convert or _same))
        given = given_labels(columns)
        self._given = tuple(step for step in self._converted if given is not None and step[0] == given.name)
        self._known = frozenset(roots | {name for name, _, _ in self._given})

    def rows(self, records: Iterable[Record]) -> list[Row]:
        """The rows of these records, in their order."""
        rows = []
        template, known, misplaced, overlaid = self._template, self._known, self._misplaced, self._overlaid
        converted, given, parts, custom = self._converted, self._given, self._parts.items(), self._custom
        for record in records:
            other: Record = {}
            if not known.issuperset(record):
                other = {key: value for key, value in record.items() if key not in known}
                record = {key: value for key, value in record.items() if key in known}
            row = template | record
            for key in misplaced:
                row.pop(key, None)
            for key in overlaid:
                row[key] = None
            for name, key, convert in converted:
                value = record.get(key)
                row[name] = None if value is None else convert(value)
            for name, _, convert in given:
                if record.get(name) is not None:
                    row[name] = convert(record[name])
            for key, names in parts:
                value = record.get(key)
                if value is not None and (beyond := _lay_out(row, names, value)):
                    other[key] = beyond
            if custom and (values := record.get(CUSTOM)) and (beyond := custom.fill(row, values)):
                other[CUSTOM] = beyond
            if other:
                row[OTHER] = other
            rows.append(row)
        return rows


class _CustomFieldsMapper:
    """How ``custom_fields`` are laid into a row."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._plain: list[tuple[str, str]] = []
        self._converted: list[tuple[str, str, Convert]] = []
        self._parts: dict[str, dict[str, str]] = {}
        for column in columns:
            if column.path[:1] != (CUSTOM,):
                continue
            code = column.path[1]
            if len(column.path) == 3:
                self._parts.setdefault(code, {})[column.path[2]] = column.name
            elif convert := conversion(column, "v2", labelled=False):
                self._converted.append((column.name, code, convert))
            else:
                self._plain.append((column.name, code))
        self._known = frozenset(
            {code for _, code in self._plain} | {code for _, code, _ in self._converted} | set(self._parts)
        )

    def fill(self, row: Row, values: Any) -> Any:
        """Lay the values into the row; what no column knows is returned."""
        if values.__class__ is not dict:
            return values
        get = values.get
        for name, code in self._plain:
            row[name] = get(code)
        for name, code, convert in self._converted:
            value = get(code)
            row[name] = None if value is None else convert(value)
        beyond: Record = {}
        for code, names in self._parts.items():
            value = get(code)
            if value is not None and (rest := _lay_out(row, names, value)):
                beyond[code] = rest
        if not self._known.issuperset(values):
            beyond |= {code: value for code, value in values.items() if code not in self._known}
        return beyond


def _lay_out(row: Row, names: dict[str, str], value: Any) -> Record | None:
    """Lay the parts of an object into their columns; those that have none are returned."""
    if value.__class__ is not dict:
        row[next(iter(names.values()))] = value
        return None
    get = value.get
    for part, name in names.items():
        row[name] = get(part)
    if names.keys() >= value.keys():
        return None
    return {part: item for part, item in value.items() if part not in names}


def conversion(column: Column, version: str, *, labelled: bool) -> Convert | None:
    """What a column's values have to go through, or None where they stay as they are.

    :param labelled: whether labels are made of the same values
    """
    if column.labels is not None:
        return many_labels(column.labels) if column.type == "list" else one_label(column.labels)
    if labelled:
        return ids
    if version == "v2" or column.type in _SAME:
        return None
    return {"timestamp": utc, "boolean": _flag, "integer": _integer, "number": _number}[column.type]


def given_labels(columns: Iterable[Column]) -> Column | None:
    """The column of labels that a record may have under its own name: ``include_labels`` puts the labels themselves
    next to the ids, and they are Pipedrive's newest word."""
    return next((each for each in columns if each.name == "labels" and each.path == ("label_ids",)), None)


class LabelledOption(msgspec.Struct, gc=False):
    """An option as ``{id, label}``, read in less time and memory than a dictionary."""

    id: int | str | None = None
    label: str | None = None


class _LabelColumn(dict[Any, Any]):
    """Labels by option id, as number and as text; of an option that is no more, the id as text."""

    def __init__(self, labels: Mapping[str, str]) -> None:
        super().__init__(labels)
        self |= {int(key): label for key, label in labels.items() if key.isascii() and key.isdigit()}
        self |= {None: None, "": None}

    def __missing__(self, key: Any) -> str:
        return str(key)


def one_label(labels: Mapping[str, str]) -> Convert:
    """Reads the value of a single-option field: an id as number or text, or ``{id, label}``."""
    by_id = _LabelColumn(labels)
    return lambda value: _label(value, by_id)


def many_labels(labels: Mapping[str, str]) -> Convert:
    """Reads the value of a multiple-option field: a list of ids or of ``{id, label}``, or v1's ``"123,456"``."""
    by_id = _LabelColumn(labels)

    def read(value: Any) -> list[Any] | None:
        if value.__class__ is list:
            return [_label(item, by_id) for item in value]
        if value.__class__ in (dict, LabelledOption):
            return [_label(value, by_id)]
        return [by_id[part.strip()] for part in str(value).split(",")] if value != "" else None

    return read


def _label(option: Any, by_id: _LabelColumn) -> Any:
    """The label of an id, or of ``{id, label}``, which of an option that is no more is missing. A list stays what it
    is."""
    if option.__class__ is LabelledOption:
        return by_id[option.id] if option.label is None else option.label
    if option.__class__ is dict:
        label = option.get("label")
        return label if label.__class__ is str else _label(option.get("id"), by_id)
    return option if option.__class__ is list else by_id[option]


def ids(value: Any) -> Any:
    """Option ids, where ``{id, label}`` may stand in their place."""
    if value.__class__ is list:
        return [ids(item) for item in value] if value and value[0].__class__ is dict else value
    return value.get("id") if value.__class__ is dict else value


def _same(value: Any) -> Any:
    return value


def utc(value: Any) -> Any:
    """v1's ``YYYY-MM-DD HH:MM:SS``, which is UTC, as RFC 3339; what is no such text stays as it is."""
    if isinstance(value, str):
        if len(value) == 19 and value[10] == " ":
            return f"{value[:10]}T{value[11:]}Z"
        return value or None
    return value


def _flag(value: Any) -> Any:
    try:
        return _FLAGS.get(value, value)
    except TypeError:
        return value


def _integer(value: Any) -> Any:
    """A whole number that v1 may write as text, or an id that it may write as an object."""
    if isinstance(value, dict):
        return value.get("value", value.get("id"))
    return _number(value)


def _number(value: Any) -> Any:
    """A number that v1 may write as text."""
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value):
        return value or None
    return float(value) if "." in value else int(value)
