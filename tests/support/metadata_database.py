"""Airflow's metadata database, as far as connections go."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture
def database() -> Iterator[None]:
    """Its tables of connections and of Variables, made for one test."""
    from airflow import settings
    from airflow.models import Connection

    metadata = Connection.metadata
    tables = [table for name, table in metadata.tables.items() if name in ("connection", "team", "variable")]
    metadata.create_all(settings.engine, tables=tables)
    yield
    metadata.drop_all(settings.engine, tables=tables)
