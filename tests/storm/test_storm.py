"""Whatever a request meets, nothing is lost and nothing doubled; the docs say for each what comes of it.

Each fault meets each call at one moment; the long form goes through all of them.
"""

from __future__ import annotations

from importlib.metadata import version

import pytest

from tests.storm.surfaces import SURFACES
from tests.storm.table import written_table
from tests.storm.weather import CELLS, Cell, Weather, is_in_short_form

UNPACKS_SLOWLY = tuple(map(int, version("urllib3").split(".")[:2])) < (2, 6)
"""urllib3 before 2.6 takes a minute or more for what unpacks to 200 MiB."""


def marks(cell: Cell) -> list[pytest.MarkDecorator]:
    slow = UNPACKS_SLOWLY and cell.kind == "huge" and cell.surface is not SURFACES[0]
    return [
        *([] if is_in_short_form(cell) else [pytest.mark.long]),
        *([pytest.mark.skip("urllib3 unpacks slowly before 2.6: the first call alone")] if slow else []),
    ]


@pytest.mark.parametrize("cell", [pytest.param(cell, marks=marks(cell), id=str(cell)) for cell in CELLS])
def test_a_fault_ends_as_the_docs_say_and_nothing_is_lost_or_doubled(cell: Cell, weather: Weather) -> None:
    assert weather.outcome(cell) in written_table()[cell.surface.does, cell.kind]
