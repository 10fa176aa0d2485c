"""What the page shows of the day's API tokens: a bar for each day, and who has spent them."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from airflow_provider_pipedrive.accounts.spent import AccountDay, spent_days, stored_variables
from airflow_provider_pipedrive.catalog.advice import counted

DAYS = 14
"""Days shown, today included."""
SPENDERS = 8
"""So many of today's are named."""
HEIGHT = 100
"""Of the highest bar, in units of the picture."""


@dataclass(frozen=True)
class Bar:
    """A day.

    :ivar height: of :data:`HEIGHT`
    :ivar label: day of the month
    :ivar title: what it stands for, in words
    """

    height: float
    label: str
    title: str


@dataclass(frozen=True)
class SpendingChart:
    """An account's latest days.

    :ivar account: the company's name where one is known, and where its requests go
    :ivar company: what Pipedrive says that the company has left; empty where it says nothing
    :ivar spenders: who has spent most today, with the tokens
    """

    account: str
    today: int
    highest: int
    company: str
    bars: list[Bar]
    spenders: list[tuple[str, str, int]]


def charts(companies: Mapping[str, str]) -> list[SpendingChart]:
    """A chart for each account that one of these connections has spent of. Spenders by other connections are not named.

    :param companies: the connections that the user may see, by id: the name of the company, empty where it is not known
    """
    now = time.time()
    by_account: dict[str, list[AccountDay]] = {}
    for day in spent_days(DAYS, now, iter(stored_variables())):
        by_account.setdefault(day.account, []).append(day)
    return [
        _chart(account, days, companies, datetime.fromtimestamp(now, UTC))
        for account, days in by_account.items()
        if any(conn_id in day.connections for day in days for conn_id in companies)
    ]


def _chart(account: str, days: list[AccountDay], companies: Mapping[str, str], now: datetime) -> SpendingChart:
    known = {day.date: day for day in days}
    dates = [now - timedelta(days=back) for back in reversed(range(DAYS))]
    tokens = [known[date].tokens if (date := f"{moment:%Y-%m-%d}") in known else 0 for moment in dates]
    highest = max(tokens)
    bars = [
        Bar(round(HEIGHT * number / (highest or 1), 1), f"{moment.day}", f"{moment:%Y-%m-%d}: {_tokens(number)}")
        for moment, number in zip(dates, tokens, strict=True)
    ]
    today = known.get(f"{now:%Y-%m-%d}", AccountDay(account, ""))
    latest = today.latest
    company = f"{latest.company_left:,} of the company's {latest.limit:,} left" if latest.limit else ""
    sums: Counter[tuple[str, str]] = Counter()
    for part in today.parts:
        if part.connection in companies:
            sums[".".join(filter(None, (part.dag, part.task))) or "outside of DAGs", part.what] += part.tokens
    spenders = [(who, what, number) for (who, what), number in sums.most_common(SPENDERS)]
    return SpendingChart(_named(account, days, companies), today.tokens, highest, company, bars, spenders)


def _named(account: str, days: list[AccountDay], companies: Mapping[str, str]) -> str:
    names = {companies.get(conn_id, "") for day in days for conn_id in day.connections} - {""}
    return f"{names.pop()} ({account})" if len(names) == 1 else account


def _tokens(number: int) -> str:
    return counted(number, "API token")
