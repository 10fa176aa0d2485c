"""Where the company's chance, names and times come from."""

from __future__ import annotations

import hashlib
import random
import uuid
from bisect import bisect_right
from collections.abc import Sequence
from copy import copy
from datetime import date, datetime
from functools import cache
from typing import Any, TypeVar

from faker import Faker
from slugify import slugify

YEARS = 3
DAY = 86_400
_EPOCH = date(1970, 1, 1).toordinal()
_NAMES_OF = ("en_US", "de_DE", "fr_FR", "es_ES", "pl_PL", "tr_TR", "ja_JP")
# Only locales for which Faker has streets and cities of their own.
_PLACES_IN = {
    "en_US": "United States",
    "de_DE": "Germany",
    "fr_FR": "France",
    "es_ES": "Spain",
    "pl_PL": "Poland",
}
# A Faker with all its providers takes ten times as long to make.
_PROVIDERS = ["faker.providers.person", "faker.providers.company", "faker.providers.address"]
_T = TypeVar("_T")
Table = dict[int | str, dict[str, Any]]
"""Records by id, in the order in which they were made."""


class Source:
    """Chance that repeats itself: what is drawn depends on the seed, the size and today alone."""

    def __init__(self, seed: int, size: int, now: datetime) -> None:
        self.seed = seed
        self._random = random.Random(seed)  # nosec B311 # repeatable data
        self.draw = self._random.random
        self.now = int(now.timestamp())
        self.founded = self.now - (YEARS * 365 + 5) * DAY
        self.times: dict[str, list[int]] = {}
        self._first_names: list[list[str]] = []  # by locale
        self._last_names: list[list[str]] = []
        self.last_names: list[str] = []
        self.companies: list[str] = []
        self.places: list[tuple[str, str, str, str]] = []
        pool = min(300, max(24, size // 8))  # names are drawn from pools, since making one takes long
        for locale in _NAMES_OF:
            self._fill(locale, pool)
        self._bulk_edits = sorted(self.now - 3_600 - self.below(365 * DAY) for _ in range(12))

    def _fill(self, locale: str, pool: int) -> None:
        faker = Faker(locale, providers=_PROVIDERS, use_weighting=False)
        faker.seed_instance(self.seed)
        self._first_names.append([faker.first_name() for _ in range(pool)])
        self._last_names.append([faker.last_name() for _ in range(pool)])
        self.last_names += self._last_names[-1]
        for _ in range(pool // 2):
            self.companies.append(faker.company())
            if locale in _PLACES_IN:
                self.places.append((faker.street_name(), faker.postcode(), faker.city(), _PLACES_IN[locale]))

    def apart(self, name: str) -> Source:
        """The same company with a chance of its own: what is drawn from it changes nothing that is drawn from this."""
        other = copy(self)
        other._random = random.Random(f"{self.seed}/{name}")  # nosec B311 # repeatable data
        other.draw = other._random.random
        return other

    def uuid(self) -> str:
        """A UUID, drawn like everything else."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def hash(self, *parts: Any) -> str:
        """40 hexadecimal digits made of the seed and ``parts``."""
        return digits(self.seed, *parts)

    def person_name(self) -> tuple[str, str]:
        """A first and a last name of one language."""
        language = self.below(len(self._first_names))
        return self.pick(self._first_names[language]), self.pick(self._last_names[language])

    def below(self, end: int) -> int:
        """A whole number from 0 on, less than ``end``."""
        return int(self.draw() * end)

    def between(self, first: int, last: int) -> int:
        """A whole number from ``first`` to ``last``; ``first`` where ``last`` is less."""
        return first + int(self.draw() * (last - first + 1)) if last > first else first

    def pick(self, choices: Sequence[_T]) -> _T:
        """One of them."""
        return choices[int(self.draw() * len(choices))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.draw() < probability

    def times_of(self, table: str, count: int, *, first: int | None = None) -> list[int]:
        """When ``count`` records of a table were added (seconds since the epoch), the oldest first.

        Lately more often than three years ago; some share a second, as after an import.

        :param first: when the oldest was added, for a table whose records others need
        """
        latest = self.now - DAY
        moments = sorted(latest - int(self._square() * YEARS * 365 * DAY) for _ in range(count))
        for number in range(1, count):
            if self.chance(0.05):
                moments[number] = moments[number - 1]
        if first is not None:
            moments[0] = first
        self.times[table] = moments
        return moments

    def _square(self) -> float:
        drawn = self.draw()
        return drawn * drawn

    def existing(self, table: str, moment: int) -> int:
        """The id of a record that had been added by then; the first one where none had."""
        return 1 + self.below(bisect_right(self.times[table], moment) or 1)

    def edited(self, since: int) -> int:
        """When a record was last edited, given its last known change: often just then, sometimes with many others."""
        drawn = self.draw()
        if drawn < 0.3:
            return since
        if drawn < 0.45:
            later = bisect_right(self._bulk_edits, since)
            return self._bulk_edits[later] if later < len(self._bulk_edits) else since
        return self.between(since, self.now - 60)


def digits(*parts: Any) -> str:
    """40 hexadecimal digits, the same for the same parts."""
    return hashlib.sha1(":".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


@cache
def ascii_letters(name: str) -> str:
    """A name in the small letters of ASCII, whatever script it is written in."""
    return slugify(name, separator="", regex_pattern="[^a-z]+")


@cache
def _date(days: int) -> str:
    """The date so many days after 1970-01-01."""
    return date.fromordinal(_EPOCH + days).isoformat()


def _clock(moment: int) -> str:
    minutes, seconds = divmod(moment % DAY, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"


def v2_time(moment: int) -> str:
    """``2026-01-31T12:00:00Z``."""
    return f"{_date(moment // DAY)}T{_clock(moment)}Z"


def v1_time(moment: int) -> str:
    """``2026-01-31 12:00:00``."""
    return f"{_date(moment // DAY)} {_clock(moment)}"


def iso_time(moment: int) -> str:
    """``2026-01-31T12:00:00.000Z``, as leads and call logs have it."""
    return f"{_date(moment // DAY)}T{_clock(moment)}.000Z"


def day(moment: int, days: int = 0) -> str:
    """The date ``days`` after the moment."""
    return _date(moment // DAY + days)
