"""The company that the sandbox stands on: believable, whole, and the same every time."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox.company import build, field_code

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)
DEAL_FIELDS = {
    "id", "title", "owner_id", "creator_user_id", "person_id", "org_id", "pipeline_id", "stage_id", "value",
    "currency", "add_time", "update_time", "stage_change_time", "is_deleted", "is_archived", "archive_time",
    "status", "probability", "lost_reason", "visible_to", "close_time", "won_time", "lost_time",
    "expected_close_date", "label_ids", "origin", "origin_id", "channel", "channel_id", "source_lead_id",
    "arr", "mrr", "acv", "custom_fields",
}  # fmt: skip
CUSTOM_TYPES = {
    "varchar", "varchar_auto", "text", "double", "monetary", "enum", "set", "user", "org", "people", "phone", "date",
    "daterange", "time", "timerange", "address",
}  # fmt: skip


@pytest.fixture(scope="module")
def company() -> dict[str, Any]:
    return build(1, 600, NOW)


def test_the_same_seed_size_and_day_give_the_same_company() -> None:
    assert build(7, 40, NOW) == build(7, 40, NOW)
    assert build(7, 40, NOW)["deals"] != build(8, 40, NOW)["deals"]


@pytest.mark.parametrize("deals", [0, 1, 10])
def test_a_small_company_is_complete(deals: int) -> None:
    tables = build(1, deals, NOW)
    of_deals = {"deals", "dealChanges", "dealProducts", "participants"}
    assert {name for name, table in tables.items() if not table} <= (of_deals if deals == 0 else {"dealChanges"})
    assert len(tables["deals"]) == deals


def test_a_deal_has_every_field_of_pipedrives_model(company: dict[str, Any]) -> None:
    assert {frozenset(deal) for deal in company["deals"].values()} == {frozenset(DEAL_FIELDS)}


def test_a_deal_is_about_as_large_as_a_real_one(company: dict[str, Any]) -> None:
    sizes = [len(json.dumps(deal)) for deal in company["deals"].values()]
    assert 1000 < sum(sizes) / len(sizes) < 1600


def test_ids_grow_in_the_order_of_creation(company: dict[str, Any]) -> None:
    for table in ("deals", "persons", "organizations", "activities"):
        times = [record["add_time"] for _id, record in sorted(company[table].items())]
        assert times == sorted(times), table


def test_the_history_of_a_deal_ends_where_the_deal_stands(company: dict[str, Any]) -> None:
    for deal in company["deals"].values():
        moves = [change for change in company["dealChanges"].values() if change["deal_id"] == deal["id"]]
        stages = [change for change in moves if change["field_key"] == "stage_id"]
        assert [change["new_value"] for change in stages[:-1]] == [change["old_value"] for change in stages[1:]]
        assert (
            (stages[-1]["new_value"], stages[-1]["time"]) == (deal["stage_id"], deal["stage_change_time"])
            if stages
            else (deal["stage_change_time"] is None)
        )
        times = [deal["add_time"], *(change["time"] for change in moves), deal["update_time"], "2026-11-01T12:00:00Z"]
        assert times == sorted(times)


def test_stages_belong_to_the_deals_pipeline(company: dict[str, Any]) -> None:
    for deal in company["deals"].values():
        assert company["stages"][deal["stage_id"]]["pipeline_id"] == deal["pipeline_id"]


def test_deals_are_open_won_lost_deleted_and_archived(company: dict[str, Any]) -> None:
    statuses = Counter(deal["status"] for deal in company["deals"].values())
    assert set(statuses) == {"open", "won", "lost", "deleted"}
    assert statuses["open"] > statuses["won"] > statuses["deleted"]
    assert any(deal["is_archived"] for deal in company["deals"].values())


def test_there_is_a_custom_field_of_every_type_and_values_of_each(company: dict[str, Any]) -> None:
    fields = {row["field_code"]: row["field_type"] for row in company["dealFields"].values() if row["is_custom_field"]}
    assert set(fields.values()) == CUSTOM_TYPES
    used = {
        fields[code]
        for deal in company["deals"].values()
        for code, value in deal["custom_fields"].items()
        if value is not None
    }
    assert used == CUSTOM_TYPES


def test_names_of_custom_fields_and_labels_of_options_are_not_unique(company: dict[str, Any]) -> None:
    custom = [row for row in company["personFields"].values() if row["is_custom_field"]]
    assert [row["field_name"] for row in custom].count("Source") == 2
    options = next(row["options"] for row in custom if row["field_type"] == "enum")
    assert [option["label"] for option in options] == ["Fair", "Web", "Web"]
    assert field_code(1, "personFields", "Source", 2) in {row["field_code"] for row in custom}


def test_several_records_share_a_second(company: dict[str, Any]) -> None:
    times = Counter(activity["add_time"] for activity in build(1, 3000, NOW)["activities"].values())
    assert max(times.values()) > 1
