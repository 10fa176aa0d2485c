"""Where the company's chance, names and times come from."""

from __future__ import annotations

import hashlib
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from faker import Faker

LOCALES = ("en_US", "de_DE", "fr_FR", "es_ES", "pl_PL", "tr_TR")
YEARS = 3
_POOL = 120  # of each locale; names are drawn from pools, since making one takes long
_DAY = 86_400


class Source:
    """Chance that repeats itself: everything drawn depends on the seed alone."""

    def __init__(self, seed: int, now: datetime) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.now = int(now.timestamp())
        self.first_names: list[str] = []
        self.last_names: list[str] = []
        self.cities: list[tuple[str, str, str]] = []
        self.streets: list[str] = []
        self.companies: list[str] = []
        for locale in LOCALES:
            self._fill(locale)

    def _fill(self, locale: str) -> None:
        faker = Faker(locale)
        faker.seed_instance(self.seed)
        country = {"en": "United States", "de": "Germany", "fr": "France", "es": "Spain", "pl": "Poland"}
        for _ in range(_POOL):
            self.first_names.append(faker.first_name())
            self.last_names.append(faker.last_name())
        for _ in range(_POOL // 3):
            self.companies.append(faker.company())
            self.streets.append(faker.street_name())
            self.cities.append((faker.city(), faker.postcode(), country.get(locale[:2], "Türkiye")))

    def uuid(self) -> str:
        """A UUID, drawn like everything else."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def hash(self, *parts: Any) -> str:
        """40 hexadecimal digits made of the seed and ``parts``."""
        return hashlib.sha1(":".join(map(str, (self.seed, *parts))).encode(), usedforsecurity=False).hexdigest()

    def past(self) -> int:
        """A moment of the last three years (seconds since the epoch), lately more often; some share a second."""
        back = self.random.random() ** 2 * YEARS * 365 * _DAY
        moment = self.now - _DAY - int(back)
        return moment - moment % 600 if self.random.random() < 0.05 else moment

    def between(self, earliest: int, latest: int) -> int:
        """A moment from ``earliest`` to ``latest``."""
        return self.random.randint(earliest, max(earliest, latest))

    def pick(self, choices: Any) -> Any:
        """One of them."""
        return choices[int(self.random.random() * len(choices))]

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self.random.random() < probability


def v2_time(moment: int) -> str:
    """``2026-01-31T12:00:00Z``."""
    return datetime.fromtimestamp(moment, UTC).isoformat()[:19] + "Z"


def v1_time(moment: int) -> str:
    """``2026-01-31 12:00:00``."""
    return datetime.fromtimestamp(moment, UTC).isoformat(" ")[:19]


def iso_time(moment: int) -> str:
    """``2026-01-31T12:00:00.000Z``, as leads and call logs have it."""
    return datetime.fromtimestamp(moment, UTC).isoformat()[:19] + ".000Z"


def day(moment: int, days: int = 0) -> str:
    """The date ``days`` after the moment."""
    return (datetime.fromtimestamp(moment, UTC) + timedelta(days=days)).date().isoformat()
