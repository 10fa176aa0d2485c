"""Rows of a database into Pipedrive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.task_support import check_connection_id

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

_FETCHED = 1_000


class SqlToPipedriveOperator(PipedriveBulkOperator):
    """Write the rows of a query to Pipedrive, as :class:`PipedriveBulkOperator` does.

    The query's columns are the rows' columns. Rows are fetched a thousand at a time, from a cursor on the server where
    the database has one.

    :param sql: the query, or the name of a ``.sql`` file (templated)
    :param sql_conn_id: the connection of the database: of any type whose hook is one of common-sql's (templated)
    :param sql_parameters: what fills the query's placeholders (templated)
    """

    template_fields: Sequence[str] = (*PipedriveBulkOperator.template_fields, "sql", "sql_conn_id", "sql_parameters")
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        **PipedriveBulkOperator.template_fields_renderers,
        "sql": "sql",
        "sql_parameters": "json",
    }
    sql_parameters = KeptFromLineage()

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        sql_parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.sql_parameters = sql_parameters
        super().__init__(**kwargs)
        check_connection_id("sql_conn_id", sql_conn_id)
        if not isinstance(sql, str) or not sql.strip():
            raise PipedriveParameterError("sql must be a query, or the name of a .sql file.")

    def _rows(self, context: Context) -> Iterable[Mapping[str, Any]]:
        connection: Any = BaseHook.get_connection(self.sql_conn_id)
        hook = connection.get_hook()
        if not hasattr(hook, "get_conn") or not hasattr(hook, "get_records"):
            raise PipedriveParameterError(
                f"The connection {self.sql_conn_id} is not that of a database: its hook is {type(hook).__name__}."
            )
        return _fetched(hook, self.sql, self.sql_parameters, f"The database of connection {self.sql_conn_id}")


def _fetched(hook: Any, sql: str, parameters: Any, whose: str) -> Iterator[dict[str, Any]]:
    with _databases_own_words(whose):
        connection = hook.get_conn()
    with closing(connection), closing(_cursor(connection)) as cursor:
        with _databases_own_words(whose):
            cursor.execute(sql, *([parameters] if parameters else []))
        names: list[str] = []
        while rows := _next_rows(cursor, whose):
            names = names or _columns(cursor)
            for row in rows:
                yield dict(zip(names, row, strict=True))


def _next_rows(cursor: Any, whose: str) -> Sequence[Any]:
    with _databases_own_words(whose):
        rows: Sequence[Any] = cursor.fetchmany(_FETCHED)
    return rows


@contextmanager
def _databases_own_words(whose: str) -> Iterator[None]:
    """Say that it was the database that failed: a run's journal is one too, and Pipedrive answers in between."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - each driver has exceptions of its own
        words = " ".join(str(error).split()) or type(error).__name__
        raise PipedriveError(f"{whose} did not answer the query: {words}", retryable=True) from None


def _columns(cursor: Any) -> list[str]:
    names = [str(column[0]) for column in cursor.description]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PipedriveParameterError(
            f"sql gives two columns the name {', '.join(map(repr, twice))}: rename one of them with AS."
        )
    return names


def _cursor(connection: Any) -> Any:
    """A cursor that keeps the rows on the server, where the driver is Postgres's."""
    module = type(connection).__module__
    if module.startswith(("psycopg2", "psycopg")):
        return connection.cursor(name=f"pipedrive_{uuid4().hex}")
    return connection.cursor()
