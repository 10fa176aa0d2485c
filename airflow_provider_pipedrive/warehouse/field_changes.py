"""What has happened to fields since a table was loaded last, and what it takes to apply it to all rows of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pipedrive.extraction.rows.columns import Column, names_of
from airflow_provider_pipedrive.extraction.rows.schema_file import read_columns, read_fields


@dataclass(frozen=True)
class FieldChanges:
    """What has happened to the fields of an entity.

    :ivar renamed: the new name of each column that has another one now
    :ivar removed: the columns of fields that Pipedrive no longer has
    :ivar unclear: why the rows can only be read again, a sentence each; empty where statements can do it
    """

    renamed: Mapping[str, str]
    removed: tuple[str, ...]
    unclear: tuple[str, ...]


def field_changes(
    before: Mapping[str, Any] | None,
    now: Mapping[str, Any] | None,
    *,
    in_place: bool = True,
    child_tables: bool = False,
) -> FieldChanges:
    """What has happened between two schema files.

    :param before: of the last load; None where there was none
    :param now: of this one; None where the entity has no schema file
    :param in_place: whether statements that change rows and columns are known for the warehouse
    :param child_tables: whether each list has a table of its own
    """
    if before is None or now is None:
        return FieldChanges({}, (), ())
    fields, then = read_fields(now), read_fields(before)
    renamed: dict[str, str] = {}
    removed: list[str] = []
    unclear: list[str] = []
    for code, old in then.items():
        new = fields.get(code)
        if new is None or new.removed:
            removed += [] if old.removed else names_of(old.column, old.type)
        elif old.removed:
            unclear.append(f"The field {new.name!r} is back.")
        elif old.type != new.type:
            unclear.append(f"The field {new.name!r} was of the type {old.type} and is {new.type} now.")
        elif old.column != new.column:
            renamed |= zip(names_of(old.column, old.type), names_of(new.column, new.type), strict=True)
            if child_tables and new.type == "set":
                unclear.append(f"The table of the list {old.column} is another one: {new.column}.")
    if set(renamed) & set(renamed.values()):
        unclear.append(f"Columns have traded names: {', '.join(sorted(set(renamed) & set(renamed.values())))}.")
    if (renamed or removed) and not in_place:
        unclear.append(f"Columns are renamed or emptied: {', '.join([*renamed, *removed])}.")
    unclear += _unclear_options(before, now, renamed, in_place=in_place)
    return FieldChanges({} if unclear else renamed, tuple(removed), tuple(unclear))


def relabelled(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str] | None:
    """What each text of a column becomes, by the labels of its options; None where one text would become two.

    An option without a label is its id: one that is gone, and one that rows had before its definition was known.

    :param before: the labels that the rows have, by id
    :param now: the labels that they are to have
    """
    found: dict[str, str] = {}
    for key in [*before, *(key for key in now if key not in before)]:
        old, new = before.get(key, key), now.get(key, key)
        if found.setdefault(old, new) != new:
            return None
    return {old: new for old, new in found.items() if old != new}


def _unclear_options(
    before: Mapping[str, Any], now: Mapping[str, Any], renamed: Mapping[str, str], *, in_place: bool
) -> Iterator[str]:
    columns = {column.name: column for column in read_columns(now)}
    for old in read_columns(before):
        new = columns.get(renamed.get(old.name, old.name))
        if not old.labels or new is None or not new.labels:
            continue
        changed = relabelled(old.labels, new.labels)
        if changed is None:
            yield f"Options of {_shown(old)} have one label, and were not renamed alike."
        elif set(changed) & set(old.labels.values()) and not in_place:
            yield f"Options of {_shown(old)} are renamed or gone."


def _shown(column: Column) -> str:
    return repr(column.description or column.name)
