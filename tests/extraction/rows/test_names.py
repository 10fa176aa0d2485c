"""Column names: from what people call their fields, valid in SQL without quotes."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from airflow_provider_pipedrive.extraction.rows.names import column_name
from tests.support.field_definitions import A, custom, field, schema


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Region", "region"),
        ("Next step / owner", "next_step_owner"),
        ("  Spaces  and—dashes ", "spaces_and_dashes"),
        ("Größe (m²)", "grosse_m2"),
        ("Ärzte & Söhne", "arzte_sohne"),
        ("Łódź Ørsted Æther", "lodz_orsted_aether"),
        ("İstanbul ışık", "istanbul_isik"),
        ("Client's budget", "clients_budget"),
        ("Client’s budget", "clients_budget"),
        ("Регион продаж", "region_prodazh"),
        ("Об'єкт", "obiekt"),
        ("Περιοχή", "periokhe"),
        ("カテゴリ", "kategori"),
        ("지역", "jiyeog"),
        ("2nd contact", "field_2nd_contact"),
        ("Order", "order_field"),
        ("User", "user_field"),
        ("Pivot", "pivot_field"),
        ("100 %", "field_100"),
        ("売上高", "mai_shang_gao"),
        ("営業エリア", "ying_ye_eria"),
        ("ｶﾞｲﾄﾞ", "gaido"),
        ("客户 ID", "ke_hu_id"),
        ("客户", "ke_hu"),
        ("المنطقة", "lmntq"),
        ("half \ud83d", "half"),
        ("???", ""),
        ("🚀", ""),
        ("", ""),
    ],
)
def test_a_fields_name_becomes_a_column_name(name: str, column: str) -> None:
    assert column_name(name) == column


@pytest.mark.parametrize("name", ["???", "🚀", ""])
def test_a_name_of_which_nothing_can_be_written_gives_the_beginning_of_the_fields_key(name: str) -> None:
    assert custom(schema(field(A, name))) == ["field_a1a1a1a1"]


def test_every_name_is_a_column_without_quotes() -> None:
    names = ["Größe", "2nd contact", "Order", "Select", "客户", "x" * 300, "Регион", "__", "A-B", "Site"]
    fields = [field(f"{number:040x}", name) for number, name in enumerate(names)]

    columns = [column.name for column in schema(*fields, field(A, "Site", "address")).columns]

    with closing(sqlite3.connect(":memory:")) as database, database:
        database.execute(f"CREATE TABLE deals ({', '.join(columns)})")
    database.close()
    assert max(map(len, columns)) <= 63
    assert not [name for name in columns if "__" in name or name.endswith("_") or not name.isascii()]


def test_no_word_of_sql_is_left_as_a_name_that_needs_quotes() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as database:
        words = {word for (word,) in database.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()}
        columns = {column_name(word) for word in words}
        database.execute(f"CREATE TABLE deals ({', '.join(f'{name} INT' for name in sorted(columns))})")
        for name in columns:
            database.execute(f"SELECT {name} FROM deals")

    assert len(words) > 400
