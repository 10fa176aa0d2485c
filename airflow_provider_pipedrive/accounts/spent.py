"""What all machines of an Airflow have spent of the accounts' API tokens, day by day.

Each machine keeps a ledger of its own (:mod:`~airflow_provider_pipedrive.client.ledger`), and its tasks and its
triggerer leave the sums in an Airflow Variable for each account and day: twice a minute at most, and when a task ends.
Each machine writes its own sums only. Where two write at one moment, one of the sums is missing until that machine
writes again.

Airflow 3.3's state stores are not used: each belongs to a task, or to an asset that a DAG has declared, and an account
is neither.
"""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import unquote

from airflow_provider_pipedrive.client.day import Day
from airflow_provider_pipedrive.client.ledger import KEPT_DAYS, all_ledgers, date_of, noted_days

log = logging.getLogger(__name__)
PREFIX = "pipedrive_spent_"
TRIGGERER = "triggerer"
_NAME = re.compile(rf"{PREFIX}(.+)_(\d{{4}}-\d\d-\d\d)")
_SECONDS_OF_A_DAY = 86_400


class VariableExchange:
    """Leaves word in Airflow's Variables. What goes wrong is said once in each process, and tried again the next time:
    a triggerer lives for weeks."""

    has_failed = False

    def exchange(self, account: str, date: str, day: Day) -> int | None:
        """Leave what this machine has spent, and return what the others have; ``None`` where it cannot be had."""
        from airflow.providers.common.compat.sdk import Variable

        name, machine = variable_name(account, date), this_machine()
        try:
            known = days_of(Variable.get(name, None))
            is_new = not known
            others = sum(other.spent for who, other in known.items() if who != machine)
            known[machine] = day
            Variable.set(name, json.dumps({who: vars(each) for who, each in known.items()}))
            if is_new:
                Variable.delete(variable_name(account, _too_old(date)))
        except Exception as error:  # noqa: BLE001 - Airflow raises many kinds; counting must not fail a task
            if not VariableExchange.has_failed:
                VariableExchange.has_failed = True
                log.warning(
                    "What is spent of Pipedrive's API tokens is not told to other machines: the Variable %s cannot be "
                    "written (%s).",
                    name,
                    type(error).__name__,
                )
            return None
        return others


def variable_name(account: str, date: str) -> str:
    """The Variable of an account and day."""
    return f"{PREFIX}{account}_{date}"


def this_machine() -> str:
    """What tells this machine, and the user whose files are meant, from others."""
    return f"{socket.gethostname()}-{os.geteuid() if hasattr(os, 'geteuid') else 0}"


def days_of(text: str | None) -> dict[str, Day]:
    """By machine, what a Variable holds. People can edit it, so what cannot be read is left out."""
    try:
        given = json.loads(text or "")
    except ValueError:
        return {}
    found = {who: Day.from_dict(day) for who, day in given.items()} if isinstance(given, dict) else {}
    return {who: day for who, day in found.items() if day is not None}


def leave_word() -> None:
    """Note all that this process has spent, and, if it is a task, leave word of it. Called as a task ends."""
    for ledger in all_ledgers():
        ledger.note()
        if in_a_task():
            ledger.exchange(VariableExchange(), time.time(), at_once=True)


def leave_word_of_triggerer() -> None:
    """Leave word of what this process has spent, if it is a triggerer and if it is time.

    For a thread that may ask Airflow for Variables. The client's own threads may not, in a triggerer of Airflow 3.
    """
    if part_of_airflow() == TRIGGERER:
        for ledger in all_ledgers():
            ledger.exchange(VariableExchange(), time.time())


def in_a_task() -> bool:
    """Whether this process runs a task."""
    return bool(os.environ.get("AIRFLOW_CTX_DAG_ID"))


def part_of_airflow() -> str:
    """Which of Airflow's commands that use connections outside of tasks this process is; empty for any other."""
    return next((part for part in (TRIGGERER, "api-server", "pipedrive") if part in sys.argv[1:2]), "")


def _too_old(date: str) -> str:
    from datetime import date as a_date
    from datetime import timedelta

    return (a_date.fromisoformat(date) - timedelta(days=KEPT_DAYS + 1)).isoformat()


@dataclass(frozen=True)
class Spent:
    """A part of an account's spending.

    :ivar dag: empty outside of DAGs
    :ivar task: outside of tasks, which part it was
    :ivar what: such as ``read deals``
    """

    connection: str
    dag: str
    task: str
    what: str
    tokens: int

    @classmethod
    def of(cls, row: str, tokens: int) -> Self:
        """A line of the ledger."""
        connection, dag, task, what = map(unquote, row.split("/"))
        return cls(connection, dag, task, what, tokens)


@dataclass
class AccountDay:
    """What all machines have spent of an account on a day.

    :ivar account: the company's host, or a name that stands for a credential
    :ivar date: as ``2026-11-30``
    :ivar by_machine: each machine's numbers
    """

    account: str
    date: str
    by_machine: dict[str, Day] = field(default_factory=dict)

    @property
    def tokens(self) -> int:
        """Tokens counted on all machines."""
        return sum(day.spent for day in self.by_machine.values())

    @property
    def latest(self) -> Day:
        """The machine's that has heard last what the company has left."""
        return max(self.by_machine.values(), key=lambda day: day.told, default=Day())

    @property
    def connections(self) -> set[str]:
        """Ids of the connections that have spent."""
        return {part.connection for part in self.parts}

    @property
    def parts(self) -> list[Spent]:
        """Who has spent on what, the most first."""
        sums: dict[str, int] = {}
        for day in self.by_machine.values():
            for row, tokens in day.rows.items():
                sums[row] = sums.get(row, 0) + tokens
        parts = [Spent.of(row, tokens) for row, tokens in sums.items()]
        return sorted(parts, key=lambda part: (-part.tokens, part.dag, part.task, part.what))


def spent_days(days: int, now: float, variables: Iterator[tuple[str, str | None]]) -> list[AccountDay]:
    """The latest days of all accounts, by account and date.

    :param days: how many, today included
    :param now: seconds since the epoch
    :param variables: name and value of Airflow's Variables
    """
    found: dict[tuple[str, str], AccountDay] = {}
    first = date_of(now - (days - 1) * _SECONDS_OF_A_DAY)

    def put(account: str, date: str, by_machine: dict[str, Day]) -> None:
        if date >= first:
            found.setdefault((account, date), AccountDay(account, date)).by_machine.update(by_machine)

    for name, value in variables:
        if match := _NAME.fullmatch(name):
            put(match[1], match[2], days_of(value))
    for account, date, day in noted_days():  # newer than the word that this machine has left
        put(account, date, {this_machine(): day})
    return [found[key] for key in sorted(found)]


def stored_variables() -> list[tuple[str, Any]]:
    """Name and value of the Variables in Airflow's metadata database that machines have left."""
    from airflow.models import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        rows = session.scalars(select(Variable).where(Variable.key.startswith(PREFIX, autoescape=True))).all()
        # Airflow has left it without types.
        return [(str(row.key), row.get_val()) for row in rows]  # type: ignore[no-untyped-call]
