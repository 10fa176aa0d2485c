"""Who spends a client's API tokens."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.ledger import all_ledgers, noted_days
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.spending import Spender, family
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import FakeClock


def test_the_ledger_says_by_whom_and_for_what_tokens_were_spent(sandbox: Sandbox, clock: FakeClock) -> None:
    settings = settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token})
    nightly = Spender("crm/main", "nightly", "load")
    with PipedriveClient(settings, clock=clock, spender=nightly) as client:
        client.run("getDeals")
        client.run("searchPersons", {"term": "ab"})
        client.run("addNote", {"content": "x", "deal_id": 1})
    with PipedriveClient(settings, clock=clock) as client:
        client.run("getCurrentUser")
    for ledger in all_ledgers():
        ledger.note()
    ((account, _, day),) = noted_days()
    assert account == sandbox.url.removeprefix("http://").replace(":", "-")
    assert day.rows == {
        "crm%2Fmain/nightly/load/read deals": 10,
        "crm%2Fmain/nightly/load/search persons": 20,
        "crm%2Fmain/nightly/load/write notes": 10,
        "///read users": 2,
    }


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (Operation("GET", "/api/v2/deals/5"), "read deals"),
        (Operation("GET", "/v1/users/me"), "read users"),
        (Operation("PATCH", "/api/v2/deals/5"), "write deals"),
        (Operation("GET", "/api/v2/itemSearch", search=True), "search itemSearch"),
        (Operation("GET", "/"), "read"),
    ],
)
def test_a_family_of_operations_is_what_is_done_to_which_kind_of_record(operation: Operation, name: str) -> None:
    assert family(operation) == name
