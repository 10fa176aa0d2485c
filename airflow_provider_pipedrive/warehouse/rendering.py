"""Our own SQL, written once and rendered for a destination's dialect.

A statement is written in Postgres' dialect, with the plain names of the dataset's tables, and aliases wherever a
column is qualified. sqlglot, which dlt itself is built on, knows the dialects. https://sqlglot.com
"""

from __future__ import annotations

from typing import Any

import sqlglot
from sqlglot import exp


def rendered(client: Any, statement: str | exp.Expression) -> str:
    """A statement in the dialect of a client of dlt's, its tables with their full names, every name in quotes."""
    tree = sqlglot.parse_one(statement, dialect="postgres") if isinstance(statement, str) else statement.copy()
    for name in tree.find_all(exp.Identifier):
        name.set("this", client.capabilities.casefold_identifier(name.name))
        name.set("quoted", True)
    within = {cte.alias for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if table.name not in within and not table.db:
            for part, value in _path(client, table.name).items():
                table.set(part, exp.to_identifier(value, quoted=True))
    return tree.sql(dialect=dialect_of(client))


def table_column(client: Any, table: str, column: str) -> exp.Column:
    """A column with the full name of its table, as only ``COMMENT ON COLUMN`` takes one."""
    names = {"this": column, "table": table, **_path(client, table)}
    return exp.Column(**{part: exp.to_identifier(name) for part, name in names.items()})


def dialect_of(client: Any) -> str:
    """The name of the destination's dialect."""
    return str(client.capabilities.sqlglot_dialect or "")


def _path(client: Any, table: str) -> dict[str, str]:
    """Where a table is."""
    *outer, _ = client.make_qualified_table_name_path(table, quote=False)
    return dict(zip(("db", "catalog"), reversed(outer), strict=False))
