"""The table of warehouses in the documentation: what the trial has found, and nothing else."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_documentation_says_of_each_warehouse_what_the_trial_has_found() -> None:
    trial = runpy.run_path(str(ROOT / "tools" / "trials" / "warehouses.py"))
    found = json.loads((ROOT / "docs" / "warehouses.json").read_text())
    assert trial["table"](found) in (ROOT / "docs" / "warehouse.md").read_text()
    assert {step.__name__ for step in trial["STEPS"]} == {step for steps in found.values() for step in steps}
