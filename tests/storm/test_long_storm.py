"""The long form: random calls in random weather, and what it counts."""

from __future__ import annotations

import itertools
import random

from tests.storm.long_storm import LongStorm
from tests.storm.tries import Surface
from tests.storm.weather import Weather


def test_random_calls_in_random_weather_lose_and_double_nothing(weather: Weather) -> None:
    storm = LongStorm(weather, random.Random(4))
    for _ in range(15):
        storm.call()
    assert storm.tally.wrong == []
    assert sum(storm.tally.faults.values()) > 15


def test_what_is_lost_and_what_is_doubled_is_counted(weather: Weather) -> None:
    calls = itertools.count()
    loses = Surface("loses", lambda attempt: list(range(3 - next(calls))))
    doubles = Surface("doubles", lambda attempt: 1, copies=lambda attempt: 2)
    storm = LongStorm(weather, random.Random(1), [loses])
    storm.call()
    assert (storm.tally.lost, storm.tally.doubled) == (1, 0)
    assert storm.tally.wrong == ["loses: [0, 1] is not [0, 1, 2]"]
    storm = LongStorm(weather, random.Random(1), [doubles])
    storm.call()
    assert (storm.tally.lost, storm.tally.doubled) == (0, 1)
