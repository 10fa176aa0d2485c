"""What one group comes to: who stays, what is written before, what would be lost."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_pipedrive.bulk.merge_job import MergeJob
from airflow_provider_pipedrive.client.field_kinds import Field
from airflow_provider_pipedrive.client.field_values import is_empty
from airflow_provider_pipedrive.client.fields import PRIMARY, FieldBook

Record = Mapping[str, Any]
_STATES: Final = (
    *("owner_id", "stage_id", "pipeline_id", "status", "visible_to", "is_archived", "is_deleted", "lost_reason"),
    *("add_time", "won_time", "lost_time", "close_time", "archive_time", "stage_change_time", "probability"),
)
"""Fields that say where a record stands: the survivor's are always its own."""
_LISTS: Final = ("emails", "phones", "label_ids")
"""Fields whose entries are kept whoever has them. What a merge does to them is not documented."""
_DEALS: Final = ("open_deals_count", "closed_deals_count", "related_open_deals_count", "related_closed_deals_count")


class _SetAside(Exception):
    """A group is not merged; the message says why."""


@dataclass(frozen=True)
class GroupPlan:
    """What becomes of one group.

    :ivar survivor: the record that stays
    :ivar losers: the records that are merged into it, in this order
    :ivar written: what is written to the survivor before, in v2's shape by key
    :ivar lost: values of the losers that nobody has afterwards, by the field's name, as people read them
    """

    survivor: Record
    losers: Sequence[Record]
    written: Mapping[str, Any]
    lost: Mapping[str, list[Any]] = field(default_factory=dict)


def plan_group(
    job: MergeJob, book: FieldBook, records: Sequence[Record], chosen: Any, watchers: Callable[[Any], frozenset[int]]
) -> GroupPlan | str:
    """Plan a group.

    :param records: those that are there
    :param chosen: the id of the record that is to stay, if somebody has said so
    :param watchers: who may see the record with an id
    :returns: the plan, or why the group is set aside
    """
    oldest = sorted(records, key=lambda record: (record.get("add_time") or "", record["id"]))
    try:
        survivor = _survivor(job, book, oldest, chosen)
        losers = [record for record in oldest if record is not survivor]
        _refuse_to_show(survivor, losers, watchers)
    except _SetAside as reason:
        return str(reason)
    rules = {book.find(name).key: rule for name, rule in job.fields.items()}
    written: dict[str, Any] = {}
    lost: dict[str, list[Any]] = {}
    for each in _merged_fields(book):
        values = [each.kind.current(each, record, flat=False) for record in (survivor, *losers)]
        kept = _kept(each, rules.get(each.key), values, (survivor, *losers))
        if not is_empty(values[0]) and not each.kind.same(values[0], kept):
            written[each.key] = kept
        if gone := _lost(each, kept, values):
            lost[str(each)] = gone
    return GroupPlan(survivor, losers, written, lost)


def _merged_fields(book: FieldBook) -> list[Field]:
    shorts = PRIMARY.keys()  # stand for the primary entry of a list that is merged itself
    return [each for each in book.fields.values() if each.key not in _STATES and each.key not in shorts]


def _survivor(job: MergeJob, book: FieldBook, oldest: Sequence[Record], chosen: Any) -> Record:
    if len(oldest) < 2:
        raise _SetAside("fewer than two of its records are left")
    if chosen is not None:
        found = next((record for record in oldest if record["id"] == chosen), None)
        if found is None:
            raise _SetAside(f"the record that is to stay, {chosen}, is gone")
        return found
    if job.survivor == "most_complete":
        fields = _merged_fields(book)
        return max(oldest, key=lambda record: sum(not is_empty(f.kind.current(f, record, flat=False)) for f in fields))
    if job.survivor == "most_deals":
        return max(oldest, key=lambda record: sum(record.get(name) or 0 for name in _DEALS))
    return oldest[0]


def _refuse_to_show(survivor: Record, losers: Sequence[Record], watchers: Callable[[Any], frozenset[int]]) -> None:
    """Never show somebody a record that was hidden: the survivor has everything of the others afterwards.

    :raises _SetAside: somebody may see one of the records and not another
    """
    for record in losers:
        if record.get("visible_to") != survivor.get("visible_to"):
            raise _SetAside(
                f"{survivor['id']} and {record['id']} differ in visibility ({survivor.get('visible_to')} and "
                f"{record.get('visible_to')})"
            )
    owners = {record.get("owner_id") for record in (survivor, *losers)}
    if len(owners) > 1 and len({watchers(record["id"]) for record in (survivor, *losers)}) > 1:
        raise _SetAside("not everybody who may see one of its records may see the others")


def _kept(each: Field, rule: str | None, values: Sequence[Any], records: Sequence[Record]) -> Any:
    """The value that the survivor is to have; its own where nothing else is said."""
    if rule is None:
        rule = "all" if each.key in _LISTS or (each.kind.has_many and isinstance(values[0], list)) else "survivor"
    there = [(value, record) for value, record in zip(values, records, strict=True) if not is_empty(value)]
    if rule == "survivor" or not there:
        return values[0] if not is_empty(values[0]) else (there[0][0] if there else None)
    if rule == "newest":
        return max(there, key=lambda item: item[1].get("update_time") or item[1].get("add_time") or "")[0]
    if rule == "largest":
        return max((value for value, _ in there), key=_size)
    return _all([value for value, _ in there])


def _size(value: Any) -> tuple[float, str]:
    """By number, or by text: days and times are written so that the latest comes last."""
    inner = value.get("value") if isinstance(value, Mapping) else value
    return (float(inner), "") if isinstance(inner, int | float) else (0.0, str(inner))


def _all(values: Sequence[Any]) -> Any:
    if isinstance(values[0], list):
        return _all_entries(values)
    if isinstance(values[0], str):
        return "\n".join(dict.fromkeys(str(value) for value in values))
    return values[0]


def _all_entries(values: Sequence[Any]) -> list[Any]:
    """Every entry once; the first record's primary one stays primary."""
    found: dict[str, Any] = {}
    for number, entries in enumerate(values):
        for entry in entries if isinstance(entries, list) else [entries]:
            if isinstance(entry, Mapping):
                key = str(entry.get("value")).strip().lower()
                found.setdefault(key, {**entry, "primary": bool(entry.get("primary")) and number == 0})
            else:
                found.setdefault(str(entry), entry)
    return list(found.values())


def _lost(each: Field, kept: Any, values: Sequence[Any]) -> list[Any]:
    """The values of the losers that the survivor will not have."""
    if is_empty(kept):
        return []
    lost = []
    for value in values:
        if is_empty(value) or each.kind.same(kept, value) or (isinstance(kept, list) and _has_all(kept, value)):
            continue
        if isinstance(kept, str) and re.search(rf"(?<!\w){re.escape(str(value))}(?!\w)", kept):
            continue  # its words are in what stays: Ann is in Ann Marie, but not in Hannah
        lost.append(each.kind.labelled(each, value))
    return lost


def _has_all(kept: Sequence[Any], value: Any) -> bool:
    return len(_all_entries([list(kept), value])) == len(_all_entries([list(kept)]))
