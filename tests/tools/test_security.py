"""What docs/security.md says is held by tests."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "airflow_provider_pipedrive"
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
AREAS = [
    *("Tokens", "Pages", "Webhooks", "Raw requests", "Files", "Texts of the CRM", "Logs and lineage", "Staged data"),
    *("Agents", "Supply chain"),
]


def named_tests(cells: str) -> list[tuple[str, str]]:
    """The tests in a row of the page: file and name."""
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", cells)


def functions_of(file: Path) -> set[str]:
    if not file.exists():
        return set()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


@pytest.mark.parametrize("area", AREAS)
def test_each_area_has_threats_each_with_a_test_that_exists(area: str) -> None:
    section = PAGE.partition(f"\n## {area}\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| ")][1:]
    tests = {row.split("|")[1].strip(): named_tests(row) for row in rows if not row.startswith("|---")}
    assert tests
    assert [threat for threat, named in tests.items() if not named] == []
    gone = [
        f"{file}::{name}" for named in tests.values() for file, name in named if name not in functions_of(ROOT / file)
    ]
    assert gone == []


def test_every_area_of_the_page_is_looked_at() -> None:
    sections = PAGE.split("\n## ")[1:]
    assert [section.partition("\n")[0] for section in sections if "`tests/" in section] == AREAS


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
