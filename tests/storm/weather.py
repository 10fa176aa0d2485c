"""A fault at a moment of what a user calls, what comes of it, and the table of all of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import SECRETS
from tests.storm.surfaces import SURFACES, Surface, Try

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "reliability.md"
KINDS = (
    "429", "429-daily", "500", "502", "503", "401", "403", "410", "html403", "reset", "reset-after", "truncate",
    "slow", "empty", "not-json", "nan", "bad-utf8",
)  # fmt: skip
"""Those that every request can meet; faults of pages are in the tests of paging."""
MOMENTS = ("first", "middle", "last", "all")
"""Which requests meet the fault."""
HEAD = "call"
RIGHT, LATER, NEVER = "✓", "↻", "✗"
"""The right result at once; an error after which the next try has it; an error that is for people."""


@dataclass(frozen=True)
class Cell:
    """One fault at one moment."""

    surface: Surface
    kind: str
    moment: str

    def __str__(self) -> str:
        return f"{self.surface.does} - {self.kind} - {self.moment}"


CELLS = [
    Cell(surface, kind, moment)
    for surface in SURFACES
    for kind in KINDS
    for moment in MOMENTS
    if kind not in surface.is_without
]


def is_in_short_form(cell: Cell) -> bool:
    """Whether it is one of the quarter that the test command has: each fault meets each call once."""
    turn = SURFACES.index(cell.surface) + KINDS.index(cell.kind)
    return cell.moment == MOMENTS[turn % len(MOMENTS)]


class Weather:
    """Lets things happen in a company.

    :param folder: in which each try has a folder
    """

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self._sandbox = sandbox
        self._folder = folder
        self._begun = 0
        self._calm: dict[str, tuple[Any, int]] = {}

    def outcome(self, cell: Cell) -> str:
        """What came of a fault: one of the three.

        :raises AssertionError: something was lost, doubled or told, or no error of the package says what happened
        """
        result, requests = self.in_calm_weather(cell.surface)
        attempt = self.begin()
        skip = {"first": 0, "middle": requests // 2, "last": requests - 1, "all": 0}[cell.moment]
        count = None if cell.moment == "all" else 1
        self._sandbox.fault("*", cell.kind, skip=skip, count=count, seconds=0.01)
        try:
            found = cell.surface.run(attempt)
        except Exception as error:  # noqa: BLE001 - which it is, is what is asked
            return self._after(error, cell, attempt, result)
        if found is False:  # a sensor that goes on waiting
            return self._next_try(cell, attempt, result)
        assert found == result
        return RIGHT

    def _after(self, error: Exception, cell: Cell, attempt: Try, result: Any) -> str:
        assert secrets_told_by(error) == []
        assert cell.surface.copies(attempt) <= 1
        if is_for_people(error):
            return NEVER
        return self._next_try(cell, attempt, result)

    def _next_try(self, cell: Cell, attempt: Try, result: Any) -> str:
        self.calm_down()
        assert cell.surface.run(replace(attempt, number=2)) == result
        return LATER

    def in_calm_weather(self, surface: Surface) -> tuple[Any, int]:
        """The result without a fault, and how many requests it takes."""
        if surface.does not in self._calm:
            attempt = self.begin()
            self._calm[surface.does] = surface.run(attempt), len(self._sandbox.requests)
        return self._calm[surface.does]

    def calm_down(self) -> None:
        """Let the next day begin, without faults."""
        self._sandbox.clear_faults()
        self._sandbox.advance(86_400)
        forget_limits()

    def begin(self) -> Try:
        """The first try of a call, in a company as it was in the beginning."""
        self._sandbox.reset()
        forget_tokens()
        forget_limits()
        self._begun += 1
        folder = self._folder / str(self._begun)
        folder.mkdir()
        return Try(self._sandbox, folder)


def secrets_told_by(error: Exception) -> list[str]:
    """The secrets in what an error says."""
    told = f"{error} {error.__cause__}"
    return [secret for secret in SECRETS if secret in told]


def is_for_people(error: Exception) -> bool:
    """Whether the task has failed for good, so that a person must look.

    :raises AssertionError: it is not an error that the package raises
    """
    if isinstance(error, AirflowFailException):
        return True
    assert isinstance(error, PipedriveError), repr(error)
    return not error.retryable


def written_table() -> dict[tuple[str, str], str]:
    """The table of the docs: the result of each fault, by call and kind of fault."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split(" | ")]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ")
    ]
    kinds = next(row[1:] for row in rows if row[0] == HEAD)
    return {
        (row[0], kind.strip("`")): found
        for row in rows
        if row[0] in {surface.does for surface in SURFACES}
        for kind, found in zip(kinds, row[1:], strict=True)
    }


def as_table(found: dict[tuple[str, str], set[str]]) -> str:
    """The table for the docs; where moments differ, all that may come."""
    order = (RIGHT, LATER, NEVER)
    lines = [f"| {HEAD} | {' | '.join(f'`{kind}`' for kind in KINDS)} |", f"|---|{':-:|' * len(KINDS)}"]
    for surface in SURFACES:
        outcomes = ["".join(each for each in order if each in found[surface.does, kind]) or "-" for kind in KINDS]
        lines.append(f"| {surface.does} | {' | '.join(outcomes)} |")
    return "\n".join(lines) + "\n"


def write_table(found: dict[tuple[str, str], set[str]]) -> None:
    """Put it into the docs."""
    page = TABLE.read_text(encoding="utf-8")
    begin = page.index(f"| {HEAD} |")
    TABLE.write_text(page[:begin] + as_table(found) + page[page.index("\n\n", begin) + 1 :], encoding="utf-8")
