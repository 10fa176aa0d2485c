"""One company for all tests of what it is made of."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.sandbox.seed import build
from tests.support.seeded_company import NOW, Company


@pytest.fixture(scope="session")
def company() -> Company:
    return build(1, 600, NOW)
