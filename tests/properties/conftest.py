"""How many examples hypothesis tries: in the test command few and always the same, in longer trials many and new ones.

``pytest tests/properties --hypothesis-profile=long`` is such a trial; ``tools/test.py --long`` runs it.
"""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=40, stateful_step_count=30)
settings.register_profile("long", deadline=None, max_examples=1000)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("suite")
