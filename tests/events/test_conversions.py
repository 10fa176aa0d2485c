"""Conversions: how far one is, and what a record has become."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.errors import PipedriveGoneError, PipedriveServerError
from airflow_provider_pipedrive.events.conversions import Conversion, begin, find, is_living, outcome
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection


def a_lead() -> str:
    hook = PipedriveHook()
    return str(hook.run("addLead", {"title": "Asks for an offer", "person_id": 1})["id"])


def test_a_conversion_is_under_way_and_then_the_deal_is_known(sandbox: Sandbox) -> None:
    client = PipedriveHook().client
    begun = begin(client, Conversion("lead", a_lead()), {"stage_id": 2})
    assert begun.job
    assert outcome(client, begun) is None
    outcome(client, begun)
    deal = outcome(client, begun)
    assert (sandbox.records("deals")[deal]["title"], sandbox.records("deals")[deal]["stage_id"]) == (
        "Asks for an offer",
        2,
    )
    assert not is_living(client, begun)
    assert find(client, begun) == deal


def test_a_deal_becomes_a_lead_that_names_it(sandbox: Sandbox) -> None:
    client = PipedriveHook().client
    deal = client.run("addDeal", {"title": "Too early", "person_id": 1})["id"]
    begun = begin(client, Conversion("deal", str(deal)), {})
    lead = next(filter(None, (outcome(client, begun) for _ in range(5))))
    assert find(client, begun) == lead
    assert sandbox.records("leads")[lead]["title"] == "Too early"


def test_a_job_that_pipedrive_no_longer_has_is_replaced_by_a_look_for_the_deal(sandbox: Sandbox) -> None:
    client = PipedriveHook().client
    begun = begin(client, Conversion("lead", a_lead()), {})
    deal = next(filter(None, (outcome(client, begun) for _ in range(5))))
    sandbox.advance(8 * 86_400)
    assert outcome(client, begun) == deal


@pytest.mark.parametrize("kind", ["503", "reset-after", "not-json", "null-data"])
def test_an_answer_that_was_lost_leaves_open_whether_it_was_begun(sandbox: Sandbox, kind: str) -> None:
    client = PipedriveHook().client
    lead = a_lead()
    sandbox.fault(path=f"/api/v2/leads/{lead}/convert/deal", kind=kind, count=1)
    assert begin(client, Conversion("lead", lead), {}).job is None


def test_a_conversion_that_is_under_way_is_not_begun_again(sandbox: Sandbox) -> None:
    client = PipedriveHook().client
    lead = a_lead()
    assert begin(client, Conversion("lead", lead), {}).job
    assert begin(client, Conversion("lead", lead), {}).job is None


def test_what_names_no_source_is_gone(sandbox: Sandbox) -> None:
    gone = Conversion("lead", "adf21080-0e10-11eb-879b-05d71fb426ec")
    with pytest.raises(PipedriveGoneError, match=r"none of the newest 20,000 deals has it as its source"):
        outcome(PipedriveHook().client, gone)


def test_a_passing_error_of_a_look_is_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    client = PipedriveHook().client
    begun = begin(client, Conversion("lead", a_lead()), {})
    sandbox.fault(path="/api/v2/leads/*", kind="503", count=50)
    with pytest.raises(PipedriveServerError) as raised:
        outcome(client, begun)
    assert raised.value.retryable
