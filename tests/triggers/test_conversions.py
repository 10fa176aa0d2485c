"""The trigger that waits for a conversion: what ends it, and what it waits out."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers.conversions import PipedriveConversionTrigger


def event(seconds: float = 60.0, **arguments: Any) -> dict[str, Any]:
    """What the trigger says in the end."""
    given: dict[str, Any] = {"pipedrive_conn_id": "pipedrive_default", "source": "lead", "job": None, "interval": 0.05}
    trigger = PipedriveConversionTrigger(**{**given, **arguments}, deadline=time.time() + seconds)

    async def run() -> dict[str, Any]:
        return await anext(each.payload async for each in trigger.run())

    return asyncio.run(run())


@pytest.fixture
def lead(sandbox: Sandbox) -> str:
    return str(PipedriveHook().run("addLead", {"title": "Asks for an offer", "person_id": 1})["id"])


def test_it_ends_with_the_new_records_id(sandbox: Sandbox, lead: str) -> None:
    job = PipedriveHook().run("convertLeadToDeal", {"id": lead})["conversion_id"]
    found = event(key=lead, job=job)
    assert found["status"] == "success"
    assert sandbox.records("deals")[found["result"]]["source_lead_id"] == lead


def test_it_lets_an_interval_pass_before_it_looks(sandbox: Sandbox, lead: str, mocker: MockerFixture) -> None:
    job = PipedriveHook().run("convertLeadToDeal", {"id": lead})["conversion_id"]
    asked: list[int] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        asked.append(sum("/convert/status/" in request.path for request in sandbox.requests))
        await real(0)

    mocker.patch("asyncio.sleep", sleep)
    event(key=lead, job=job, interval=5)
    assert asked[0] == 0


def test_passing_errors_are_waited_out(sandbox: Sandbox, lead: str) -> None:
    job = PipedriveHook().run("convertLeadToDeal", {"id": lead})["conversion_id"]
    sandbox.fault(path="/api/v2/leads/*", kind="503", count=2)
    assert event(key=lead, job=job)["status"] == "success"


def test_a_lasting_error_ends_it(sandbox: Sandbox) -> None:
    found = event(key="adf21080-0e10-11eb-879b-05d71fb426ec")
    assert (found["status"], found["error"]["type"]) == ("error", "PipedriveGoneError")


def test_time_that_is_up_ends_it(sandbox: Sandbox, lead: str) -> None:
    assert event(key=lead, seconds=0.2) == {"status": "timeout"}
