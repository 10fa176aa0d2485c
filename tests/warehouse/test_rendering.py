"""One statement in the dialects of several destinations."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

dlt = pytest.importorskip("dlt", reason="the extra warehouse is not installed")

from airflow_provider_pipedrive.warehouse.rendering import rendered  # noqa: E402


def client(destination: str) -> Any:
    """What a client of dlt's says of its destination, in the dataset ``crm``."""
    capabilities = getattr(dlt.destinations, destination)().capabilities()
    fold = capabilities.casefold_identifier
    return SimpleNamespace(
        capabilities=capabilities,
        make_qualified_table_name_path=lambda table, quote: [fold("crm"), fold(table)],
    )


@pytest.mark.parametrize(
    ("destination", "sql"),
    [
        (
            "postgres",
            'WITH "late" AS (SELECT "d"."id" FROM "crm"."deals" AS "d") '
            'SELECT CAST("l"."id" AS TEXT) FROM "late" AS "l"',
        ),
        (
            "snowflake",
            'WITH "LATE" AS (SELECT "D"."ID" FROM "CRM"."DEALS" AS "D") '
            'SELECT CAST("L"."ID" AS VARCHAR) FROM "LATE" AS "L"',
        ),
        (
            "mssql",
            "WITH [late] AS (SELECT [d].[id] AS [id] FROM [crm].[deals] AS [d]) "
            "SELECT CAST([l].[id] AS VARCHAR(MAX)) FROM [late] AS [l]",
        ),
    ],
)
def test_tables_get_their_full_names_and_what_the_statement_makes_itself_does_not(destination: str, sql: str) -> None:
    statement = "WITH late AS (SELECT d.id FROM deals AS d) SELECT l.id::text FROM late AS l"
    # Snowflake's TEXT and VARCHAR are one type; sqlglot wrote the first before version 28.
    as_text = sql.replace("AS VARCHAR)", "AS TEXT)")
    assert rendered(client(destination), statement) in (sql, as_text)
