"""docs/compatibility.md says what the code has on this Airflow, and on no other."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest
from airflow import __version__

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "compatibility.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    """The program that writes the page."""
    return runpy.run_path(str(ROOT / "tools" / "generate" / "compatibility_page.py"))


def column(head: str) -> dict[str, str]:
    """A column of the page's first table: what is said of each feature."""
    table = [line.strip("| ").split(" | ") for line in PAGE.splitlines() if line.startswith("| ")]
    heads = next(row for row in table if "2.11" in row)
    rows = table[table.index(heads) + 1 :]
    return {row[0]: row[heads.index(head) + 1] for row in rows if len(row) == len(heads) + 1}


def test_the_page_says_of_this_airflow_what_the_code_says(written: dict[str, Any]) -> None:
    said = column(".".join(__version__.split(".")[:2]))
    assert said == {feature: "yes" if has else "-" for feature, has in written["here"]().items()}


def test_the_page_is_what_its_program_writes_of_it(written: dict[str, Any]) -> None:
    heads = {version: ".".join(version.split(".")[:2]) for version in written["VERSIONS"]}
    found = {
        version: {feature: cell == "yes" for feature, cell in column(head).items()} for version, head in heads.items()
    }
    assert written["page"](found) == PAGE
