"""Faults on demand: which request is hit, and how often."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

BEFORE = frozenset({"429", "429-daily", "500", "502", "503", "401", "403", "410", "html403", "reset"})
"""Kinds that answer instead of executing the request."""
AFTER = frozenset(
    {
        "reset-after",
        "truncate",
        "slow",
        "empty",
        "not-json",
        "nan",
        "bad-utf8",
        "repeated-cursor",
        "empty-page",
        "stuck-offset",
    }
)
"""Kinds that execute the request and spoil its answer."""
KINDS = BEFORE | AFTER


@dataclass
class Fault:
    """A fault that waits for its requests.

    ``path``: a path, ``*`` matches anything in it. ``method``: ``None`` is any. ``count``: how many requests it hits
    (``None``: all). ``every``: only each so-many-th matching request. ``skip``: so many matching requests pass first.
    ``probability``: the chance that a matching request is hit, drawn from ``seed``. ``seconds``: how long ``slow``
    takes. ``headers``: extra headers of the answer; a header set to ``None`` is left out.
    """

    path: str
    kind: str
    count: int | None = 1
    method: str | None = None
    every: int | None = None
    skip: int = 0
    probability: float | None = None
    seed: int = 1
    seconds: float = 1.0
    headers: dict[str, str | None] = field(default_factory=dict)
    seen: int = 0
    hit: int = 0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind!r}. Known: {', '.join(sorted(KINDS))}.")
        self._random = random.Random(self.seed)

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts it."""
        if (self.method and self.method.upper() != method) or not fnmatchcase(path, self.path):
            return False
        if self.count is not None and self.hit >= self.count:
            return False
        self.seen += 1
        turn = self.seen - self.skip
        if turn <= 0 or (self.every and turn % self.every):
            return False
        if self.probability is not None and self._random.random() >= self.probability:
            return False
        self.hit += 1
        return True

    def as_dict(self) -> dict[str, Any]:
        """For the control API."""
        return asdict(self)


class Faults:
    """The faults that are set, in order; the first that strikes wins."""

    def __init__(self) -> None:
        self.planned: list[Fault] = []
        self.hits: dict[str, int] = {}

    def add(self, **options: Any) -> Fault:
        """Plan a fault. With ``every`` or ``probability``, ``count`` is unbounded unless given.

        :raises ValueError: the kind is unknown
        :raises TypeError: an option is unknown
        """
        if ("every" in options or "probability" in options) and "count" not in options:
            options["count"] = None
        fault = Fault(**options)
        self.planned.append(fault)
        return fault

    def clear(self) -> None:
        """Plan none."""
        self.planned.clear()
        self.hits.clear()

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request."""
        for fault in self.planned:
            if fault.strikes(method, path):
                self.hits[fault.kind] = self.hits.get(fault.kind, 0) + 1
                return fault
        return None
