"""What is said of an account that somebody has changed."""

from __future__ import annotations

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.events.drift import Items, differences, read_account
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

BEFORE: Items = {
    "field deals/abc": {"name": "Size", "type": "enum", "of": "deals"},
    "option deals/abc/1": {"name": "Small", "of": "Size of deals"},
    "option deals/abc/2": {"name": "Large", "of": "Size of deals"},
    "field deals/def": {"name": "Seats", "type": "double", "of": "deals"},
    "pipeline 1": {"name": "Sales"},
    "stage 5": {"name": "Offer", "of": "Sales"},
    "user 7": {"name": "Anna", "active": True},
    "right can_delete_deals": {"name": "can_delete_deals"},
}


def said(now: Items) -> list[tuple[str, bool]]:
    return [(each.sentence, each.is_breaking) for each in differences(BEFORE, now)]


def test_nothing_is_said_of_what_is_as_it_was() -> None:
    assert said(BEFORE) == []


def test_what_is_gone_breaks_and_options_go_with_their_field() -> None:
    assert said({"user 7": BEFORE["user 7"], "field deals/def": BEFORE["field deals/def"]}) == [
        ("The field 'Size' of deals is gone.", True),
        ("The pipeline 'Sales' is gone.", True),
        ("The stage 'Offer' of Sales is gone.", True),
        ("The right 'can_delete_deals' is gone.", True),
    ]
    without = {key: item for key, item in BEFORE.items() if key not in ("option deals/abc/2", "user 7")}
    assert said(without) == [
        ("The option 'Large' of Size of deals is gone.", True),
        ("The user 'Anna' is gone.", False),
    ]


def test_another_type_breaks_and_another_name_does_not() -> None:
    now = BEFORE | {
        "field deals/abc": {"name": "T-shirt", "type": "enum", "of": "deals"},
        "field deals/def": {"name": "Seats", "type": "text", "of": "deals"},
        "stage 5": {"name": "Offer", "of": "Renewals"},
        "user 7": {"name": "Anna", "active": False},
        "stage 6": {"name": "Won", "of": "Sales"},
    }
    assert said(now) == [
        ("The field 'Size' of deals is now called 'T-shirt'.", False),
        ("The field 'Seats' of deals was of the type double and is text now.", True),
        ("The stage 'Offer' of Sales is in the pipeline 'Renewals' now.", False),
        ("The user 'Anna' is deactivated.", False),
        ("The stage 'Won' of Sales is new.", False),
    ]


def test_an_account_is_read_with_all_that_can_change_and_says_who_may_not_ask_for_rights(sandbox: Sandbox) -> None:
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as client:
        before = read_account(client)
        assert {key.split()[0] for key in before} == {"field", "option", "pipeline", "stage", "user", "right"}
        assert client.usage.tokens < 250
        client.run("addDealField", {"field_name": "Weather", "field_type": "enum", "options": [{"label": "Sun"}]})
        client.run("updateStage", {"id": 1, "name": "Hello"})
        sandbox.fault(path="/v1/users/*/permissions", kind="403", count=1)
        now = read_account(client)
    found = [each.sentence for each in differences(before, now) if "right" not in each.sentence]
    assert sorted(found)[0] == "The field 'Weather' of deals is new."
    assert "is now called 'Hello'." in sorted(found)[1]
    assert len(found) == 2


def test_a_broken_answer_is_not_taken_for_users_who_are_gone(sandbox: Sandbox) -> None:
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as client:
        before = read_account(client)
        sandbox.fault("/v1/users", "null-data", count=1)
        assert list(differences(before, read_account(client))) == []
