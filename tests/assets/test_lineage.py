"""What a hook has read and written is told to Airflow's collector of lineage."""

from __future__ import annotations

from typing import Any

import airflow.providers.common.compat.lineage.hook as compat
import pytest

from airflow_provider_pipedrive.assets.lineage import report
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox


class Collector:
    """As much of Airflow's collector as is used, which has no memory without a reader."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def add_input_asset(self, context: Any, *, uri: str) -> None:
        self.told.append(("read", uri))

    def add_output_asset(self, context: Any, *, uri: str) -> None:
        self.told.append(("written", uri))


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Collector:
    found = Collector()
    monkeypatch.setattr(compat, "get_hook_lineage_collector", lambda: found)
    return found


def test_reads_and_writes_are_told_by_the_asset_of_the_company(sandbox: Sandbox, collector: Collector):
    hook = PipedriveHook()
    hook.run("getDeals")
    hook.run("addPerson", {"name": "Somebody"})
    list(hook.iterate("getOrganizations", max_records=1))
    hook.run("getCurrentUser")
    assert collector.told == [
        ("read", "pipedrive://127.0.0.1/deals"),
        ("written", "pipedrive://127.0.0.1/persons"),
        ("read", "pipedrive://127.0.0.1/organizations"),
    ]


def test_nothing_is_told_where_the_company_is_not_known(collector: Collector, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AIRFLOW_CONN_CRM", '{"conn_type": "pipedrive", "extra": {"api_token": "a-token-of-nobody"}}')
    report(PipedriveHook("crm"), "getDeals")
    assert collector.told == []


def test_airflows_own_collector_takes_it(sandbox: Sandbox):
    hook = PipedriveHook()
    report(hook, "getDeals")
    report(hook, "addDeal")
