"""Columns of MariaDB and MySQL, as dlt is to make them; tests/warehouse/test_capabilities.py loads into them."""

from __future__ import annotations

import pytest

pytest.importorskip("dlt", reason="the extra warehouse is not installed")


def test_a_column_of_text_holds_any_text_and_one_of_json_takes_it_as_it_is() -> None:
    from dlt.destinations.impl.sqlalchemy.dialect import get_dialect_capabilities
    from sqlalchemy import JSON, BigInteger, Column, MetaData, Table, Text
    from sqlalchemy.dialects import mysql
    from sqlalchemy.schema import CreateTable

    from airflow_provider_pipedrive.warehouse.mysql import keep_whole_texts

    keep_whole_texts()
    table = Table("deals", MetaData(), Column("id", BigInteger), Column("title", Text), Column("label_ids", JSON))
    known = get_dialect_capabilities("mysql")
    assert known is not None
    made = str(CreateTable(known.adapt_table(table, {"name": "deals"})).compile(dialect=mysql.dialect()))
    assert "title LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin" in made
    assert table.c.label_ids.type.bind_processor(mysql.dialect()) is None
