"""Webhooks on Pipedrive's side are made as they should be."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedrivePermissionError
from airflow_provider_pipedrive.events.webhook_registration import (
    WebhookAddress,
    WebhookSpec,
    described,
    ensure,
    plan,
    remove,
    secret_part,
    wanted_webhooks,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

SECRET = "UnguessablePartOfTheAddress0123"
PASSWORD = "WebhookPasswordOfTheTests0123"
EXTRA = {
    "webhook_url": f"https://airflow.example.com/pipedrive/webhook/{SECRET}",
    "webhook_user": "airflow",
    "webhook_password": PASSWORD,
}
ADDRESS = WebhookAddress.of(EXTRA)
DEALS = WebhookSpec("deal", "*")


@pytest.fixture
def client(sandbox: Sandbox) -> PipedriveClient:
    return PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000}))


def row(**more: Any) -> dict[str, Any]:
    """A webhook of ours as Pipedrive lists it."""
    return {
        "id": 1,
        "name": "Airflow: deal *",
        "subscription_url": EXTRA["webhook_url"],
        "event_object": "deal",
        "event_action": "*",
        "version": "2.0",
        "is_active": 1,
        "user_id": 1,
        "http_auth_user": "airflow",
        "http_auth_password": PASSWORD,
        "remove_time": None,
        "last_http_status": None,
        **more,
    }


def test_what_is_missing_is_made_and_then_nothing_is_left_to_do(client: PipedriveClient, sandbox: Sandbox) -> None:
    first = ensure(client, ADDRESS, wanted_webhooks(["deals", "person"]))
    assert first == {"kept": 0, "created": ["deal *", "person *"], "removed": [], "notices": []}
    second = ensure(client, ADDRESS, wanted_webhooks(["deals", "person"]))
    assert second == {"kept": 2, "created": [], "removed": [], "notices": []}
    stored = list(sandbox.records("webhooks").values())
    assert {hook["version"] for hook in stored} == {"2.0"}
    assert {(hook["http_auth_user"], hook["http_auth_password"]) for hook in stored} == {("airflow", PASSWORD)}


def test_what_is_not_wanted_any_more_is_removed_and_what_leads_elsewhere_stays(client: PipedriveClient) -> None:
    client.run(
        "addWebhook",
        {"subscription_url": "https://example.com/x", "event_object": "*", "event_action": "*", "name": "Another's"},
    )
    ensure(client, ADDRESS, wanted_webhooks(["deals", "persons"]))
    assert ensure(client, ADDRESS, wanted_webhooks("deals"))["removed"] == ["person *"]
    shown = [(hook["name"], hook["ours"], hook["state"]) for hook in described(client, ADDRESS)]
    assert shown == [("Another's", False, "well"), ("Airflow: deal *", True, "well")]
    assert remove(client, ADDRESS) == 1
    assert [hook["name"] for hook in described(client, ADDRESS)] == ["Another's"]


def test_a_list_that_seems_empty_is_looked_at_again_before_anything_is_made(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    ensure(client, ADDRESS, wanted_webhooks("deals"))
    sandbox.fault("/v1/webhooks", "null-data", method="GET", count=1)
    assert ensure(client, ADDRESS, wanted_webhooks("deals"))["kept"] == 1
    assert len(sandbox.records("webhooks")) == 1


def test_a_webhook_that_a_broken_answer_leaves_out_is_removed_all_the_same(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    ensure(client, ADDRESS, wanted_webhooks("deals"))
    sandbox.fault("/v1/webhooks", "null-data", method="GET", count=1)
    assert remove(client, ADDRESS) == 1


def test_the_old_ones_go_on_should_pipedrive_refuse_a_new_one(client: PipedriveClient) -> None:
    ensure(client, ADDRESS, wanted_webhooks(["deals", "persons"]))
    with pytest.raises(PipedriveError):
        ensure(client, ADDRESS, wanted_webhooks(["deals", "organizations"]), user_id=99999)
    assert [hook["name"] for hook in described(client, ADDRESS)] == ["Airflow: deal *", "Airflow: person *"]


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"is_active": 0, "remove_reason": "no success"}, "Pipedrive has ended it (no success)"),
        ({"remove_time": "2026-01-01 10:00:00"}, "Pipedrive has ended it"),
        ({"version": "1.0"}, "version 1.0"),
        ({"http_auth_user": "other"}, "user or password"),
        ({"http_auth_password": "other"}, "user or password"),
        ({"last_http_status": 401}, "was refused"),
        ({"subscription_url": f"{ADDRESS.base}AnotherSecretOfTheAddress"}, "address that was changed"),
    ],
)
def test_a_webhook_that_is_not_right_is_made_anew_with_a_notice(state: dict[str, Any], said: str) -> None:
    it = plan([row(**state)], ADDRESS, [DEALS], None)
    assert (it.keep, it.remove, it.create) == ((), {1: DEALS}, (DEALS,))
    assert said in it.notices[0]


def test_a_webhook_whose_deliveries_fail_stays_with_a_notice() -> None:
    it = plan([row(last_http_status=503)], ADDRESS, [DEALS], None)
    assert (it.keep, it.remove, it.create) == ((1,), {}, ())
    assert "answered 503" in it.notices[0]


def test_a_password_that_pipedrive_does_not_show_is_taken_for_the_right_one() -> None:
    assert plan([row(http_auth_password=None)], ADDRESS, [DEALS], None).keep == (1,)


def test_a_second_one_of_the_same_is_removed() -> None:
    it = plan([row(), row(id=2)], ADDRESS, [DEALS], None)
    assert (it.keep, it.remove) == ((1,), {2: DEALS})


def test_a_webhook_that_shows_what_another_user_sees_is_made_anew() -> None:
    assert plan([row()], ADDRESS, [DEALS], 7).create == (DEALS,)
    assert plan([row(user_id=7)], ADDRESS, [DEALS], 7).keep == (1,)


def test_all_three_actions_are_one_webhook() -> None:
    assert wanted_webhooks("deal", ["create", "change", "delete"]) == [DEALS]
    assert wanted_webhooks("deal", ["create", "delete"]) == [
        WebhookSpec("deal", "create"),
        WebhookSpec("deal", "delete"),
    ]


@pytest.mark.parametrize(
    ("objects", "actions", "said"),
    [
        (["deels"], "*", "Did you mean 'deal'"),
        (["deal"], "changed", "Did you mean 'change'"),
        (["*", "deal"], "*", "leave out the others"),
        ([], "*", "Name at least one object"),
    ],
)
def test_a_wrong_name_is_told_with_the_right_ones(objects: Any, actions: Any, said: str) -> None:
    with pytest.raises(PipedriveParameterError) as caught:
        wanted_webhooks(objects, actions)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("webhook_url", None, "webhook_url is missing"),
        ("webhook_url", "https://airflow.example.com/pipedrive/webhook", "has no last part after /webhook/"),
        ("webhook_url", "https://airflow.example.com/pipedrive/webhook/short", "or one that is too short"),
        ("webhook_url", f"http://airflow.example.com/pipedrive/webhook/{SECRET}", "webhook_url is not https"),
        ("webhook_url", f"https://u:p@airflow.example.com/pipedrive/webhook/{SECRET}", "has a user, a query"),
        ("webhook_url", f"https://airflow.example.com/pipedrive/webhook/{SECRET}?x=1", "has no last part"),
        ("webhook_url", f"https://[airflow/pipedrive/webhook/{SECRET}", "webhook_url is not an address"),
        ("webhook_user", "", "webhook_user is missing"),
        ("webhook_user", "a:b", "a colon in it"),
        ("webhook_password", None, "webhook_password is missing"),
        ("webhook_password", "short", "is shorter than 16 characters"),
        ("webhook_password", "with spaces in it, long enough", "has spaces in it"),
    ],
)
def test_an_address_that_is_not_safe_is_refused_without_showing_a_secret(field: str, value: Any, fault: str) -> None:
    with pytest.raises(PipedriveParameterError) as caught:
        WebhookAddress.of(EXTRA | {field: value})
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)
    assert PASSWORD not in str(caught.value)


def test_no_secret_is_in_the_repr_of_an_address() -> None:
    assert SECRET not in repr(ADDRESS)
    assert PASSWORD not in repr(ADDRESS)


def test_the_secret_part_of_an_address_is_its_last() -> None:
    assert secret_part(EXTRA["webhook_url"]) == SECRET
    assert secret_part(f"https://example.com/{SECRET}") == ""


def test_a_403_names_the_scope(client: PipedriveClient, sandbox: Sandbox) -> None:
    sandbox.fault("/v1/webhooks", "403")
    with pytest.raises(PipedrivePermissionError, match="admin"):
        ensure(client, ADDRESS, [DEALS])


@pytest.mark.parametrize(
    "host",
    [
        "airflow.ex\u00e4mple.com",
        "airflow.example.com\\@other.example",
        "@airflow.example.com",
        "air\tflow.example.com",
        "airflow%2eexample.com",
        "airflow.example.com:0",
        "airflow.example.com:port",
        "",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused(host: str) -> None:
    extra = {"webhook_user": "airflow", "webhook_password": PASSWORD}
    with pytest.raises(PipedriveParameterError, match="webhook_url is not an address, or has a user, a query"):
        WebhookAddress.of({**extra, "webhook_url": f"https://{host}/pipedrive/webhook/UnguessablePartOfTheAddress0123"})


@pytest.mark.parametrize("given", [None, 5, [5], {"deals": 1}])
def test_what_are_not_names_of_objects_is_refused(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="objects must be a name or a list of names, not "):
        wanted_webhooks(given)
