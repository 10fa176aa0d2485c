"""What goes into a warehouse, and what is told of it afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.warehouse.scope import Scope

Write = Literal["merge", "versions", "replace"]
"""``merge``: one row a key, the latest. ``versions``: every version that was read, and a view of the latest.
``replace``: the load is everything there is."""
Lists = Literal["json", "child_tables"]
"""``json``: a list is JSON in its row. ``child_tables``: a table of its own, a row an element."""

DELETED: Final = "_deleted_at"
"""Tells dlt that a row is a tombstone. In a table of the latest rows it is always null."""
VERSION: Final = "_version_at"
"""When a version of a record came to be: its last update, or its deletion; 1970 where Pipedrive gives no time."""
PARENT_UPDATED: Final = "parent_updated_at"
"""In a table of a list: the last update of the record that has it."""


@dataclass(frozen=True)
class EntityLoad:
    """The extracted records of one entity.

    :ivar entity: its name, which the table gets
    :ivar key: the columns that tell records apart
    :ivar updated: the column with the time of a record's last update, or None where it has none
    :ivar columns: all columns of the parts
    :ivar parts: files of typed rows, as they are staged or as Parquet: local or object-storage paths
    :ivar tombstones: such files of deleted records: the key, and ``deleted_at``
    :ivar read_at: when reading began, by Pipedrive's clock: what was deleted later does not come back by these rows
    :ivar write: how the rows meet those that are there
    :ivar load_state: what is to be remembered with the data, in the same load package: JSON
    :ivar scope: whose rows they are; rows of another company or choice are refused
    :ivar confirmed: another user of the same company is right
    :ivar fresh: the table has rows of another shape, and begins again with these
    :ivar renamed: the new name of each column of the table that is to have another one
    :ivar removed: the columns of fields that are gone since the load before
    """

    entity: str
    key: Sequence[str]
    updated: str | None
    columns: Sequence[Column]
    parts: Sequence[Any]
    read_at: datetime
    tombstones: Sequence[Any] = ()
    write: Write = "merge"
    load_state: Mapping[str, Any] | None = None
    scope: Scope | None = None
    confirmed: bool = False
    fresh: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
    removed: Sequence[str] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it takes the place of everything there is."""
        return self.write == "replace" or self.fresh


@dataclass(frozen=True)
class Loaded:
    """What became of a load.

    :ivar entity: its name
    :ivar rows: the rows that were handed over
    :ivar superseded: rows that were left out because the load has a later version of the same record
    :ivar tombstones: the deleted records that were handed over
    :ivar tables: the tables that were written
    :ivar new_columns: columns that the table did not have before
    :ivar notes: what people should know of, a sentence each
    :ivar seconds: how long it took
    """

    entity: str
    rows: int
    superseded: int
    tombstones: int
    tables: tuple[str, ...]
    new_columns: tuple[str, ...]
    notes: tuple[str, ...]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """As a receipt has it."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
