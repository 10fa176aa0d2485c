"""MariaDB and MySQL as dlt's SQLAlchemy destination loads into them, but for texts and JSON.

Left to itself dlt makes columns of the type TEXT, of 64 KB at most and in the character set of the database, which may
be Latin-1: longer notes and Greek names would be refused. And what is JSON already it encodes again.
"""

from __future__ import annotations

from typing import Any

from dlt.destinations.impl.sqlalchemy.dialect import MysqlDialectCapabilities, register_dialect_capabilities
from sqlalchemy.dialects.mysql import LONGTEXT
from sqlalchemy.types import JSON, Text, UserDefinedType

_NAMES = ("mysql", "mariadb")


class _EncodedJson(UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_others: Any) -> str:
        return "JSON"


class _WholeTexts(MysqlDialectCapabilities):
    def adapt_table(self, table: Any, table_schema: Any) -> Any:
        for column in table.columns:
            if isinstance(column.type, JSON):
                column.type = _EncodedJson()
            elif isinstance(column.type, Text):
                # Compared as they are, upper and lower case told apart.
                column.type = LONGTEXT(charset="utf8mb4", collation="utf8mb4_bin")
        return table


def keep_whole_texts() -> None:
    """Have dlt make columns that hold any text, from now on in this process."""
    for name in _NAMES:
        register_dialect_capabilities(name, _WholeTexts)
