"""The hook: Airflow connections of every form, and what the hook does with them."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveEndpointRemovedError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN


def test_one_action_returns_the_data_of_the_answer(sandbox: Sandbox) -> None:
    deal = PipedriveHook().run("getDeal", {"id": 1})
    assert deal["id"] == 1
    assert deal["title"] == sandbox.records("deals")[1]["title"]


def test_a_list_action_returns_the_records_of_all_pages(sandbox: Sandbox) -> None:
    found = PipedriveHook().run("getDeals", {"limit": 7, "status": "open,won,lost"})
    alive = [deal for deal in sandbox.records("deals").values() if not deal["is_deleted"] and not deal["is_archived"]]
    assert sorted(deal["id"] for deal in found) == sorted(deal["id"] for deal in alive)
    assert len(sandbox.requests) == -(-len(alive) // 7)


def test_a_given_cursor_reads_one_page_only(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    first = hook.request("GET", "/api/v2/deals", params={"limit": 5})
    page = hook.run("getDeals", {"limit": 5, "cursor": first["additional_data"]["next_cursor"]})
    assert len(page) == 5
    assert {deal["id"] for deal in page}.isdisjoint(deal["id"] for deal in first["data"])


def test_iterate_asks_for_a_page_only_when_its_records_are_wanted(sandbox: Sandbox) -> None:
    records = PipedriveHook().iterate("getPersons", {"limit": 3})
    assert sandbox.requests == []
    for _ in range(4):
        next(records)
    assert len(sandbox.requests) == 2


def test_iterate_stops_after_max_records_and_asks_for_no_more_than_these(sandbox: Sandbox) -> None:
    assert len(list(PipedriveHook().iterate("getDeals", max_records=4))) == 4
    assert [request.query for request in sandbox.requests] == [[("limit", "4")]]


def test_iterate_refuses_wrong_parameters_before_the_first_record_is_asked_for(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="did you mean status"):
        PipedriveHook().iterate("getDeals", {"stauts": "open"})


def test_the_usage_counts_requests_pages_records_and_tokens(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    pipelines = hook.run("getPipelines")
    hook.run("getDeal", {"id": 1})
    usage = hook.usage
    assert (usage.requests, usage.pages, usage.records, usage.tokens) == (2, 1, len(pipelines), 5 + 1)


def test_the_connection_test_tells_who_which_company_which_auth_and_which_host(sandbox: Sandbox) -> None:
    me = next(user for user in sandbox.records("users").values() if user["is_admin"])
    works, message = PipedriveHook().test_connection()
    assert works
    for part in (me["name"], "API token", sandbox.url):
        assert part in message
    assert sandbox.counters()["tokens"] == 2


def test_the_connection_test_says_what_to_change(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"conn_type": "pipedrive", "host": sandbox.url, "extra": {"api_token": "WrongToken123456"}}
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", json.dumps(wrong))
    works, message = PipedriveHook().test_connection()
    assert not works
    assert message.startswith("Pipedrive answered 401: unauthorized access")
    assert "copy it again from Pipedrive" in message
    assert "WrongToken123456" not in message


def test_a_missing_connection_says_how_to_make_it(mocker: MockerFixture) -> None:
    # Airflow's edge: in a unit test there is no database to look into.
    mocker.patch.object(PipedriveHook, "get_connection", staticmethod(_not_defined))
    with pytest.raises(PipedriveAuthError, match="AIRFLOW_CONN_NOT_THERE"):
        PipedriveHook("not_there").run("getCurrentUser")


def _not_defined(conn_id: str) -> None:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")


@pytest.mark.parametrize("parameters", ["status=open", ["status"]])
def test_parameters_that_are_no_dict_are_refused(parameters: object, sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="parameters must be a dict"):
        PipedriveHook().run("getDeals", parameters)  # type: ignore[arg-type]


def test_options_are_keys_and_labels_to_choose_from(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    deals, stages = sandbox.records("deals"), sandbox.records("stages")
    assert {"key": "1", "label": f"{deals[1]['title']} - {deals[1]['status']}"} in hook.options("selectDeal")
    assert {"key": "1", "label": stages[1]["name"]} in hook.options("stages")
    for source in ("selectOrganization", "selectPerson", "pipelines", "users", "filters", "labels", "leadLabels"):
        assert all(option["key"] and option["label"] for option in hook.options(source)), source


def test_options_that_do_not_exist_are_refused_with_those_that_do(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match=r"mean 'selectDeal'\? Options exist of selectDeal, selectOrg"):
        PipedriveHook().options("selectDeals")


def test_an_action_that_pipedrive_has_removed_is_not_sent(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveEndpointRemovedError, match=r"removed by Pipedrive on 2025-06-27.*getInstallments"):
        PipedriveHook().run("getSubscription", {"id": 1})
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example.com/v1/deals", "//evil.example.com/v1/deals", "/v2/deals", "/v1/../admin", "v1/deals"],
)
def test_a_raw_request_goes_nowhere_but_to_the_connections_host(elsewhere: str, sandbox: Sandbox) -> None:
    for ask in (
        lambda: PipedriveHook().request("GET", elsewhere),
        lambda: PipedriveHook().run("rawRequest", {"method": "GET", "path": elsewhere}),
    ):
        with pytest.raises(PipedriveParameterError):
            ask()
    assert sandbox.requests == []


# ---- the client belongs to the connection that it was made for


@pytest.fixture
def two_accounts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """``pipedrive_default``, and a second company behind ``second``."""
    with Sandbox(deals=3, seed=2, api_token="ApiTokenOfTheSecondCompany012345") as second:
        monkeypatch.setenv(
            "AIRFLOW_CONN_SECOND",
            json.dumps({"conn_type": "pipedrive", "host": second.url, "extra": {"api_token": second.api_token}}),
        )
        yield second


def given_another_id(hook: PipedriveHook) -> PipedriveHook:
    hook.pipedrive_conn_id = "second"
    return hook


COPIES: dict[str, Callable[[PipedriveHook], PipedriveHook]] = {
    "copy": lambda hook: given_another_id(copy.copy(hook)),
    "deep copy": lambda hook: given_another_id(copy.deepcopy(hook)),
    "pickle": lambda hook: given_another_id(pickle.loads(pickle.dumps(hook))),
    "itself": given_another_id,
    "its dict": lambda hook: given_another_id(from_dict(hook)),
}


def from_dict(hook: PipedriveHook) -> PipedriveHook:
    made = object.__new__(PipedriveHook)
    made.__dict__.update(hook.__dict__)
    return made


@pytest.mark.parametrize("way", COPIES)
def test_a_hook_that_is_given_another_connection_talks_to_that_account(
    way: str, sandbox: Sandbox, two_accounts: Sandbox
) -> None:
    hook = PipedriveHook()
    assert hook.client.origin == sandbox.url
    hook.log.info("used")
    copied = COPIES[way](hook)
    copied.run("addNote", {"content": "for the second company", "deal_id": 1})
    assert copied.client.origin == copied.get_conn().origin == two_accounts.url
    assert copied.usage.requests == 1
    assert [request.path for request in two_accounts.requests] == ["/v1/notes"]
    assert sandbox.requests == []


@pytest.mark.usefixtures("two_accounts")
def test_the_hook_that_was_copied_keeps_its_account(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    client = hook.client
    given_another_id(copy.copy(hook)).run("getCurrentUser")
    assert hook.client is client
    assert hook.client.origin == sandbox.url


@pytest.mark.usefixtures("sandbox")
def test_a_pickled_hook_carries_no_secret() -> None:
    hook = PipedriveHook()
    hook.run("getCurrentUser")
    assert API_TOKEN.encode() not in pickle.dumps(hook)
