"""What may be spent of a day's API tokens."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client.budget import Budget, left_to_others
from airflow_provider_pipedrive.client.day import Day
from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError

NOON = 1_800_014_400.0
ROW = "crm/nightly/load/read deals"


def test_what_other_machines_have_spent_counts_too() -> None:
    day = Day(rows={ROW: 50}, elsewhere=40)
    Budget(daily=100).check(day, 10, "getDeals", NOON)
    with pytest.raises(PipedriveDailyBudgetError, match="already spent 90 of the 100"):
        Budget(daily=100).check(day, 11, "getDeals", NOON)


def test_a_share_of_what_the_company_has_is_left_to_others() -> None:
    day = Day(limit=1000, left=215, since=5)
    Budget(left_to_others=0.2).check(day, 10, "getDeals", NOON)
    with pytest.raises(
        PipedriveDailyBudgetError, match="getDeals costs 11 API tokens, .* 210 of its 1000 .* 20% is left to others"
    ):
        Budget(left_to_others=0.2).check(day, 11, "getDeals", NOON)


def test_a_share_of_the_daily_budget_is_left_to_others_where_pipedrive_does_not_say_what_is_left() -> None:
    day = Day(rows={ROW: 50})
    with pytest.raises(PipedriveDailyBudgetError, match="50 of the 100 .* of which 50% is left to others"):
        Budget(daily=100, left_to_others=0.5).check(day, 1, "getDeals", NOON)


def test_nothing_is_refused_for_a_share_of_a_day_that_nobody_knows() -> None:
    Budget(left_to_others=0.9).check(Day(rows={ROW: 10_000}), 10, "getDeals", NOON)


@pytest.mark.parametrize(
    ("reserved", "dag", "left"),
    [
        (0.0, "crm", 0.0),
        (0.2, "crm", 0.2),
        (0.2, "backfill_deals", 0.5),
        (0.6, "backfill_deals", 0.6),
        (0.2, "backfill_urgent", 0.2),
        (0.2, "", 0.2),
    ],
)
def test_a_dag_leaves_what_its_share_and_what_is_reserved_ask_for(reserved: float, dag: str, left: float) -> None:
    shares = {"backfill_urgent": 1.0, "backfill_*": 0.5}
    assert left_to_others(reserved, shares, dag) == left
