from __future__ import annotations

from tests.support.metadata_database import database  # noqa: F401 - pytest finds a fixture by its name here
