"""The company itself: its users and filters."""

from __future__ import annotations

from tests.support.seeded_company import Company


def test_the_first_user_is_the_admin_and_one_has_left(company: Company) -> None:
    users = list(company["users"].values())
    assert [user["is_admin"] for user in users] == [1] + [0] * 11
    assert users[0]["is_you"]
    assert [user["id"] for user in users if not user["active_flag"]] == [users[-1]["id"]]
    assert users[-1]["id"] not in {deal["owner_id"] for deal in company["deals"].values()}


def test_filters_name_fields_by_their_number(company: Company) -> None:
    conditions = company["filters"][1]["conditions"]["conditions"][0]["conditions"]
    assert conditions[0]["value"] == "open"
    assert company["dealFields"][int(conditions[0]["field_id"])]["field_code"] == "status"
