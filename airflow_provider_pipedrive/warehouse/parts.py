"""Makes of extracted parts what dlt takes as it is: one Parquet file a table, with that table's very columns.

dlt hands a Parquet file through untouched if it has the columns of the table in the table's order; everything else it
rewrites, and dictionaries it takes apart value by value (30 times the CPU). Memory does not grow with the
number of rows, but for the key and the time of each while superseded ones are looked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import TYPED_ROWS
from airflow_provider_pipedrive.extraction.output import arrays, arrow
from airflow_provider_pipedrive.extraction.output.arrays import UTC_TIME
from airflow_provider_pipedrive.extraction.output.names import format_of
from airflow_provider_pipedrive.extraction.output.part_writer import FileColumn
from airflow_provider_pipedrive.warehouse.entity_load import DELETED, PARENT_UPDATED, VERSION, EntityLoad, Lists

_ROWS: Final = 1_000
"""Rows of a Parquet file that are read together."""
_TOGETHER: Final = 10_000
"""Rows that are handled together, if they are not too long."""
_GROUP_BYTES: Final = 4 * 1024 * 1024
"""A row group of about so many bytes is what a warehouse reads at once."""
_ARROW: Final[Mapping[str, Any]] = {
    "text": pa.string(),
    "json": pa.string(),
    "bigint": pa.int64(),
    "double": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": UTC_TIME,
    "date": pa.date32(),
}
_DLT: Final = {
    "string": "text",
    "time": "text",
    "integer": "bigint",
    "number": "double",
    "boolean": "bool",
    "timestamp": "timestamp",
    "date": "date",
    "list": "json",
    "json": "json",
}
_JSON = msgspec.json.Encoder()


@dataclass
class Table:
    """A table to be loaded.

    :ivar name: its name
    :ivar columns: dlt's type by column, in order
    :ivar new: columns that it did not have
    :ivar path: its rows
    :ivar rows: how many they are
    :ivar widest: bytes of an average row where they are longest
    """

    name: str
    columns: dict[str, str]
    new: tuple[str, ...]
    path: Path
    rows: int = 0
    widest: int = 0


@dataclass(frozen=True)
class Prepared:
    """The tables of a load, ready to be loaded.

    :ivar main: the entity's own table
    :ivar names: the table's column of each of the load's columns that it has
    :ivar children: tables of lists, by the name of the list's column
    :ivar deleted: the table of the records that are known to be deleted, if any are in the load
    :ivar superseded: rows that were left out
    :ivar notes: what people should know of
    """

    main: Table
    names: Mapping[str, str]
    children: Mapping[str, Table]
    deleted: Table | None
    superseded: int
    notes: tuple[str, ...]

    @property
    def tables(self) -> list[Table]:
        """All tables."""
        return [self.main, *self.children.values(), *([self.deleted] if self.deleted else [])]


def prepare(load: EntityLoad, folder: Path, lists: Lists, present: Mapping[str, Mapping[str, str]]) -> Prepared:
    """Write a load's tables as Parquet files.

    :param folder: where to
    :param present: the tables that the warehouse has: dlt's type by column
    :raises PipedriveParameterError: parts and columns do not belong together, or the key's type has changed
    """
    try:
        return _Preparation(load, folder, lists, present).run()
    finally:
        # Arrow's allocator keeps what it was given, several times what is ever in use here.
        pa.default_memory_pool().release_unused()


class _Preparation:
    def __init__(self, load: EntityLoad, folder: Path, lists: Lists, present: Mapping[str, Mapping[str, str]]) -> None:
        self.load = load
        self.folder = folder
        self.present = present
        self.notes: list[str] = []
        self.keyless = 0
        self.child_columns = [c for c in load.columns if c.type == "list" and lists == "child_tables"]
        self.inline = [c for c in load.columns if c not in self.child_columns]
        self.types = {column.name: _DLT[column.type] for column in load.columns}

    def run(self) -> Prepared:
        load = self.load
        names = self._names()
        extra = {DELETED: "timestamp"} if load.write != "replace" else {}
        if load.write == "versions":
            extra[VERSION] = "timestamp"
        main = self._table(load.entity, {names[c.name]: _DLT[c.type] for c in self.inline} | extra)
        children = {c.name: self._child(c) for c in self.child_columns}
        superseded = self._superseded()
        writers = {table.name: _TableFile(table) for table in (main, *children.values())}
        number = 0
        for batch in self._batches():
            rows = range(number, number + len(batch))
            number = rows.stop
            if superseded:
                batch = batch.filter(arrays.booleans([row not in superseded for row in rows], gaps=False))
            batch = self._with_keys(batch)
            writers[main.name].write(self._main_rows(batch, names))
            for column in self.child_columns:
                writers[children[column.name].name].write(self._child_rows(batch, column))
        for writer in writers.values():
            writer.close()
        if self.keyless:
            self.notes.append(
                f"{load.entity}: rows without {' or '.join(load.key)} are left out ({self.keyless}): no table "
                "takes a row without its key."
            )
        return Prepared(main, names, children, self._deleted_table(), len(superseded), tuple(self.notes))

    # ---- columns

    def _names(self) -> dict[str, str]:
        """The column of each of the load's columns: another one where the warehouse has it with another type."""
        present = self.present.get(self.load.entity, {})
        names: dict[str, str] = {}
        for column in self.inline:
            kind = _DLT[column.type]
            name, count = column.name, 1
            while present.get(name, kind) != kind or name in names.values():
                name, count = f"{column.name}_{kind}" + (f"_{count}" if count > 1 else ""), count + 1
            names[column.name] = name
            if name != column.name:
                if column.name in (*self.load.key, self.load.updated):
                    raise PipedriveParameterError(
                        f"The table {self.load.entity} has {column.name} as {present[column.name]}, but it is "
                        f"{kind} now. Load into another dataset, or change the column's type in the warehouse."
                    )
                self.notes.append(
                    f"{self.load.entity}.{column.name} is {present[column.name]} in the warehouse, and {kind} in "
                    f"Pipedrive now: values go to the column {name}."
                )
        return names

    def _table(self, name: str, columns: Mapping[str, str]) -> Table:
        """A table with the columns that it has, and then those that are new."""
        present = self.present.get(name, {})
        new = tuple(column for column in columns if column not in present) if present else ()
        return Table(
            name,
            {**present, **{k: v for k, v in columns.items() if k not in present}},
            new,
            self.folder / f"{name}.parquet",
        )

    def _child(self, column: FileColumn) -> Table:
        load = self.load
        columns = {f"parent_{key}": self.types[key] for key in load.key}
        columns |= {"position": "bigint", "value": _DLT[column.items or "string"]}
        if load.write == "merge":
            columns |= {PARENT_UPDATED: "timestamp", DELETED: "timestamp"}
        return self._table(f"{load.entity}__{column.name}", columns)

    # ---- rows

    def _batches(self) -> Iterator[Any]:
        """All rows of the load, tombstones last: columns as declared, and DELETED."""
        fields = [(column.name, _read_type(column)) for column in self.load.columns]
        schema = pa.schema([*fields, (DELETED, UTC_TIME)])
        for part in self.load.parts:
            for batch in _read(part):
                unknown = sorted(set(batch.schema.names) - set(self.types))
                if unknown:
                    raise PipedriveParameterError(f"{part} has the column {unknown[0]}, which is not declared.")
                yield _fitted(batch, schema)
        for batch in self._tombstones():
            yield _fitted(batch, schema)

    def _with_keys(self, batch: Any) -> Any:
        """The rows that have a key: one that has none would make the whole load fail."""
        for key in self.load.key:
            missing = batch.column(key).null_count
            if missing:
                self.keyless += missing
                batch = batch.filter(pc.is_valid(batch.column(key)))
        return batch

    def _tombstones(self) -> Iterator[Any]:
        """The tombstones as rows: the key, the time of the deletion as that of the last update, and DELETED."""
        for part in self.load.tombstones if self.load.write != "replace" else ():
            for batch in _read(part):
                deleted = self._deleted_at(batch)
                columns = {name: batch.column(name) for name in self.load.key}
                if self.load.updated:
                    columns[self.load.updated] = deleted
                yield pa.record_batch({**columns, DELETED: deleted})

    def _deleted_at(self, batch: Any) -> Any:
        """When records were deleted; where that is not known, when they were found gone."""
        known = pc.cast(batch.column("deleted_at"), UTC_TIME)
        return pc.fill_null(known, arrays.moment(self.load.read_at))

    def _superseded(self) -> frozenset[int]:
        """The numbers of the rows of which the load has a later version."""
        keys = [*self.load.key]
        # The time of a move is a part of its key.
        wanted = list(dict.fromkeys([*keys, *([self.load.updated] if self.load.updated else [])]))
        columns: dict[str, list[Any]] = {name: [] for name in wanted}
        for part in self.load.parts:
            for batch in _read(part, wanted):
                for name in wanted:
                    columns[name].append(batch.column(name))
        for batch in self._tombstones():
            for name in wanted:
                columns[name].append(batch.column(name))
        if not any(columns.values()):
            return frozenset()
        return _earlier(pa.table({name: pa.chunked_array(chunks) for name, chunks in columns.items()}), keys, self.load)

    def _main_rows(self, batch: Any, names: Mapping[str, str]) -> dict[str, Any]:
        rows = {
            names[column.name]: _as_json(batch.column(column.name), column.items)
            if column.type == "list"
            else batch.column(column.name)
            for column in self.inline
        }
        if self.load.write != "replace":
            rows[DELETED] = batch.column(DELETED)
        if self.load.write == "versions":
            rows[VERSION] = pc.fill_null(_version(batch, self.load), _NEVER)
        return rows

    def _child_rows(self, batch: Any, column: FileColumn) -> dict[str, Any]:
        """A row an element; where there is none, a row that makes dlt remove those of before."""
        lists = batch.column(column.name)
        lengths = [length or 0 for length in pc.list_value_length(lists).to_pylist()]
        merging = self.load.write == "merge"
        parents = [row for row, length in enumerate(lengths) for _ in range(max(length, int(merging)))]
        positions = [at if length else None for length in lengths for at in range(max(length, int(merging)))]
        elements = iter(range(sum(lengths)))
        values = [None if at is None else next(elements) for at in positions]
        owner = batch.take(arrays.integers(parents, gaps=False))
        rows = {f"parent_{key}": owner.column(key) for key in self.load.key}
        rows["position"] = arrays.integers(positions, gaps=merging)
        rows["value"] = lists.flatten().take(arrays.integers(values, gaps=merging))
        if merging:
            empty = pc.if_else(rows["position"].is_null(), arrays.moment(self.load.read_at), pa.nulls(1, UTC_TIME)[0])
            rows |= {PARENT_UPDATED: _version(owner, self.load), DELETED: empty}
        return rows

    def _deleted_table(self) -> Table | None:
        """The table that keeps who was deleted and when."""
        if not self.load.tombstones or self.load.write != "merge":
            return None
        columns = {key: self.types[key] for key in self.load.key} | {"deleted_at": "timestamp"}
        table = self._table(deleted_name(self.load.entity), columns)
        names = [*self.load.key, "deleted_at"]
        found = pa.Table.from_batches(
            pa.record_batch(
                {**{key: batch.column(key) for key in self.load.key}, "deleted_at": self._deleted_at(batch)}
            )
            for part in self.load.tombstones
            for batch in _read(part, names)
        )
        earlier = _earlier_by(found, [*self.load.key], found.column("deleted_at"))
        found = found.filter(arrays.booleans([row not in earlier for row in range(len(found))], gaps=False))
        writer = _TableFile(table)
        for batch in found.to_batches():
            writer.write({name: batch.column(name) for name in names})
        writer.close()
        return table


_NEVER = arrays.moment(datetime(1970, 1, 1, tzinfo=UTC))


def deleted_name(entity: str) -> str:
    """The table of an entity's deleted records."""
    return f"{entity}__deleted"


def _earlier(rows: Any, keys: Sequence[str], load: EntityLoad) -> frozenset[int]:
    nothing = pa.nulls(len(rows), UTC_TIME)
    times = pc.cast(rows.column(load.updated), UTC_TIME) if load.updated else nothing
    if load.write != "versions":
        return _earlier_by(rows, keys, times)
    # The same version twice is one too many; another one is not.
    return _earlier_by(rows.append_column(VERSION, pc.fill_null(times, _NEVER)), [*keys, VERSION], nothing)


def _earlier_by(rows: Any, keys: Sequence[str], times: Any) -> frozenset[int]:
    """The numbers of the rows that have another row of the same key and a later time, or the same time and a later
    place."""
    if len(rows) < 2:
        return frozenset()
    by = pa.table({**{key: rows.column(key) for key in keys}, "_time": pc.fill_null(times, _NEVER)})
    order = pc.sort_indices(by, sort_keys=[(name, "ascending") for name in by.column_names])
    same = None
    for key in keys:
        in_order = by.column(key).take(order).combine_chunks()
        equal = pc.equal(in_order.slice(0, len(in_order) - 1), in_order.slice(1))
        same = equal if same is None else pc.and_(same, equal)
    return frozenset(order.slice(0, len(order) - 1).filter(same).to_pylist())  # without those that have no key


def _version(batch: Any, load: EntityLoad) -> Any:
    """When each row came to be as it is."""
    if load.updated:
        return pc.cast(batch.column(load.updated), UTC_TIME)
    return batch.column(DELETED) if DELETED in batch.schema.names else pa.nulls(len(batch), UTC_TIME)


def _read(part: Any, columns: Sequence[str] | None = None) -> Iterator[Any]:
    wanted = list(columns) if columns else None
    try:
        if format_of(part.name) == TYPED_ROWS:
            yield from _together(arrow.batches(part, wanted))
            return
        with part.open("rb") as file:
            yield from _together(pq.ParquetFile(file).iter_batches(_ROWS, columns=wanted, use_threads=False))
    except pa.ArrowInvalid as error:
        raise PipedriveParameterError(f"{part} is not a whole file of rows ({error}). Extract it again.") from None


def _together(batches: Iterable[Any]) -> Iterator[Any]:
    """Several batches as one, as far as they are not long."""
    waiting: list[Any] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + len(batch), size + batch.get_total_buffer_size()
        if rows >= _TOGETHER or size >= _GROUP_BYTES:
            yield from _joined(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield from _joined(waiting)


def _joined(batches: list[Any]) -> Iterator[Any]:
    # pyarrow has a function of its own for this, since version 19 only.
    joined: list[Any] = pa.Table.from_batches(batches).combine_chunks().to_batches()
    yield from joined


def _read_type(column: FileColumn) -> Any:
    if column.type == "list":
        return pa.list_(_ARROW[_DLT[column.items or "string"]])
    return _ARROW[_DLT[column.type]]


def _fitted(batch: Any, schema: Any) -> Any:
    """The batch with all columns of the schema, null where it has none."""
    has = set(batch.schema.names)
    columns = [
        pc.cast(batch.column(field.name), field.type) if field.name in has else pa.nulls(len(batch), field.type)
        for field in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _as_json(lists: Any, items: str | None) -> Any:
    """Lists as JSON texts. Elements that are JSON stay what they are."""
    elements = lists.flatten()
    null, opening, comma, closing, nothing = arrays.texts(["null", "[", ",", "]", ""], gaps=False)
    texts = pc.fill_null(elements if items == "json" else _encoded(elements), null)
    lengths = pc.coalesce(pc.list_value_length(lists), arrays.integers([0], gaps=False).cast(pa.int32())[0])
    offsets = pa.concat_arrays([arrays.integers([0], gaps=False).cast(pa.int32()), pc.cumulative_sum(lengths)])
    joined = pc.binary_join(pa.ListArray.from_arrays(offsets, texts), comma)
    whole = pc.binary_join_element_wise(opening, joined, closing, nothing)
    return pc.if_else(lists.is_valid(), whole, pa.nulls(1, pa.string())[0])


def _encoded(values: Any) -> Any:
    """Values as JSON texts, each value that occurs encoded once."""
    known = values.dictionary_encode()
    texts = [_JSON.encode(value).decode() for value in known.dictionary.to_pylist()]
    return arrays.texts(texts, gaps=False).take(known.indices)


class _TableFile:
    """A table's file being written, in row groups of bounded size."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._schema = pa.schema([(name, _ARROW[kind]) for name, kind in table.columns.items()])
        # Read once or twice, and then gone: without dictionaries and statistics it is as large, in half the time.
        self._file = pq.ParquetWriter(table.path, self._schema, use_dictionary=False, write_statistics=False)
        self._waiting: list[Any] = []
        self._bytes = 0

    def write(self, rows: Mapping[str, Any]) -> None:
        length = len(next(iter(rows.values())))
        if not length:
            return
        arrays = [
            pc.cast(rows[field.name], field.type) if field.name in rows else pa.nulls(length, field.type)
            for field in self._schema
        ]
        batch = pa.RecordBatch.from_arrays(arrays, schema=self._schema)
        size = batch.get_total_buffer_size()  # ten times as fast as nbytes
        self._waiting.append(batch)
        self._bytes += size
        self._table.rows += length
        self._table.widest = max(self._table.widest, size // length)
        if self._bytes >= _GROUP_BYTES:
            self._flush()

    def close(self) -> None:
        self._flush()
        self._file.close()

    def _flush(self) -> None:
        if self._waiting:
            rows = pa.Table.from_batches(self._waiting)
            self._file.write_table(rows, row_group_size=len(rows))
            self._waiting, self._bytes = [], 0
