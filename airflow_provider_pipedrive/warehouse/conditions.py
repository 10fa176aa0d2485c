"""Which rows of a load count, as dlt and the merges are to know it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.warehouse.capabilities import abilities_of
from airflow_provider_pipedrive.warehouse.entity_load import DELETED, PARENT_UPDATED, VERSION, EntityLoad
from airflow_provider_pipedrive.warehouse.rendering import rendered
from airflow_provider_pipedrive.warehouse.statements import quoted, sql_moment

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.merging import Merge
    from airflow_provider_pipedrive.warehouse.parts import Prepared, Table

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class LoadConditions:
    """How dlt is told which of the rows count.

    A condition is put to every row of the load, before the rows in the warehouse that have the same key are removed
    and those of the load are inserted. A column without a table is the load's there; the warehouse's own
    columns are given other names, so that none of them comes in between.
    """

    def __init__(
        self, load: EntityLoad, ready: Prepared, present: Mapping[str, Mapping[str, str]], pipeline: Any
    ) -> None:
        from airflow_provider_pipedrive.warehouse.parts import deleted_name

        self._load = load
        self._ready = ready
        self._client = pipeline.sql_client()
        deleted = deleted_name(load.entity)
        self._deleted = deleted if ready.deleted or deleted in present else None
        # Where a script cannot be one transaction, dlt's own place for the condition keeps it to fewer statements.
        self._by_dlt = not abilities_of(pipeline).transactional

    def merges(self) -> dict[str, Merge]:
        """What the load does to each table."""
        from airflow_provider_pipedrive.warehouse.merging import Merge

        load, ready = self._load, self._ready
        if load.is_whole:
            return {table.name: Merge(table.rows, table.path, whole=True) for table in ready.tables}
        known = [(ready.main, self._of_main()), *((table, self._of_child()) for table in ready.children.values())]
        known += [(ready.deleted, self._of_deleted(ready.deleted))] if ready.deleted else []
        counts = {table.name: None if self._by_dlt else condition for table, condition in known}
        merges = {
            table.name: Merge(table.rows, table.path, counts=counts[table.name]) for table in ready.children.values()
        }
        if deleted := ready.deleted:
            merges[deleted.name] = Merge(deleted.rows, deleted.path, load.key, removed=0, counts=counts[deleted.name])
        keys, removed = [*load.key], ready.deleted.rows if ready.deleted else 0
        if load.write == "versions":
            keys, removed = [*keys, VERSION], 0
        return merges | {
            ready.main.name: Merge(ready.main.rows, ready.main.path, keys, removed, counts=counts[ready.main.name])
        }

    def main(self) -> dict[str, Any]:
        """For the entity's own table."""
        load = self._load
        if load.is_whole:
            return {"write_disposition": "replace"}
        if load.write == "versions":
            return {"write_disposition": self._merge(None), "primary_key": [*load.key, VERSION]}
        return {
            "write_disposition": self._merge(self._of_main()),
            "primary_key": list(load.key),
            "hard_delete": DELETED,
        }

    def child(self) -> dict[str, Any]:
        """For the table of a list: all elements of a record are replaced together, if the record's row counts."""
        load = self._load
        if load.is_whole:
            return {"write_disposition": "replace"}
        return {
            "write_disposition": self._merge(self._of_child()),
            "merge_key": [f"parent_{key}" for key in load.key],
            "hard_delete": DELETED,
        }

    def deleted(self, table: Table) -> dict[str, Any]:
        """For the table of deleted records: of two deletions the later one counts."""
        return {
            "write_disposition": self._merge(self._of_deleted(table)),
            "primary_key": list(self._load.key),
        }

    def _merge(self, condition: str | None) -> dict[str, Any]:
        # The load has each key once: dlt need not look for more.
        known = {"disposition": "merge", "strategy": "delete-insert", "deduplicated": True}
        return known | ({"source_filter": condition} if condition and self._by_dlt else {})

    def _of_main(self) -> str | None:
        if self._load.write == "versions":
            return None
        return self._counts({key: key for key in self._load.key}, self._load.updated)

    def _of_child(self) -> str | None:
        parents = {key: f"parent_{key}" for key in self._load.key}
        return self._counts(parents, PARENT_UPDATED if self._load.updated else None)

    def _of_deleted(self, table: Table) -> str:
        own = {key: key for key in self._load.key}
        return rendered(self._client, self._none_in(table.name, own, "deleted_at", f"> {quoted('deleted_at')}"))

    def _counts(self, keys: Mapping[str, str], updated: str | None) -> str | None:
        """A row counts unless the warehouse has a later version, or knows of a deletion after the row was read.

        :param keys: the load's columns by the warehouse's
        :param updated: the load's column with the time of the last update; no time is earlier than any
        """
        conditions = []
        if self._load.updated and updated:
            known = f"COALESCE({quoted(updated)}, {sql_moment(self._client, _LONG_AGO)})"
            conditions.append(self._none_in(self._load.entity, keys, self._load.updated, f"> {known}"))
        else:
            known = sql_moment(self._client, _LONG_AGO)
        if self._deleted:
            # What was edited after its deletion was brought back, whatever the clock of the reader says.
            later = f"> {sql_moment(self._client, self._load.read_at)} AND _there._moment >= {known}"
            gone = self._none_in(self._deleted, keys, "deleted_at", later)
            conditions.append(f"({quoted(DELETED)} IS NOT NULL OR {gone})")
        return rendered(self._client, " AND ".join(conditions)) if conditions else None

    def _none_in(self, table: str, keys: Mapping[str, str], moment: str, later: str) -> str:
        """The table has no row of the key with a later time."""
        shown = [f"{quoted(key)} AS _key_{at}" for at, key in enumerate(keys)]
        equal = [f"_there._key_{at} = {quoted(name)}" for at, name in enumerate(keys.values())]
        return (
            f"NOT EXISTS (SELECT 1 FROM (SELECT {', '.join(shown)}, {quoted(moment)} AS _moment "
            f"FROM {quoted(table)}) AS _there WHERE {' AND '.join(equal)} AND _there._moment {later})"  # nosec B608 # names are quoted
        )
