"""One ledger of API tokens for each account and day, kept by all processes of a user on one machine.

Pipedrive counts the tokens of a company, whoever spends them. So each process notes in a file what it spends, for whom
and on what. It is approximate: costs are those of Pipedrive's table, and others may spend the company's tokens, too.
Where Pipedrive's answers say what the company has left, that corrects it.

- With a budget, each request is noted before it is sent, and counted against what all processes have noted.
- Without one, requests are gathered and noted a few times in a second: a look at the file costs as much as a third of
  a request.
- The file is private, see :mod:`.shared_file`. Where it cannot be had, each process counts for itself: no request ever
  fails for it.
- Machines leave each other word by :class:`OtherMachines`, if the client was given one.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Protocol

from airflow_provider_pipedrive.client.budget import Budget
from airflow_provider_pipedrive.client.day import DAY, Day
from airflow_provider_pipedrive.client.hosts import SHARED_ORIGIN
from airflow_provider_pipedrive.client.private_files import shared_folder
from airflow_provider_pipedrive.client.shared_file import SharedFile

log = logging.getLogger(__name__)
KEPT_DAYS = 31
"""Days for which the numbers are kept."""
_GATHERED = 0.25
"""Seconds for which requests are gathered where no budget is set."""
EXCHANGE = 30.0
"""Seconds after which a machine leaves word for the others again."""
_LIMIT = re.compile("[0-9]{1,15}")


class OtherMachines(Protocol):
    """Where machines leave each other word. Every failure is its own: none is raised."""

    def exchange(self, account: str, date: str, day: Day) -> int | None:
        """Leave what this machine has spent, and return what the others have; ``None`` where it cannot be had.

        :param date: the day, as ``2026-11-30``
        """


class Ledger:
    """The ledger of one account. Thread-safe.

    :param account: the company's host, or what else tells the account from others
    """

    def __init__(self, account: str) -> None:
        self.account = account
        self._lock = threading.Lock()
        self._number = 0
        self._day = Day()
        self._file = self._file_of_day()
        self._gathered: dict[str, int] = {}
        self._told: tuple[int, int, float] | None = None
        self._noted = self._asked = float("-inf")
        self._is_unsaid = False
        self._process = os.getpid()

    def spend(self, row: str, tokens: int, now: float, budget: Budget, action: str | None) -> None:
        """Count tokens against the UTC day.

        :param now: seconds since the epoch
        :raises PipedriveDailyBudgetError: the budget does not allow it; nothing has been counted
        """
        with self._lock:
            self._begin_day(now)
            self._is_unsaid = True
            if budget.bounds:
                with self._agreed() as day:
                    budget.check(day, tokens, action, now)
                    day.add({row: tokens})
                return
            self._gathered[row] = self._gathered.get(row, 0) + tokens
            if not 0 <= now - self._noted < _GATHERED:
                self._noted = now
                with self._agreed():
                    pass

    def learn(self, headers: Mapping[str, str], now: float) -> None:
        """Take over what an answer says of the company's day."""
        limit = headers.get("x-daily-ratelimit-token-limit", "")
        left = headers.get("x-daily-ratelimit-token-remaining", "")
        if _LIMIT.fullmatch(limit) and _LIMIT.fullmatch(left):
            self._told = int(limit), int(left), now

    def exchange(self, machines: OtherMachines, now: float, *, at_once: bool = False) -> None:
        """Leave word for other machines, if it is time: one process of a machine does it for all.

        :param at_once: as the process ends, if it has spent anything since
        """
        if not self._is_unsaid if at_once else 0 <= now - self._asked < EXCHANGE:
            return
        with self._lock:
            self._begin_day(now)
            self._asked = now
            with self._agreed() as day:
                if not at_once and 0 <= now - day.exchanged < EXCHANGE:
                    return
                day.exchanged, self._is_unsaid = now, False
                date, word = self.date, Day(**{**vars(day), "rows": dict(day.rows)})
        elsewhere = machines.exchange(self.account, date, word)  # without the lock: it may take long
        if elsewhere is not None and date == self.date:
            with self._lock, self._agreed() as day:
                day.elsewhere = elsewhere

    def note(self) -> None:
        """Note what was gathered."""
        with self._lock:
            if self._gathered and self._process == os.getpid():
                with self._agreed():
                    pass

    @property
    def date(self) -> str:
        """The present day, as ``2026-11-30``."""
        return date_of(self._number * DAY)

    @property
    def spent(self) -> int:
        """Tokens of the present day that this machine has counted."""
        with self._lock, self._agreed() as day:
            return day.spent

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _begin_day(self, now: float) -> None:
        """The day's own file. Never back: a clock that is set back must not grant the day's budget again. What a fork
        has inherited is its parent's to note."""
        if self._process != os.getpid():
            self._gathered, self._process = {}, os.getpid()
        if (number := int(now // DAY)) > self._number:
            if self._gathered:
                with self._agreed():
                    pass
            self._file.close()
            self._number, self._day, self._told = number, Day(), None
            self._noted = self._asked = float("-inf")
            self._file = self._file_of_day()

    def _file_of_day(self) -> SharedFile:
        return SharedFile(f"{_prefix(self.account)}{self.date}", "What is spent of the day's API tokens")

    @contextmanager
    def _agreed(self) -> Iterator[Day]:
        """The day as all processes know it, with what was gathered, for a block that changes it."""
        with self._file.locked() as file:
            if file is not None:
                content = self._file.content(file)
                self._day = Day.of(content) or self._day
                if not content:
                    _remove_old(self.account, self._number)
            if self._told is not None:
                told, self._told = self._told, None
                self._day.learn(*told)
            gathered, self._gathered = self._gathered, {}
            self._day.add(gathered)
            try:
                yield self._day
            finally:
                if file is not None:
                    self._file.put(file, self._day.to_json())


def date_of(now: float) -> str:
    """The UTC day, as ``2026-11-30``."""
    return f"{datetime.fromtimestamp(now, UTC):%Y-%m-%d}"


def noted_days() -> Iterator[tuple[str, str, Day]]:
    """All that this machine's files hold: account, date and numbers."""
    folder = shared_folder()
    for path in sorted(folder.glob(f"{_PREFIX}*")) if folder is not None else ():
        account, _, date = path.name.removeprefix(_PREFIX).rpartition("_")
        try:
            day = Day.of(path.read_bytes())
        except OSError as error:
            log.warning("%s cannot be read: %s", path, error)
            continue
        if day is not None:
            yield account, date, day


_PREFIX = "spent_"


def _prefix(account: str) -> str:
    return f"{_PREFIX}{account}_"


def _remove_old(account: str, number: int) -> None:
    """Remove the files of days that are too long ago."""
    folder, first = shared_folder(), date_of((number - KEPT_DAYS) * DAY)
    for path in folder.glob(f"{_prefix(account)}*") if folder is not None else ():
        if path.name.rpartition("_")[2] < first:
            path.unlink(missing_ok=True)


_ledgers: dict[str, Ledger] = {}
_ledgers_lock = threading.Lock()


def ledger_of(origin: str, credential: str) -> Ledger:
    """The ledger of the account that a request goes to. Only a company's own host says which account it is.

    :param origin: of the request
    :param credential: tells the account from others on the host that all companies share
    """
    account = origin.partition("://")[2].replace(":", "-")
    if origin == SHARED_ORIGIN:
        account = hashlib.sha256(credential.encode()).hexdigest()[:16]
    with _ledgers_lock:
        if account not in _ledgers:
            _ledgers[account] = Ledger(account)
        return _ledgers[account]


def all_ledgers() -> list[Ledger]:
    """Those that this process keeps."""
    with _ledgers_lock:
        return list(_ledgers.values())


def forget_ledgers() -> None:
    """Forget what this process has in memory: what a new process would begin with."""
    with _ledgers_lock:
        for ledger in _ledgers.values():
            ledger.close()
        _ledgers.clear()


@atexit.register
def _note_all() -> None:
    for ledger in all_ledgers():
        ledger.note()
