"""Pipedrive's clock in fractions of a second, from answers that tell whole ones."""

from __future__ import annotations

from datetime import UTC, datetime

from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.reading import server_clock
from airflow_provider_pipedrive.extraction.reading.server_clock import ServerClock

TRUE = 1_780_000_000.25
"""The time there when this machine's clock says 0."""


def test_of_many_answers_the_one_that_came_just_after_a_second_began_tells_the_time(mocker: MockerFixture) -> None:
    here = mocker.patch.object(server_clock.time, "monotonic")
    clock = ServerClock()
    assert clock.now is None
    late = []
    for here.return_value in (10.0, 10.25, 10.5, 10.75, 11.5, 12.5):
        clock.note(datetime.fromtimestamp(int(TRUE + here.return_value), UTC))
        clock.note(None)
        assert clock.now is not None
        late.append(TRUE + here.return_value - clock.now.timestamp())
    assert late == [0.25, 0.25, 0.25, 0.0, 0.0, 0.0]
