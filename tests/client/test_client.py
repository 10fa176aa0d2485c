"""One action in, records out: against the sandbox where Pipedrive behaves, against a script where it does not."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveBlockedError,
    PipedriveDailyBudgetError,
    PipedriveEndpointRemovedError,
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveResponseError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import ScriptedServer

JSON = "application/json"


def query_of(target: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(target).query)


# ---- against the sandbox


def test_a_record_is_made_read_changed_and_deleted(boxed: PipedriveClient) -> None:
    made = boxed.run("addDeal", {"title": "Sail", "value": "12.5", "currency": "EUR"})
    assert boxed.run("getDeal", {"id": made["id"]})["title"] == "Sail"
    assert boxed.run("updateDeal", {"id": made["id"], "title": "Sails"})["title"] == "Sails"
    assert boxed.run("deleteDeal", {"id": made["id"]})["id"] == made["id"]


@pytest.mark.parametrize("action", ["getDeals", "getFiles", "getDealFields", "searchDeals"])
def test_a_list_is_read_over_all_its_pages_however_small_they_are(
    boxed: PipedriveClient, sandbox: Sandbox, action: str
) -> None:
    for number in range(5):
        sandbox.add_file(f"{number}.txt")
    given = {"term": "deal"} if action == "searchDeals" else {}
    whole = boxed.run(action, given)
    assert len(whole) > 4
    small = {**given, "limit": 2}
    assert boxed.run(action, small) == list(boxed.iterate(action, small)) == whole


def test_the_largest_page_is_asked_for_unless_the_caller_says_otherwise(
    boxed: PipedriveClient, sandbox: Sandbox
) -> None:
    boxed.run("getDeals")
    boxed.run("getDeals", {"limit": None})
    boxed.run("getFiles")
    boxed.run("searchDeals", {"term": "deal"})
    next(boxed.iterate("getDeals", {"limit": 7}))
    next(boxed.iterate("getDeals", max_records=3), None)
    next(boxed.iterate("getDeals", max_records=1000), None)
    limits = [dict(request.query)["limit"] for request in sandbox.requests]
    assert limits == ["500", "500", "100", "100", "7", "3", "500"]


def test_what_does_not_exist_is_not_found(boxed: PipedriveClient) -> None:
    with pytest.raises(PipedriveNotFoundError) as raised:
        boxed.run("getDeal", {"id": 999_999})
    assert (raised.value.action, raised.value.status, raised.value.retryable) == ("getDeal", 404, False)


@pytest.mark.parametrize("kind", ["truncate", "reset", "500", "503", "empty", "not-json", "nan", "bad-utf8", "429"])
def test_a_fault_in_the_midst_of_a_walk_loses_and_doubles_nothing(
    boxed: PipedriveClient, sandbox: Sandbox, kind: str
) -> None:
    whole = boxed.run("getDeals")
    sandbox.fault("/api/v2/deals", kind, skip=2, every=3)
    assert boxed.run("getDeals", {"limit": 5}) == whole


def test_an_empty_page_with_a_next_cursor_is_followed(boxed: PipedriveClient, sandbox: Sandbox) -> None:
    whole = boxed.run("getDeals")
    sandbox.fault("/api/v2/deals", "empty-page", skip=1)
    assert boxed.run("getDeals", {"limit": 5}) == whole


@pytest.mark.parametrize(("action", "kind"), [("getDeals", "repeated-cursor"), ("getNotes", "stuck-offset")])
def test_a_list_that_would_not_end_is_an_error(
    boxed: PipedriveClient, sandbox: Sandbox, action: str, kind: str
) -> None:
    path = "/api/v2/deals" if action == "getDeals" else "/v1/notes"
    sandbox.fault(path, kind, count=None)
    with pytest.raises(PipedriveResponseError, match="pages contradict each other"):
        boxed.run(action, {"limit": 1})


def test_an_html_403_stops_at_once(boxed: PipedriveClient, sandbox: Sandbox) -> None:
    sandbox.fault("*", "html403", count=None)
    with pytest.raises(PipedriveBlockedError):
        boxed.run("getDeals")
    assert len(sandbox.requests) == 1


def test_a_spent_day_stops_at_once_with_an_error_of_its_own(boxed: PipedriveClient, sandbox: Sandbox) -> None:
    sandbox.fault("*", "429-daily", count=None)
    with pytest.raises(PipedriveDailyBudgetError) as raised:
        boxed.run("getDeals")
    assert len(sandbox.requests) == 1
    assert raised.value.retryable is True


# ---- what fails before anything is sent


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda c: c.run("getDeal"), PipedriveParameterError, "id must be given"),
        (lambda c: c.run("getDaels"), PipedriveParameterError, "Did you mean getDeals"),
        (
            lambda c: c.run("getSubscription", {"id": 1}),
            PipedriveEndpointRemovedError,
            "removed by Pipedrive on 2025-06-27",
        ),
        (lambda c: c.iterate("getDeals", {"x": 1}), PipedriveParameterError, "there is no parameter"),
        (lambda c: c.iterate("getDeal", {"id": 1}), PipedriveParameterError, "use run"),
        (lambda c: c.iterate("selectDeal"), PipedriveParameterError, "use run"),
        (lambda c: c.iterate("getDeals", max_records=0), PipedriveParameterError, "max_records must be a whole number"),
        (
            lambda c: c.iterate("getDeals", max_records=-1),
            PipedriveParameterError,
            "max_records must be a whole number",
        ),
        (
            lambda c: c.iterate("getDeals", max_records=2.5),
            PipedriveParameterError,
            "max_records must be a whole number",
        ),
        (
            lambda c: c.iterate("getDeals", max_records="5"),
            PipedriveParameterError,
            "max_records must be a whole number",
        ),
        (
            lambda c: c.iterate("getDeals", max_records=True),
            PipedriveParameterError,
            "max_records must be a whole number",
        ),
        (lambda c: c.options("selectLead"), PipedriveParameterError, "There are no options of 'selectLead'"),
        (lambda c: c.options("users", term="x"), PipedriveParameterError, "cannot be searched by term"),
        (lambda c: c.run("addDeal", {"title": "\ud800"}), PipedriveParameterError, "text that UTF-8 can write"),
        (lambda c: c.download("getDeal", {"id": 1}, None), PipedriveParameterError, "does not answer a file"),
        (lambda c: c.request("GET", "/v1/x", params=[1]), PipedriveParameterError, "must be a dict, not a list"),
        (lambda c: c.request("GET", "/v1/x", params={"a": b"1"}), PipedriveParameterError, "made of JSON's types"),
        (lambda c: c.request("POST", "/v1/x", json={1, 2}), PipedriveParameterError, "the body is not JSON"),
        (lambda c: c.request("POST", "/v1/x", json=float("nan")), PipedriveParameterError, "the body is not JSON"),
        (lambda c: c.request("TRACE", "/v1/x"), PipedriveParameterError, "The method must be one of GET, POST"),
        (lambda c: c.request("GET\r\nX: y", "/v1/x"), PipedriveParameterError, "The method must be one of"),
        (lambda c: c.run("rawRequest", {"method": "GET"}), PipedriveParameterError, "path must be given"),
    ],
)
def test_a_wrong_call_fails_at_once_and_sends_nothing(
    client: PipedriveClient, server: ScriptedServer, call: Any, kind: type, message: str
) -> None:
    with pytest.raises(PipedriveError, match=message) as raised:
        call(client)
    assert type(raised.value) is kind
    assert server.requests == []
