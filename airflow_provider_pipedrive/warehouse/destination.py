"""Where a warehouse is: a DuckDB file, or any SQL destination of dlt's."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

from airflow_provider_pipedrive.catalog.advice import did_you_mean, nearest
from airflow_provider_pipedrive.errors import PipedriveParameterError

DUCKDB = "duckdb:///"
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_DATASET = re.compile(r"[a-z](?:_?[a-z0-9])*")
"""What dlt leaves as it is."""
DESTINATIONS = (
    *("athena", "bigquery", "clickhouse", "databricks", "dremio", "duckdb", "ducklake", "fabric"),
    *("motherduck", "mssql", "postgres", "redshift", "snowflake", "sqlalchemy", "synapse"),
)
"""dlt's destinations that know SQL, as far as they are its own: others may be configured under names of their own.
https://dlthub.com/docs/dlt-ecosystem/destinations"""
TRUNCATE_COMMITS = frozenset({"redshift", "snowflake", "sqlalchemy"})
"""Where emptying a table by TRUNCATE ends the transaction, or may: there it is done by DELETE.
https://docs.aws.amazon.com/redshift/latest/dg/r_TRUNCATE.html,
https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html"""
SQLALCHEMY_NAMES = ("mysql", "mariadb")
"""Databases that dlt loads into by SQLAlchemy, and not by a destination of their name."""
SMALL_DUCKDB: Final = {"threads": 1, "preserve_insertion_order": False}
"""Settings of a DuckDB that leaves a worker to others too."""
_DUCKDB_SETTINGS = ("memory_limit", "threads")

_DLT_SETTINGS = {
    # dlt reports each run to its makers unless told not to. A CRM's pipeline calls nobody that it was not told to call.
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    # dlt looks for every single setting among Airflow's Variables: dozens of calls to the API server a run.
    "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",
    # Files that are read at once and then gone: half of the CPU of a load into Postgres went into gzip.
    "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
    # One file after the other, in this process: memory is bounded.
    "EXTRACT__WORKERS": "1",
    "NORMALIZE__WORKERS": "1",
    "LOAD__WORKERS": "1",
    # A snapshot takes the place of a table in one transaction. By default dlt empties the table first.
    "DESTINATION__REPLACE_STRATEGY": "insert-from-staging",
    # Rows are not left behind a second time in the staging dataset.
    "LOAD__TRUNCATE_STAGING_DATASET": "true",
}


@dataclass(frozen=True)
class Destination:
    """Where a warehouse is.

    :ivar name: ``duckdb:///relative/file.duckdb`` or ``duckdb:////absolute/file.duckdb``, with
        ``?memory_limit=1GB&threads=4`` where DuckDB is to have more than the little it needs here; or the name of one
        of dlt's destinations, such as ``postgres``
    :ivar credentials: of the latter, as dlt names their parts; without them dlt looks into its own configuration
    :raises PipedriveParameterError: this is no destination
    """

    name: str
    credentials: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def address(self) -> tuple[str | None, Any, str | None]:
        """Host, port and database, as far as the credentials name them."""
        given = self.credentials or {}
        return given.get("host"), given.get("port"), given.get("database")

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise PipedriveParameterError(f"destination must be a text, not {type(self.name).__name__}.")
        if self.name.startswith(DUCKDB):
            self._check_file()
        elif "://" in self.name:
            # Not shown: it may well have a password in it.
            raise PipedriveParameterError(
                "destination takes no URL but duckdb:///path/to/file.duckdb. For another warehouse give the name of "
                "dlt's destination, such as 'postgres', and keep the credentials in an Airflow connection "
                "(destination_conn_id) or in dlt's own configuration."
            )
        elif not _NAME.fullmatch(self.name):
            raise PipedriveParameterError(
                "destination must be duckdb:///path/to/file.duckdb or the name of a dlt destination, not "
                f"{self.name!r}."
            )
        elif self.name == "duckdb" and not self.credentials:
            raise PipedriveParameterError("destination 'duckdb' needs the file: duckdb:///path/to/file.duckdb.")

    @property
    def file(self) -> Path | None:
        """The DuckDB file, where it is one."""
        if not self.name.startswith(DUCKDB):
            return None
        return Path(unquote(self.name.removeprefix(DUCKDB).partition("?")[0]))

    @property
    def settings(self) -> dict[str, str]:
        """DuckDB's settings in the destination's name."""
        return dict(parse_qsl(self.name.partition("?")[2], keep_blank_values=True)) if self.file else {}

    @property
    def has_own_memory_limit(self) -> bool:
        """Whether it is a DuckDB file without a limit of memory in its name, so that one is found for it."""
        return bool(self.file) and "memory_limit" not in self.settings

    @property
    def catalog(self) -> str | None:
        """The address of the database that Iceberg tables are listed in."""
        found = (self.credentials or {}).get("catalog")
        return str(found) if self.name == "filesystem" and found else None

    def secrets(self) -> list[str]:
        """What must not be shown of the credentials."""
        return [value for value in _texts(self.credentials) if value]

    def check(self) -> None:
        """Find out what can be found out without connecting.

        :raises PipedriveParameterError: something is not installed, or the file cannot be there
        """
        if find_spec("dlt") is None or find_spec("pyarrow") is None or (self.file and find_spec("duckdb") is None):
            raise PipedriveParameterError(
                "Loading into a warehouse needs dlt, duckdb and pyarrow on the workers: "
                "pip install 'airflow-provider-pipedrive[warehouse]'."
            )
        if self.file and self.file.is_dir():
            raise PipedriveParameterError(
                f"destination: {self.file} is a folder: name a file in it, such as crm.duckdb."
            )
        if self.file and not self.file.absolute().parent.is_dir():
            raise PipedriveParameterError(
                f"destination: the folder {self.file.absolute().parent} does not exist: create it."
            )

    def build(self, memory_mb: int) -> Any:
        """dlt's destination.

        :param memory_mb: what DuckDB may use of memory; more it keeps on disk
        :raises PipedriveParameterError: dlt has no such destination
        """
        import dlt
        from dlt.common.destination.exceptions import UnknownDestinationModule
        from dlt.common.destination.reference import Destination as Known

        if self.file:
            from dlt.destinations.impl.duckdb.configuration import DuckDbCredentials

            credentials = DuckDbCredentials(str(self.file))
            credentials.global_config = {"memory_limit": f"{memory_mb}MB", **SMALL_DUCKDB, **self.settings}
            return dlt.destinations.duckdb(credentials)
        if self.name == "sqlalchemy":
            from airflow_provider_pipedrive.warehouse.mysql import keep_whole_texts

            keep_whole_texts()
        try:
            # To empty a table must not end the transaction that fills it again.
            limits: dict[str, Any] = {"supports_truncate_command": False} if self.name in TRUNCATE_COMMITS else {}
            given = dict(self.credentials or {})
            if "bucket_url" in given:
                limits["bucket_url"] = given.pop("bucket_url")
            if self.catalog:
                del given["catalog"]
            return Known.from_reference(self.name, credentials=given or None, **limits)
        except UnknownDestinationModule:
            raise _unknown(self.name, did_you_mean(self.name, DESTINATIONS)) from None

    def _check_file(self) -> None:
        if not self.file or self.file.name in ("", ":memory:"):
            raise PipedriveParameterError(
                "destination: a warehouse is a file that stays: duckdb:///relative/file.duckdb or "
                "duckdb:////absolute/file.duckdb."
            )
        unknown = sorted(set(self.settings) - set(_DUCKDB_SETTINGS))
        if unknown:
            raise PipedriveParameterError(
                f"destination: a DuckDB file takes {' and '.join(_DUCKDB_SETTINGS)}, not {unknown[0]!r}."
            )


def check_destination(name: Any, *, has_credentials: bool) -> None:
    """Find what cannot be a destination when a DAG is parsed, where dlt may not be installed.

    :param has_credentials: whether a connection with credentials is named too
    :raises PipedriveParameterError: it is none, or looks like one that was mistyped
    """
    Destination(name, {"": ""} if has_credentials else None)
    if name.startswith((DUCKDB, *(f"{known}_" for known in DESTINATIONS))) or name in DESTINATIONS:
        return
    if name in SQLALCHEMY_NAMES:
        raise _unknown(
            name,
            " It reaches MariaDB and MySQL by SQLAlchemy: destination='sqlalchemy', and a connection that has host, "
            'port, login, password, schema, and as extra {"drivername": "mysql+pymysql"}.',
        )
    # What looks like none of dlt's own may be configured on the workers under that name.
    near = nearest(name, DESTINATIONS, cutoff=0.75)
    if near:
        raise _unknown(name, f" Did you mean {near[0]!r}?")


def _unknown(name: str, hint: str) -> PipedriveParameterError:
    return PipedriveParameterError(
        f"dlt has no destination {name!r}.{hint} See https://dlthub.com/docs/dlt-ecosystem/destinations."
    )


def check_dataset(dataset: Any) -> None:
    """Whether dlt takes the dataset's name as it is.

    :raises PipedriveParameterError: it does not
    """
    if not isinstance(dataset, str) or not _DATASET.fullmatch(dataset):
        raise PipedriveParameterError(
            f"dataset must be a name of lower-case letters, digits and single underscores, not {dataset!r}."
        )


@contextmanager
def dlt_settings() -> Iterator[None]:
    """dlt as it is needed here; what is set in the environment already is left as it is."""
    ours = {name: value for name, value in _DLT_SETTINGS.items() if name not in os.environ}
    os.environ.update(ours)
    try:
        yield
    finally:
        for name in ours:
            os.environ.pop(name, None)


def _texts(value: Any) -> Iterator[str]:
    """All passwords in credentials: every text but for those that are known to be harmless."""
    harmless = ("host", "username", "database", "port", "drivername")
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key not in harmless:
                yield from _texts(item)
    elif isinstance(value, str):
        yield value
