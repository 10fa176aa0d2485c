"""Deals and the way they took."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest

from airflow_provider_pipedrive.sandbox.seed import build
from tests.support.seeded_company import NOW, Company, deals_with


def test_a_deal_is_about_as_large_as_a_real_one(company: Company) -> None:
    sizes = [len(msgspec.json.encode(deal)) for deal in company["deals"].values()]
    assert 1000 < sum(sizes) / len(sizes) < 1400


def test_the_history_of_a_deal_ends_where_the_deal_stands(company: Company) -> None:
    histories: dict[int, list[dict[str, Any]]] = {}
    for change in company["dealChanges"].values():
        histories.setdefault(change["deal_id"], []).append(change)
    for deal in company["deals"].values():
        changes = histories.get(deal["id"], [])
        for field in ("stage_id", "status", "value", "is_archived"):
            of_field = [change for change in changes if change["field_key"] == field]
            assert [change["new_value"] for change in of_field[:-1]] == [c["old_value"] for c in of_field[1:]]
            if of_field:
                assert of_field[-1]["new_value"] == deal[field]
        moves = [change["time"] for change in changes if change["field_key"] == "stage_id"]
        assert deal["stage_change_time"] == (moves[-1] if moves else None)
        times = [deal["add_time"], *(change["time"] for change in changes), deal["update_time"], "2026-11-01T12:00:00Z"]
        assert times == sorted(times)


def test_a_deal_goes_through_the_stages_of_its_pipeline_in_their_order(company: Company) -> None:
    stages = company["stages"]
    assert Counter(stage["pipeline_id"] for stage in stages.values()) == {1: 6, 2: 4, 3: 4}
    for change in company["dealChanges"].values():
        if change["field_key"] == "stage_id":
            before, after = stages[change["old_value"]], stages[change["new_value"]]
            assert before["order_nr"] < after["order_nr"]
            assert before["pipeline_id"] == after["pipeline_id"] == company["deals"][change["deal_id"]]["pipeline_id"]


def test_deals_are_open_won_lost_deleted_and_archived(company: Company) -> None:
    statuses = Counter(deal["status"] for deal in company["deals"].values())
    assert set(statuses) == {"open", "won", "lost", "deleted"}
    assert 600 * 0.25 < statuses["open"] < 600 * 0.45
    assert statuses["lost"] > statuses["won"] > 600 * 0.15
    assert {deal["status"] for deal in deals_with(company, is_deleted=True)} == {"deleted"}
    assert all(deal["archive_time"] for deal in deals_with(company, is_archived=True))
    assert any(deals_with(company, is_archived=True))


def test_what_a_closed_deal_says_fits_its_status(company: Company) -> None:
    for deal in deals_with(company, status="won"):
        assert deal["won_time"] == deal["close_time"] is not None
        assert (deal["lost_time"], deal["lost_reason"]) == (None, None)
    for deal in deals_with(company, status="lost"):
        assert deal["lost_time"] == deal["close_time"] is not None
        assert deal["lost_reason"] is not None
        assert deal["won_time"] is None
    for deal in deals_with(company, status="open"):
        assert (deal["won_time"], deal["lost_time"], deal["close_time"], deal["lost_reason"]) == (None,) * 4


def test_deleted_records_were_deleted_within_the_thirty_days_that_pipedrive_keeps_them(company: Company) -> None:
    for table in ("deals", "persons", "organizations"):
        deleted = [record["update_time"] for record in company[table].values() if record["is_deleted"]]
        assert deleted
        assert min(deleted) > "2026-10-02"


def test_a_small_company_lists_as_many_deals_as_it_was_asked_for() -> None:
    deals = build(1, 39, NOW)["deals"].values()
    assert [deal["id"] for deal in deals if not deal["is_deleted"] and not deal["is_archived"]] == list(range(1, 40))
    assert {deal["status"] for deal in deals} == {"open", "won", "lost"}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_from_forty_deals_on_some_are_deleted_and_some_archived(seed: int) -> None:
    deals = build(seed, 40, NOW)["deals"].values()
    assert {deal["status"] for deal in deals} == {"open", "won", "lost", "deleted"}
    assert any(deal["is_archived"] for deal in deals)


def test_a_deals_value_is_the_sum_of_its_products(company: Company) -> None:
    sums: Counter[int] = Counter()
    for row in company["dealProducts"].values():
        assert row["sum"] == round(row["item_price"] * row["quantity"] * (100 - row["discount"]) / 100, 2)
        assert row["currency"] == company["deals"][row["deal_id"]]["currency"]
        sums[row["deal_id"]] += row["sum"]
    assert len(sums) > 60
    assert {deal_id: company["deals"][deal_id]["value"] for deal_id in sums} == pytest.approx(dict(sums))


def test_one_deal_has_an_option_that_was_deleted_from_its_field(company: Company) -> None:
    segment = next(row for row in company["dealFields"].values() if row["field_name"] == "Segment")
    known = {option["id"] for option in segment["options"]}
    used = Counter(deal["custom_fields"].get(segment["field_code"]) for deal in company["deals"].values())
    unknown = {option: count for option, count in used.items() if option is not None and option not in known}
    assert unknown == {segment["options_deleted"][0]["id"]: 1}
