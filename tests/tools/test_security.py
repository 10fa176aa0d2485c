"""What docs/security.md says is held by tests."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "airflow_provider_pipedrive"


def bandit(*paths: Path) -> list[str]:
    """What bandit finds: rule and line."""
    command = [sys.executable, "-m", "bandit", "-q", "-f", "json", "-c", ROOT / "pyproject.toml", "-r", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return [f"{found['test_id']} {found['code'].strip()}" for found in json.loads(done.stdout)["results"]]


def test_bandit_finds_no_dangerous_line_without_a_reason() -> None:
    assert bandit(PACKAGE) == []


def test_bandit_finds_a_dangerous_line(tmp_path: Path) -> None:
    (tmp_path / "unsafe.py").write_text("import subprocess\n\nsubprocess.run('ls ' + name, shell=True)\n")
    assert {found.split()[0] for found in bandit(tmp_path)} == {"B404", "B602"}


def test_each_line_that_bandit_passes_over_names_the_rule_and_the_reason() -> None:
    passed_over = [line for file in PACKAGE.rglob("*.py") for line in file.read_text().splitlines() if " nosec" in line]
    assert [line for line in passed_over if not re.search(r"# nosec B\d{3} # \w.+", line)] == []
    assert len(passed_over) < 60
