"""``airflow pipedrive spend``: what was spent of the accounts' daily API tokens."""

from __future__ import annotations

import json
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.accounts.spent import AccountDay, Spent, spent_days, stored_variables
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.terminal import command, printable, put, say, usage_error
from airflow_provider_pipedrive.client.ledger import KEPT_DAYS
from airflow_provider_pipedrive.errors import PipedriveError


@command
def spend(options: Namespace) -> None:
    """What was spent, by day and by whom."""
    if not 1 <= options.days <= KEPT_DAYS:
        raise usage_error(f"--days must be a whole number from 1 to {KEPT_DAYS}, not {options.days}.")
    days = spent_days(options.days, time.time(), iter(_variables()))
    if options.conn_id is not None:
        accounts = {day.account for day in days if options.conn_id in day.connections}
        days = [day for day in days if day.account in accounts]
    if options.json:
        put(json.dumps([_as_dict(day) for day in days], indent=2))
    elif days:
        _put_tables(days)
    else:
        say("Nothing was spent in these days, as far as is known here.")


def _variables() -> list[tuple[str, Any]]:
    try:
        with connections.explained_database_errors():
            return stored_variables()
    except PipedriveError:
        say("Airflow's metadata database cannot be used from here: this machine's numbers only.")
        return []


def _as_dict(day: AccountDay) -> dict[str, Any]:
    latest = day.latest
    known = {"limit": latest.limit, "left": latest.company_left, "told": _moment(latest.told)} if latest.limit else {}
    parts = [asdict(part) for part in day.parts]
    return {"account": day.account, "date": day.date, "tokens": day.tokens, "company": known or None, "spent": parts}


def _put_tables(days: Sequence[AccountDay]) -> None:
    put_table(
        ("account", "day (UTC)", "tokens", "the company's, as Pipedrive says"),
        ((day.account, day.date, f"{day.tokens:,}", _company(day)) for day in days),
    )
    sums: Counter[Spent] = Counter()
    for part in (part for day in days for part in day.parts):
        sums[Spent(part.connection, part.dag, part.task, part.what, 0)] += part.tokens
    put("")
    put_table(
        ("connection", "DAG", "task", "tokens", "for"),
        (
            (who.connection or "-", who.dag or "-", who.task or "-", f"{tokens:,}", who.what)
            for who, tokens in sums.most_common()
        ),
    )


def _company(day: AccountDay) -> str:
    latest = day.latest
    if not latest.limit:
        return "not known"
    return f"{latest.company_left:,} of {latest.limit:,} left at {_moment(latest.told)[11:16]}"


def _moment(told: float) -> str:
    return datetime.fromtimestamp(told, UTC).isoformat(timespec="seconds")


def put_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Lines with columns one below the other; those of numbers (``tokens``) end at the same place."""
    lines = [tuple(heads), *(tuple(map(printable, row)) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heads))]
    for line in lines:
        cells = (
            f"{cell:>{width}}" if head == "tokens" else f"{cell:<{width}}"
            for cell, width, head in zip(line, widths, heads, strict=True)
        )
        put("  ".join(cells).rstrip())
