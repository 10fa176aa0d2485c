"""Records become columns, without a dictionary for each: what most records are like is declared once, and the decoder
that is made of the declaration checks the values as it reads them.

A record is odd where a value does not fit its column as it is, or a key has no column and was never seen. Odd records
alone go the longer way of :class:`RowMapper` and :class:`ValueFitter`, which know what becomes of them. Both read the
same columns and use the same conversions, so that nobody can tell by a file which way a record went, but for the order
of the keys in ``other``, which says nothing: columns have them in the order in which the list brought them first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET
from msgspec.structs import astuple

from airflow_provider_pipedrive.extraction.reading.pages import AnyRecord, PageRecords, ReadRecord
from airflow_provider_pipedrive.extraction.rows.columns import CUSTOM, OTHER, Column
from airflow_provider_pipedrive.extraction.rows.fitting import all_null, glance, list_of, misfits
from airflow_provider_pipedrive.extraction.rows.rows import (
    Convert,
    LabelledOption,
    Record,
    Row,
    conversion,
    given_labels,
    ids,
)

ColumnValues = dict[str, Sequence[Any]]
"""The values of every column, by its name, in the order of the records."""

_MOST_LEARNED: Final = 200
"""Keys without a column that are expected from then on. A list that brings still others stays odd."""
_CHECKED_AS_READ: Final = frozenset({"integer", "number", "boolean", "list"})
"""Types that the decoder checks. Times stay the texts that they are, and are checked afterwards."""
_OPTIONS: Final = list[LabelledOption | int | str | None] | LabelledOption | int | str | None
"""What labels are read of: they fit their columns without a look at each."""


@dataclass
class _Leaf:
    """A place in the record that columns have their values from.

    :ivar type: what the decoder takes there
    :ivar columns: each with what the value has to go through for it
    """

    type: Any = Any
    columns: list[tuple[str, Convert | None]] = field(default_factory=list)

    def lay_out(self, values: Sequence[Any], columns: ColumnValues) -> None:
        """Put the values of that place into its columns. A later place goes before an earlier one."""
        for name, convert in self.columns:
            found = values if convert is None else [value if value is None else convert(value) for value in values]
            if name in columns:
                both = zip(values, columns[name], found, strict=True)
                found = [old if value is None else new for value, old, new in both]
            columns[name] = found


@dataclass
class _Node:
    """An object in the record: what is below its keys, and the keys without a column that were seen in it."""

    below: dict[str, _Leaf | _Node] = field(default_factory=dict)
    learned: list[str] = field(default_factory=list)

    def leaf(self, path: Sequence[str]) -> _Leaf:
        """What is at a place."""
        node: Any = self
        for step in path[:-1]:
            node = node.below.setdefault(step, _Node())
        found: _Leaf = node.below.setdefault(path[-1], _Leaf())
        return found

    def struct(self) -> type[msgspec.Struct]:
        """The class of such objects. A key that is missing reads as null, and one that is not known is refused."""
        fields: list[tuple[str, Any, Any]] = [
            (f"f{at}", (below.struct() if isinstance(below, _Node) else below.type) | None, None)
            for at, below in enumerate(self.below.values())
        ]
        fields += [(f"g{at}", Any, UNSET) for at in range(len(self.learned))]
        keys = dict(zip((name for name, _, _ in fields), [*self.below, *self.learned], strict=True))
        return msgspec.defstruct("Object", fields, rename=keys, forbid_unknown_fields=True, gc=False)

    def lay_out(self, objects: Sequence[msgspec.Struct | None], columns: ColumnValues) -> list[Record] | None:
        """Put what is in these objects into its columns; by record what has none, None where all has one."""
        absent = (None,) * len(self.below) + (UNSET,) * len(self.learned)
        values = [*zip(*(absent if each is None else astuple(each) for each in objects), strict=True)]
        others = None
        for key, found in zip(self.learned, values[len(self.below) :], strict=True):
            others = _noted(others, key, found)
        for (key, below), found in zip(self.below.items(), values, strict=False):
            if all_null(found):
                continue  # most custom fields of most pages
            if isinstance(below, _Leaf):
                below.lay_out(found, columns)
            elif beyond := below.lay_out(found, columns):
                others = _noted(others, key, [rest or UNSET for rest in beyond])
        return others

    def learn(self, found: Mapping[str, Any]) -> bool:
        """Expect these keys from now on; whether there are new ones among them."""
        new = [key for key in found if key not in self.below and key not in self.learned]
        new = new[: _MOST_LEARNED - len(self.learned)]
        self.learned += new
        custom, values = self.below.get(CUSTOM), found.get(CUSTOM)
        is_inside = isinstance(custom, _Node) and isinstance(values, dict) and custom.learn(values)
        return bool(new) or is_inside


def _noted(others: list[Record] | None, key: str, values: Sequence[Any]) -> list[Record] | None:
    """Note the values of a key, by record, where there are any."""
    for at, value in enumerate(values):
        if value is not UNSET:
            others = others or [{} for _ in values]
            others[at][key] = value
    return others


class ColumnReader:
    """Reads the columns of one entity's records.

    :param columns: the columns, ``other`` last
    :param version: whose values the records have: v1's are brought into the form of v2's
    """

    def __init__(self, columns: Sequence[Column], version: Literal["v1", "v2"]) -> None:
        self._names = [column.name for column in columns]
        self._tree = _Node()
        self._checks: list[tuple[str, Any]] = []
        labelled = {column.path for column in columns if column.labels is not None}
        for column in columns:
            if column.path:
                self._place(column, conversion(column, version, labelled=column.path in labelled))
        self._tree.below.setdefault(CUSTOM, _Node())
        if (given := given_labels(columns)) is not None:
            self._tree.leaf((given.name,)).columns.append((given.name, conversion(given, version, labelled=True)))
        self._expect()

    def _place(self, column: Column, convert: Convert | None) -> None:
        leaf, look = self._tree.leaf(column.path), glance(column)
        convert = None if convert is ids else convert  # nearly always they are what comes
        leaf.columns.append((column.name, convert))
        if convert is None and column.type in _CHECKED_AS_READ:
            leaf.type = look
        elif column.labels is not None and leaf.type is Any:
            leaf.type = _OPTIONS
        elif look is not None:
            self._checks.append((column.name, look))

    def _expect(self) -> None:
        record = self._tree.struct()
        answer = msgspec.defstruct("Answer", [("data", list_of(record))])
        self._record = record
        self._decode_json: Callable[[Any], msgspec.Struct] = msgspec.json.Decoder(record).decode
        self._decode_page: Callable[[Any], Any] = msgspec.json.Decoder(answer).decode

    def read(self, records: Sequence[AnyRecord], odd: Collection[int]) -> tuple[ColumnValues, list[int]]:
        """The columns of the records that are as expected, and the numbers of all others.

        :param odd: numbers of records that are known to be odd
        """
        places = [at for at in range(len(records)) if at not in odd]
        try:
            objects = self._objects(records, places)
        except _UNREADABLE:
            found = {at: each for at in places if (each := self._decoded(records[at])) is not None}
            places, objects = [*found], [*found.values()]
        columns = self._columns(objects)
        wrong = set().union(*(misfits(columns[name], look) for name, look in self._checks))
        if wrong:
            places = _without(places, wrong)
            columns = {name: _without(values, wrong) for name, values in columns.items()}
        taken = frozenset(places)
        return columns, [at for at in range(len(records)) if at not in taken]

    def _objects(self, records: Sequence[AnyRecord], places: Sequence[int]) -> list[msgspec.Struct]:
        if not isinstance(records, PageRecords) or not records:
            return [self._decode(records[at]) for at in places]
        objects: list[msgspec.Struct] = self._decode_page(records.body).data
        return objects if records.places is None else [objects[at] for at in records.places]

    def learn(self, records: Iterable[Record]) -> None:
        """Expect the keys of odd records from now on."""
        new = [self._tree.learn(record) for record in records]
        if any(new):
            self._expect()

    def _decode(self, record: AnyRecord) -> msgspec.Struct:
        if isinstance(record, ReadRecord):
            return msgspec.convert(record, self._record)
        return self._decode_json(record)

    def _decoded(self, record: AnyRecord) -> msgspec.Struct | None:
        try:
            return self._decode(record)
        except _UNREADABLE:
            return None

    def _columns(self, objects: Sequence[msgspec.Struct]) -> ColumnValues:
        found: ColumnValues = {}
        others = self._tree.lay_out(objects, found) if objects else None
        if others is not None:
            found[OTHER] = [other or None for other in others]
        nothing = [None] * len(objects)
        return {name: found.get(name, nothing) for name in self._names}


_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError)


def _without(values: Sequence[Any], numbers: Collection[int]) -> list[Any]:
    return [value for at, value in enumerate(values) if at not in numbers]


def woven(columns: ColumnValues, rows: Mapping[int, Row]) -> ColumnValues:
    """The columns with further rows.

    :param rows: by the number that each gets, in order
    """
    if not rows:
        return columns
    whole: ColumnValues = {}
    for name, values in columns.items():
        found = list(values)
        for at, row in rows.items():
            found.insert(at, row[name])
        whole[name] = found
    return whole
