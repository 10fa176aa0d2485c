"""The table in docs/reliability.md: what comes of each fault, by call and kind. Kinds that all calls take alike share a
column."""

from __future__ import annotations

from pathlib import Path

from tests.storm.faults import KINDS
from tests.storm.surfaces import SURFACES
from tests.storm.weather import LATER, NEVER, RIGHT

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
HEAD = "call"
NOT_ASKED = "-"
Found = dict[tuple[str, str], set[str]]
"""The outcomes that were seen, by call and kind of fault."""


def written_table() -> dict[tuple[str, str], str]:
    """The table of the docs: the results of each fault, by call and kind of fault."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    columns = next(row[1:] for row in rows if row[0] == HEAD)
    return {
        (row[0], kind.strip("`")): found
        for row in rows
        if row[0] in {surface.does for surface in SURFACES}
        for kinds, found in zip(columns, row[1:], strict=True)
        for kind in kinds.split()
    }


def as_table(found: Found) -> str:
    """The table for the docs; where moments differ, all that may come."""
    columns: dict[tuple[str, ...], list[str]] = {}
    for kind in KINDS:
        outcomes = tuple(_shown(found.get((surface.does, kind), set())) for surface in SURFACES)
        columns.setdefault(outcomes, []).append(f"`{kind}`")
    lines = [f"| {HEAD} | {' | '.join(map(' '.join, columns.values()))} |", f"|---|{':-:|' * len(columns)}"]
    for at, surface in enumerate(SURFACES):
        lines.append(f"| {surface.does} | {' | '.join(outcomes[at] for outcomes in columns)} |")
    return "\n".join(lines) + "\n"


def write_table(found: Found) -> None:
    """Put it into the docs."""
    page = PAGE.read_text(encoding="utf-8")
    begin = page.index(f"| {HEAD} |")
    PAGE.write_text(page[:begin] + as_table(found) + page[page.index("\n\n", begin) + 1 :], encoding="utf-8")


def _shown(outcomes: set[str]) -> str:
    return "".join(each for each in (RIGHT, LATER, NEVER) if each in outcomes) or NOT_ASKED
