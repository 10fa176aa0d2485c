"""Random calls in random weather, one after the other, for hours: what was sent, and what was lost or doubled.

Several faults meet a call at once, and a task is tried again in the same weather. What a person is asked to see to
(a right, a creation whose answer was lost) is seen to: after the last try in bad weather there is one in calm weather,
unless Pipedrive has by then the record that was to be created.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from tests.storm.faults import ANSWERED, ON_THIS_MACHINE
from tests.storm.surfaces import SURFACES
from tests.storm.tries import Surface, Try
from tests.storm.weather import Weather, is_for_people, secrets_told_by

MOST_FAULTS, MOST_TRIES = 3, 4
_ON_THIS_MACHINE = [kind for kind in ON_THIS_MACHINE if kind != "revoked"]
"""Without what only a person's browser ends."""


@dataclass
class Tally:
    """What came of the calls so far.

    :ivar faults: how many requests met each kind of fault
    :ivar wrong: what was not as it should be, in words: none of these should ever be there
    """

    calls: int = 0
    tries: int = 0
    requests: int = 0
    lost: int = 0
    doubled: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        met = ", ".join(f"{kind} {count:,}" for kind, count in sorted(self.faults.items()))
        return (
            f"calls {self.calls:,}, tries {self.tries:,}, requests sent {self.requests:,}, lost {self.lost:,}, doubled "
            f"{self.doubled:,}, otherwise wrong {len(self.wrong) - self.lost - self.doubled:,}; faults met: {met}"
        )


class LongStorm:
    """Calls in bad weather.

    :param dice: choose calls and faults
    """

    def __init__(self, weather: Weather, dice: random.Random, surfaces: Sequence[Surface] = SURFACES) -> None:
        self.tally = Tally()
        self._surfaces = surfaces
        self._weather = weather
        self._dice = dice

    def call(self) -> None:
        """One call, until it is done."""
        surface = self._dice.choice(self._surfaces)
        # By OAuth a person may have to connect again, and connects by another credential.
        is_by_oauth = self._dice.random() < 0.5 and not surface.one_credential
        expected, methods = self._weather.in_calm_weather(surface, is_by_oauth=is_by_oauth)
        attempt = self._weather.begin(is_by_oauth=is_by_oauth)
        self.tally.calls += 1
        try:
            found = self._until_done(surface, attempt, len(methods))
        except Exception as error:  # noqa: BLE001 - whatever it is, in calm weather it is wrong
            self.tally.wrong.append(f"{surface.does}: {error!r}")
            return
        finally:
            shutil.rmtree(attempt.folder)
            self.tally.requests += attempt.sandbox.counters()["requests"]
        if told := self._weather.faults.secrets_elsewhere():
            self.tally.wrong.append(f"{surface.does}: {told} came to another host")
        if surface.copies(attempt) > 1:
            self.tally.doubled += 1
            self.tally.wrong.append(f"{surface.does}: {surface.copies(attempt)} copies")
        elif found != expected:
            self.tally.lost += 1
            self.tally.wrong.append(f"{surface.does}: {found!r} is not {expected!r}")

    def _until_done(self, surface: Surface, attempt: Try, requests: int) -> Any:
        for number in range(1, MOST_TRIES + 1):
            self.tally.tries += 1
            skip = self._dice.randint(0, max(0, requests - 1))
            kind, count = self._dice.choice(_ON_THIS_MACHINE), self._dice.choice((0, 0, 0, 1, 2, None))
            kinds = self._let_rain(surface, attempt, requests)
            try:
                with self._weather.faults.meeting(kind, skip, count):
                    found = surface.run(replace(attempt, number=number))
            except Exception as error:  # noqa: BLE001 - which it is, is what is asked
                if secrets_told_by(error):
                    raise AssertionError(f"after {kinds} an error tells a secret") from None
                if is_for_people(error) and surface.only_once and (copies := surface.copies(attempt)):
                    return copies
            else:
                if found is not False:  # a sensor that goes on waiting
                    return found
            finally:
                self.tally.faults.update(attempt.sandbox.counters()["faults"] | self._weather.faults.hits)
                self._weather.faults.hits.clear()
                self._weather.calm_down()
        self.tally.tries += 1
        # Where the answer to a renewal is lost, so is the new refresh token: a person has connected again by now.
        self._weather.connect()
        return surface.run(replace(attempt, number=MOST_TRIES + 1))

    def _let_rain(self, surface: Surface, attempt: Try, requests: int) -> list[str]:
        dice = self._dice
        kinds = [kind for kind in ANSWERED if kind not in surface.is_without | surface.not_at_random]
        chosen = dice.choices(kinds, k=dice.randint(0, MOST_FAULTS))
        for kind in chosen:
            lasts = dice.choice([{"count": 1}, {"count": 1}, {"count": 3}, {"count": None}, {"probability": 0.3}])
            skip = dice.randint(0, max(0, requests - 1))
            self._weather.faults.answer(kind, skip=skip, seed=dice.getrandbits(30), **lasts)
        return chosen
