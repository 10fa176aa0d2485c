"""What a client counts of what it does."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import MakeClient, ScriptedServer, http

JSON = "application/json"


def test_usage_counts_what_was_done(boxed: PipedriveClient, sandbox: Sandbox) -> None:
    sandbox.fault("/api/v2/deals", "503")
    records = boxed.run("getDeals")
    usage = boxed.usage
    assert (usage.requests, usage.pages, usage.records, usage.tokens) == (2, 1, len(records), 20)
    assert 0.5 <= usage.seconds <= 0.625  # the wait before the repeat; nothing else takes time here
    assert sandbox.counters()["requests"] == 2


def test_repeats_cost_tokens_too(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [http(503, b"{}", Content_Type=JSON)] * 5
    with pytest.raises(PipedriveDailyBudgetError):
        make_client(daily_token_budget=25).run("getDeals")
    assert len(server.requests) == 2
