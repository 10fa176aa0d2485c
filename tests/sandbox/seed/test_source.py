"""Where the company's chance, names and times come from: the same every time."""

from __future__ import annotations

import os
import subprocess
import sys

from airflow_provider_pipedrive.sandbox.seed import build
from tests.support.seeded_company import NOW


def test_the_same_seed_size_and_moment_give_the_same_company() -> None:
    assert build(7, 40, NOW) == build(7, 40, NOW)
    assert build(7, 40, NOW)["deals"] != build(8, 40, NOW)["deals"]


def test_the_company_does_not_depend_on_the_process_that_makes_it() -> None:
    code = (
        "import hashlib; from datetime import UTC, datetime;"
        "from airflow_provider_pipedrive.sandbox.seed import build;"
        "print(hashlib.sha256(repr(build(7, 40, datetime(2026, 11, 1, 12, tzinfo=UTC))).encode()).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(made) == 1
