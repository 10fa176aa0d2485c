"""What the tests of the transfers share."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from fsspec.implementations.memory import MemoryFileSystem

from tests.support.postgres_server import postgres as postgres

with contextlib.suppress(ImportError):
    from airflow.io.store import attach  # Airflow 2.11
with contextlib.suppress(ImportError):
    from airflow.sdk.io import attach  # type: ignore[assignment,no-redef]


@pytest.fixture
def bucket() -> Iterator[str]:
    """An empty bucket in memory, as an object-storage address."""
    attach("memory", fs=MemoryFileSystem())
    folder = ObjectStoragePath("memory://bucket")
    folder.fs.store.clear()
    yield "memory://bucket"
    folder.fs.store.clear()
