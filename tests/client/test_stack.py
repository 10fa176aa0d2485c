"""One client's send stack: its pace, its budget, and secrets that it shows to nobody."""

from __future__ import annotations

import json
import logging
import threading
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveServerError,
)
from tests.support.scripted_server import API_TOKEN, FakeClock, MakeClient, ScriptedServer, envelope, http

JSON = "application/json"


def page(ids: range | list[int], cursor: str | None = None) -> bytes:
    return envelope([{"id": number} for number in ids], additional_data={"next_cursor": cursor})


def test_requests_are_paced_at_the_limit_that_pipedrive_tells(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock
) -> None:
    good = http(200, b'{"data": 1}', x_ratelimit_limit="4")
    server.script = [good] * 9
    for _ in range(9):
        client.run("getDeal", {"id": 1})
    assert clock.slept == pytest.approx([2.02, 2.02])


def test_searches_are_paced_at_ten_whichever_entity_they_search(
    make_client: MakeClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [envelope({"items": []})] * 12 + [envelope(1)]
    client = make_client(burst_limit=80)
    for number in range(11):
        client.run("searchDeals" if number % 2 else "searchPersons", {"term": "x1"})
    client.request("GET", "/api/v2/itemSearch", {"term": "x1"})
    client.run("getDeal", {"id": 1})
    assert clock.slept == pytest.approx([2.02])


def test_a_budget_is_shared_between_clients_and_spent_before_sending(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    server.script = [page([])] * 3
    first, second = make_client(daily_token_budget=25), make_client(daily_token_budget=25)
    first.run("getDeals")
    second.run("getDeals")
    with pytest.raises(PipedriveDailyBudgetError, match="already spent 20 of the 25"):
        first.run("getDeals")
    assert len(server.requests) == 2
    second.run("getDeal", {"id": 1})  # one token still fits


def test_many_threads_use_one_client(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope({"id": 1})] * 50
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(client.run("getDeal", {"id": 1}))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"id": 1}] * 50


def test_a_secret_that_pipedrive_repeats_is_shown_nowhere(
    make_client: MakeClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    said = json.dumps({"error": f"token {API_TOKEN} has a problem"}).encode()
    server.script = [http(503, said, Content_Type=JSON)] * 2
    with caplog.at_level(logging.DEBUG), pytest.raises(PipedriveServerError) as raised:
        make_client(max_attempts=2).run("getDeal", {"id": 1})
    error = raised.value
    assert "token *** has a problem" in str(error)
    assert "trying again in" in caplog.text
    assert API_TOKEN not in caplog.text + repr([error, vars(error), error.__context__, error.__cause__])


def test_every_secret_is_told_to_whoever_masks_them() -> None:
    told: list[str] = []
    settings = settings_from(login="id", password="the/word", extra={"refresh_token": "refresh-1"})
    PipedriveClient(settings, on_secret=told.append)
    assert {"the/word", "the%2Fword", "refresh-1"} <= set(told)
