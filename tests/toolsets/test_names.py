"""Names of what an agent reads: looked up once, while the call that shows them first is on its way."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.toolsets.names import CompanyNames


def asked(sandbox: Sandbox) -> list[str]:
    return sorted(entry.path for entry in sandbox.requests)


def test_what_a_deal_is_shown_with_is_read_while_the_deal_is_asked_for_and_only_once(sandbox: Sandbox) -> None:
    names = CompanyNames(PipedriveHook().client)
    for _ in range(2):
        with names.read_ahead("getDeal", 1_000):
            pass

    assert asked(sandbox) == ["/api/v2/dealFields", "/api/v2/pipelines", "/api/v2/stages", "/v1/users"]
    assert names("stages")
    assert len(asked(sandbox)) == 4


def test_of_the_next_entity_only_what_is_new_is_read(sandbox: Sandbox) -> None:
    names = CompanyNames(PipedriveHook().client)
    with names.read_ahead("getDeals", 1_000):
        pass
    before = len(sandbox.requests)

    with names.read_ahead("getPersons", 1_000):
        pass

    assert [entry.path for entry in sandbox.requests[before:]] == ["/api/v2/personFields"]


@pytest.mark.parametrize("action", ["getDealProducts", "searchDeals", "getCurrencies"])
def test_nothing_is_read_ahead_for_records_without_such_names(sandbox: Sandbox, action: str) -> None:
    with CompanyNames(PipedriveHook().client).read_ahead(action, 1_000):
        pass

    assert asked(sandbox) == []


def test_tokens_that_hardly_suffice_are_left_for_the_call_itself(sandbox: Sandbox) -> None:
    with CompanyNames(PipedriveHook().client).read_ahead("getDeals", 25):
        pass

    assert asked(sandbox) == []


def test_names_that_the_credential_may_not_read_are_left_out(sandbox: Sandbox) -> None:
    sandbox.fault(path="/v1/users", kind="403", count=1)
    names = CompanyNames(PipedriveHook().client)

    with names.read_ahead("getPersons", 1_000):
        pass

    assert names("users") == {}
