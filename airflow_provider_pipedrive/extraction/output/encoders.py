"""How the records of one page become the rows of a part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from airflow_provider_pipedrive.extraction.output.part_writer import FileColumn, PartWriter
from airflow_provider_pipedrive.extraction.reading.memory import uncollected
from airflow_provider_pipedrive.extraction.reading.pages import AnyRecord, Mended, PageRecords, ReadRecord, as_dict
from airflow_provider_pipedrive.extraction.rows.column_reader import woven
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.extraction.rows.privacy import RecordPrivacy
from airflow_provider_pipedrive.extraction.rows.rows import Row
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema


class Encoder(Protocol):
    """Puts records into a part."""

    @property
    def columns(self) -> Sequence[FileColumn] | None:
        """The columns of its rows; None for records as they come."""

    def write(self, part: PartWriter, records: Sequence[AnyRecord]) -> None:
        """Append them."""


class RawEncoder:
    """Records as Pipedrive sends them."""

    columns: Sequence[FileColumn] | None = None

    def write(self, part: PartWriter, records: Sequence[AnyRecord]) -> None:
        """Append them."""
        for row, record in _mended(records).items():
            for place, count in record.losses.items():
                part.count_nulled_values(".".join(place), row, count)
        part.write_raw(records if isinstance(records, PageRecords) else [_as_json(record) for record in records])


def _as_json(record: AnyRecord) -> bytes | msgspec.Raw:
    return msgspec.json.encode(record) if isinstance(record, ReadRecord) else record


def _mended(records: Sequence[AnyRecord]) -> dict[int, Mended | ReadRecord]:
    """Those of the records that held what nothing can hold, by number."""
    if isinstance(records, PageRecords):
        return {}
    odd = {at: record for at, record in enumerate(records) if isinstance(record, Mended | ReadRecord)}
    return {at: record for at, record in odd.items() if record.losses}


class FixedEncoder:
    """Rows whose columns are known beforehand.

    :param columns: in order
    """

    def __init__(self, columns: Sequence[FileColumn]) -> None:
        self.columns = columns

    def write(self, part: PartWriter, records: Sequence[AnyRecord]) -> None:
        """Append them."""
        part.write([as_dict(record)[0] for record in records])


class ReadableEncoder:
    """Records as rows with readable columns.

    :param schema: tells the columns, when the first record has come
    """

    def __init__(self, schema: Callable[[], RowSchema]) -> None:
        self._schema = schema

    @property
    def columns(self) -> Sequence[Column]:
        """The columns, in order."""
        return self._schema().columns

    def write(self, part: PartWriter, records: Sequence[AnyRecord]) -> None:
        """Append them."""
        schema = self._schema()
        with uncollected():
            columns, odd = schema.reader.read(records, _mended(records))
            part.write_columns(woven(columns, _odd_rows(schema, part, records, odd)), len(records))
            del columns  # else the search would begin with them


class PrivateEncoder:
    """Records without what must not leave the worker.

    :param encoder: writes what is left
    :param privacy: what is left, when the first record has come
    """

    def __init__(self, encoder: Encoder, privacy: Callable[[], RecordPrivacy]) -> None:
        self._encoder = encoder
        self._privacy = privacy

    @property
    def columns(self) -> Sequence[FileColumn] | None:
        """Those of what is left."""
        return self._encoder.columns

    def write(self, part: PartWriter, records: Sequence[AnyRecord]) -> None:
        """Append them."""
        left = self._privacy().record
        read = [as_dict(record) for record in records]
        self._encoder.write(part, [ReadRecord.of(left(record), losses) for record, losses in read])


def _odd_rows(schema: RowSchema, part: PartWriter, records: Sequence[AnyRecord], odd: Sequence[int]) -> dict[int, Row]:
    """The rows of the odd ones among some records, by number. What of them could not be kept is counted."""
    if not odd:
        return {}
    read = [as_dict(records[at]) for at in odd]
    found = [record for record, _ in read]
    schema.reader.learn(found)
    rows, nulled_values = schema.fitted(found)
    for column, nulled in nulled_values.items():
        for row, count in nulled.items():
            part.count_nulled_values(column, odd[row], count)
    for at, (_, losses) in zip(odd, read, strict=True):
        for place, count in losses.items():
            part.count_nulled_values(schema.column_at(place), at, count)
    return dict(zip(odd, rows, strict=True))
