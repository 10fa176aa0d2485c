"""Whatever a request meets, nothing is lost and nothing doubled; the docs say for each what comes of it.

Each fault meets each call at one moment; the long form goes through all of them.
"""

from __future__ import annotations

import pytest

from tests.storm.table import written_table
from tests.storm.weather import CELLS, Cell, Weather, is_in_short_form


@pytest.mark.parametrize(
    "cell",
    [pytest.param(cell, marks=() if is_in_short_form(cell) else pytest.mark.long, id=str(cell)) for cell in CELLS],
)
def test_a_fault_ends_as_the_docs_say_and_nothing_is_lost_or_doubled(cell: Cell, weather: Weather) -> None:
    assert weather.outcome(cell) in written_table()[cell.surface.does, cell.kind]
