"""The names of parts: each tells which run and which try gave it, and the order in which they were begun."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable

_OURS = re.compile(r"\.?(?:part|tombstones)-([0-9a-f]{12})[0-9a-f]{4}-\d{5,}\.|\._manifest\.json\.[0-9a-f]{32}\.tmp$")
"""The names that are given here."""


class PartNames:
    """Gives names that no other run and no other try gives.

    :param owner: who runs it
    :param format: of the parts that are published: their names end with it
    :ivar tag: what the names of this run have in common
    """

    def __init__(self, owner: str, format: str) -> None:  # noqa: A002 - the users' word
        self.tag = short_hash(owner) + secrets.token_hex(2)
        self._try = secrets.token_hex(2)
        self.format = format
        self._count = 0

    def next(self, kind: str, format: str | None = None) -> str:  # noqa: A002 - the users' word
        """A new name.

        :param kind: ``part`` or ``tombstones``
        :param format: another one than that of the parts that are published
        """
        name = f"{kind}-{self.tag}{self._try}-{self._count:05d}.{format or self.format}"
        self._count += 1
        return name

    @property
    def count(self) -> int:
        """The number of the next name."""
        return self._count

    def resume(self, tag: str, names: Iterable[str]) -> None:
        """Continue as the run of that tag, after these names."""
        self.tag = tag
        self._count = 1 + max(map(number_of, names), default=-1)


def is_ours(name: str) -> bool:
    """Whether a file has a name that is given here."""
    return _OURS.match(name) is not None


def tag_of(name: str) -> str | None:
    """Which run gave a file its name; None for a name that is not given here."""
    found = _OURS.match(name)
    return found[1] if found else None


def number_of(name: str) -> int:
    """The number in a part's name: they are in order, whichever try gave them."""
    return int(name.split(".")[0].rsplit("-", 1)[1])


def kind_of(name: str) -> str:
    """Whether a file has rows (``part``) or ``tombstones``."""
    return name.split("-")[0]


def format_of(name: str) -> str:
    """The format that a part's name ends with."""
    return name.split(".", 1)[1]


def short_hash(text: str) -> str:
    """Eight digits that tell texts apart."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
