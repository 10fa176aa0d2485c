"""The statements of a merge: committed together, and counted before they are.

dlt puts the rows of a load into a staging table, and then runs a script for each table: remove what the rows take
the place of, insert them. Left to itself dlt 1.31 opens no transaction for such a script on most destinations
(``supports_transactions`` is set for none of those below), so that a script that fails half-way leaves a table without
the rows it removed. Postgres alone takes the statements of one call as one transaction.

Here each script is one transaction, in the table as it is: constraints, grants and views stay. Before it is committed
the records are counted: what the load does not account for is not lost, it is rolled back.

DuckDB reads the files of a load where they are, in the script itself: in a staging table every row would be written
twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dlt.common.destination.exceptions import DestinationTerminalException, DestinationTransientException
from dlt.common.storages import FileStorage
from dlt.destinations.job_client_impl import SqlLoadJob
from sqlglot import exp

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.warehouse.capabilities import abilities_of
from airflow_provider_pipedrive.warehouse.jobs import LeftWhereItIs
from airflow_provider_pipedrive.warehouse.pipelines import adapt_clients, exchange_jobs

_OTHERS: Final = "temp.pipedrive_others"
"""The numbers of the rows of a file that do not count."""
_CHECKPOINT: Final = "1MB"
"""What commits more than this puts it into the DuckDB file at once. With dlt's gigabyte all rows would be in DuckDB's
log first, and in memory until the connection is closed. https://duckdb.org/docs/stable/sql/statements/checkpoint"""


class _RowsLost(DestinationTerminalException):
    """After a merge the table has fewer records than it can have."""


class _StagedRowsChanged(DestinationTransientException):
    """The staging table does not hold what was put there: another load uses it."""


def own_words(error: BaseException) -> str | None:
    """What is wrong, where a script here has found it; None for any other error."""
    return str(error) if isinstance(error, _RowsLost | _StagedRowsChanged) else None


def is_lost_rows(error: BaseException) -> bool:
    """Whether a script was rolled back because records would be gone: another try ends like it."""
    return isinstance(error, _RowsLost)


@dataclass(frozen=True)
class Merge:
    """What a script is to do to a table.

    :ivar staged: the rows that were put into the staging table
    :ivar file: the Parquet file that has them
    :ivar keys: the columns that tell its records apart
    :ivar removed: the records that it may take away; None for any number, such as the elements of a list
    :ivar whole: the staged rows are everything there is afterwards
    :ivar counts: the condition that a staged row must meet to count; one that does not is removed beforehand, or noted
        where the file is read. As a part of the script itself DuckDB would hold it, and all rows that are inserted, in
        memory
    """

    staged: int
    file: Path
    keys: Sequence[str] = ()
    removed: int | None = None
    whole: bool = False
    counts: str | None = None

    def least(self, before: int) -> int:
        """How many records there are at least, afterwards."""
        if self.whole:
            return self.staged
        return 0 if self.removed is None else before - self.removed


def merge_in_transactions(pipeline: Any, merges: Mapping[str, Merge]) -> None:
    """Let a pipeline's destination run each script that it is given by :class:`CheckedScript`.

    :param merges: by table
    """
    abilities = abilities_of(pipeline)

    def adapt(client: Any) -> None:
        def exchange(table: Any, file: str, job: Any) -> Any:
            if table["name"] not in merges:
                return job
            if not isinstance(job, SqlLoadJob):
                return LeftWhereItIs(file) if abilities.reads_files else job
            # Asked here: while the script runs, dlt's client takes the staging table for the table.
            tables = client.sql_client.get_qualified_table_names(table["name"])
            script = FileScript if abilities.reads_files else CheckedScript
            return script(file, merges[table["name"]], tables, shares=abilities.transactional)

        exchange_jobs(client, exchange)

    adapt_clients(pipeline, adapt)


class CheckedScript(SqlLoadJob):
    """A script of dlt's that is committed whole, or not at all.

    :param merge: what it does to its table
    :param tables: the full names of the table and of the one with the staged rows
    :param shares: whether its statements can share a transaction
    """

    def __init__(self, file_path: str, merge: Merge, tables: tuple[str, str], *, shares: bool) -> None:
        super().__init__(file_path)
        self._merge = merge
        self._tables = tables
        self._shares = shares

    def run(self) -> None:
        """Run it.

        :raises DestinationTerminalException: records went that the load does not account for: :func:`is_lost_rows`
        :raises DestinationTransientException: another load uses the staging table
        """
        self._sql_client = self._job_client.sql_client
        with FileStorage.open_zipsafe_ro(self._file_path, "r", encoding="utf-8") as file:
            script = file.read()
        if self._shares:
            with self._sql_client.begin_transaction():
                self._run_checked(script)
        else:
            with self.maybe_transaction(script):
                self._run_checked(script)

    def _run_checked(self, script: str) -> None:
        merge, name, table = self._merge, self.load_table_name, self._tables[0]
        script = self._of_what_counts(script)
        before = self._records(table)
        self._sql_client.execute_many(self._split_fragments(script))
        after = self._records(table)
        if after < (least := merge.least(before)):
            kept = "was rolled back" if self._shares else "may have been done in part"
            raise _RowsLost(
                f"The table {name} had {counted(before, 'record')} and would have {after} after the load, which can "
                f"leave no fewer than {least}. The load {kept}; the next one reads the list whole. Look for triggers, "
                "rules or constraints of the table that keep rows out."
            )

    def _of_what_counts(self, script: str) -> str:
        """The script for the rows that count."""
        merge, staging = self._merge, self._tables[1]
        staged = self._count(f"SELECT COUNT(*) FROM {staging}")  # nosec B608 # dlt's name, escaped
        if staged != merge.staged:
            name = self.load_table_name
            raise _StagedRowsChanged(
                f"The staging table of {name} has {counted(staged, 'row')} in place of {merge.staged}: another load of "
                f"{name} into this dataset is under way. Let them run one after the other."
            )
        if merge.counts:
            self._sql_client.execute_sql(f"DELETE FROM {staging} WHERE NOT ({merge.counts})")  # nosec B608 # dlt's name, escaped
        return script

    def _records(self, table: str) -> int:
        """How many records a table has: rows of different keys, for a row may have been doubled by hand."""
        keys = ", ".join(map(self._sql_client.escape_column_name, self._merge.keys))
        rows = f"(SELECT DISTINCT {keys} FROM {table}) AS _records" if keys else table  # nosec B608 # dlt's name, escaped
        return self._count(f"SELECT COUNT(*) FROM {rows}")  # nosec B608 # dlt's name, escaped

    def _count(self, query: str) -> int:
        found = self._sql_client.execute_sql(query)
        assert found is not None
        return int(found[0][0])


class FileScript(CheckedScript):
    """A script that reads a Parquet file in place of the staging table."""

    def run(self) -> None:
        """Run it, and write its rows once."""
        self._job_client.sql_client.execute_sql(f"SET GLOBAL checkpoint_threshold = '{_CHECKPOINT}'")
        super().run()

    def _of_what_counts(self, script: str) -> str:
        file = exp.Literal.string(str(self._merge.file)).sql(dialect="duckdb")
        rows = f"read_parquet({file})"
        if self._merge.counts:
            rows = self._without_others(f"read_parquet({file}, file_row_number = true)") or rows
        return script.replace(self._tables[1], rows)

    def _without_others(self, rows: str) -> str | None:
        """The numbered rows that count; None where all do."""
        found = f"SELECT file_row_number FROM {rows} WHERE NOT ({self._merge.counts})"  # nosec B608 # the path is a literal
        self._sql_client.execute_sql(f"CREATE OR REPLACE TEMP TABLE {_OTHERS} AS {found}")
        if not self._count(f"SELECT COUNT(*) FROM {_OTHERS}"):  # nosec B608 # a name of ours
            return None
        others = f"SELECT file_row_number FROM {_OTHERS}"  # nosec B608 # a name of ours
        return f"(SELECT * EXCLUDE (file_row_number) FROM {rows} WHERE file_row_number NOT IN ({others}))"  # nosec B608 # the path is a literal
