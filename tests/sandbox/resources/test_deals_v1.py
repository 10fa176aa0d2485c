"""v1's own ways to see deals."""

from __future__ import annotations

from typing import Any

from tests.support.sandbox_api import Api


def test_the_summary_leaves_archived_deals_to_a_summary_of_their_own(api: Api, deal: dict[str, Any]) -> None:
    before = api.data("/v1/deals/summary")["total_count"]
    archived = api.data("/v1/deals/summary/archived")["total_count"]
    api.patch(f"/api/v2/deals/{deal['id']}", {"is_archived": True})
    assert api.data("/v1/deals/summary")["total_count"] == before - 1
    assert api.data("/v1/deals/summary/archived")["total_count"] == archived + 1


def test_the_timeline_puts_deals_into_periods(api: Api, bare: int) -> None:
    api.patch(f"/api/v2/deals/{bare}", {"expected_close_date": "2031-02-10"})
    query = {"start_date": "2031-01-01", "interval": "month", "amount": 3, "field_key": "expected_close_date"}
    periods = api.data("/v1/deals/timeline", **query)
    assert [period["period_start"][:10] for period in periods] == ["2031-01-01", "2031-02-01", "2031-03-01"]
    assert [[deal["id"] for deal in period["deals"]] for period in periods] == [[], [bare], []]
    assert [period["totals"]["count"] for period in periods] == [0, 1, 0]


def test_the_timeline_ends_where_the_calendar_does(api: Api) -> None:
    query = {"start_date": "9999-11-01", "interval": "month", "amount": 5, "field_key": "expected_close_date"}
    assert [period["period_start"][:10] for period in api.data("/v1/deals/timeline", **query)] == ["9999-11-01"]
