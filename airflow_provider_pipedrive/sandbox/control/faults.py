"""Faults on demand: which request is hit, and how often."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any

BEFORE = {
    "429": "429, the burst limit",
    "429-daily": "429, the daily budget",
    "500": "500 with JSON",
    "502": "502 with HTML",
    "503": "503 with JSON",
    "504": "504 with HTML",
    "401": "401, as for an expired token",
    "403": "403 with JSON: no permission",
    "410": "410: the endpoint is gone",
    "html403": "403 with HTML: Cloudflare's penalty for continuing after 429",
    "redirect": "302 to another host, as of a proxy's sign-in page; `headers` may give another `location`",
    "reset": "the connection ends without an answer; nothing was done",
}
"""Kinds that answer instead of executing the request."""
AFTER = {
    "reset-after": "the request is executed, then the connection ends without an answer",
    "truncate": "the body is half as long as its headers say",
    "slow": "the body arrives in ten parts over `seconds`",
    "empty": "200 with an empty body",
    "not-json": "200 with HTML",
    "nan": "200 with `NaN`, which is not JSON",
    "bad-utf8": "200 with a byte that is not UTF-8",
    "null-data": "`data` is null, the rest of the answer as it was",
    "huge": "200 with JSON of 200 MiB, packed into 200 KiB",
    "empty-page": "no records, and a next cursor that leads to the page that was left out",
    "repeated-cursor": "a next cursor that leads to the same page; the request's own where it had one",
    "stuck-offset": "more is promised, and the next start is the present one",
}
"""Kinds that execute the request and corrupt its answer."""
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
        self._random = random.Random(self.seed)  # nosec B311 # repeatable faults

    def applies_to(self, method: str, path: str) -> bool:
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
    """The faults that are set, in order; the first that applies wins."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.hits: dict[str, int] = {}

    def add(self, **options: Any) -> Fault:
        """Set a fault. With ``every`` or ``probability``, ``count`` is unbounded unless given.

        :raises ValueError: the kind is unknown
        :raises TypeError: an option is unknown
        """
        endless = options.get("every") is not None or options.get("probability") is not None
        if endless:
            options.setdefault("count", None)
        fault = Fault(**options)
        self.active.append(fault)
        return fault

    def clear(self) -> None:
        """Set none."""
        self.active.clear()
        self.hits.clear()

    def next_fault(self, method: str, path: str) -> Fault | None:
        """The fault that hits this request."""
        for fault in self.active:
            if fault.applies_to(method, path):
                self.hits[fault.kind] = self.hits.get(fault.kind, 0) + 1
                return fault
        return None
