"""A deletion is repeated where its answer was lost; what a repeat does not find any more is done."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS, Action
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.retries import is_gone_already, may_have_happened
from airflow_provider_pipedrive.errors import (
    PipedriveConnectionError,
    PipedriveEndpointRemovedError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveServerError,
    PipedriveValidationError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import FakeClock, MakeClient, Reset, ScriptedServer, ThenClose, envelope, http

JSON = "application/json"
DELETIONS = [key for key, action in ACTIONS.items() if action.method == "DELETE" and action.lifecycle != "removed"]
OPTIONS = [key for key in DELETIONS if key.endswith("FieldOptions")]
NOT_FOUND = http(404, b'{"success":false,"error":"Not found"}', Content_Type=JSON)
GONE = http(410, b'{"success":false,"error":"Gone"}', Content_Type=JSON)


def parameters_of(action: Action) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for parameter in action.parameters:
        if parameter.place == "path":
            given[parameter.name] = 7 if parameter.type == "integer" else "seven"
        elif parameter.type == "array":
            given[parameter.name] = [{"id": 8}] if parameter.items == "object" else [8, 9]
        else:
            given[parameter.name] = 8
    return given


@pytest.mark.parametrize("key", DELETIONS)
@pytest.mark.parametrize("found_nothing", [NOT_FOUND, GONE])
def test_a_deletion_whose_answer_was_lost_is_done_when_the_repeat_finds_nothing(
    key: str, found_nothing: bytes, client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [Reset, found_nothing]
    client.run(key, parameters_of(ACTIONS[key]))
    first, second = server.requests
    assert (first.method, first.target, first.body) == ("DELETE", second.target, second.body)


@pytest.mark.parametrize(
    ("key", "parameters", "returned"),
    [
        ("deleteDeal", {"id": 7}, {"id": 7}),
        ("deleteDealProduct", {"id": 7, "product_attachment_id": 8}, {"id": 8}),
        ("deleteManyDealProducts", {"id": 7, "ids": [8, 9]}, {"ids": [8, 9]}),
        ("deleteFilters", {"ids": [8, 9]}, {"id": [8, 9]}),
        ("deleteDealField", {"field_code": "seven"}, {"field_code": "seven"}),
        ("deleteDealFollower", {"id": 7, "follower_id": 8}, {"user_id": 8}),
        ("deleteDealFieldOptions", {"field_code": "seven", "body": [{"id": 8}]}, [{"id": 8}]),
        ("deleteLead", {"id": "adf21080-0e10-11eb-879b-05d71fb426ec"}, {"id": "adf21080-0e10-11eb-879b-05d71fb426ec"}),
        ("deleteWebhook", {"id": 7}, None),
        ("rawRequest", {"method": "DELETE", "path": "/v1/notes/7"}, None),
    ],
)
def test_it_then_returns_what_is_gone_as_pipedrive_does(
    key: str, parameters: dict[str, Any], returned: Any, client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [Reset, NOT_FOUND]
    assert client.run(key, parameters) == returned


@pytest.mark.parametrize(
    "lost",
    [
        Reset,
        ThenClose(b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\n{"),
        http(502, b"<html>", Content_Type="text/html"),
        http(500, b'{"success":false}', Content_Type=JSON),
        http(200, b"", Content_Type=JSON),
        http(200, b"{", Content_Type=JSON),
    ],
    ids=["reset", "cut short", "502", "500", "empty", "unreadable"],
)
def test_whatever_became_of_the_first_answer(lost: Any, client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [lost, NOT_FOUND]
    assert client.run("deleteDeal", {"id": 7}) == {"id": 7}
    assert len(server.requests) == 2


def test_a_raw_deletion_is_repeated_too(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [Reset, NOT_FOUND]
    assert client.request("DELETE", "/api/v2/deals/7") == {}
    server.script = [Reset, envelope({"id": 7})]
    assert client.request("DELETE", "/api/v2/deals/7")["data"] == {"id": 7}


@pytest.mark.parametrize("before", [[], [http(429, b"{}", Content_Type=JSON)]])
def test_a_first_try_that_finds_nothing_is_not_found(
    before: list[bytes], client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [*before, NOT_FOUND]  # what was too fast was not carried out
    with pytest.raises(PipedriveNotFoundError):
        client.run("deleteDeal", {"id": 7})


def test_where_nothing_was_sent_nothing_may_have_happened() -> None:
    refused = PipedriveConnectionError("refused")
    refused.nothing_sent = True
    assert not may_have_happened(refused)
    assert may_have_happened(PipedriveConnectionError("reset"))
    assert not may_have_happened(PipedriveValidationError("wrong"))


def test_no_other_write_is_repeated(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [Reset]
    with pytest.raises(PipedriveConnectionError):
        client.run("addDeal", {"title": "Once"})
    server.script = [Reset]
    with pytest.raises(PipedriveConnectionError):
        client.run("updateDeal", {"id": 7, "title": "Once"})
    assert len(server.requests) == 2


def test_after_a_lost_update_not_found_stays_not_found(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [NOT_FOUND]
    with pytest.raises(PipedriveNotFoundError):
        make_client().run("updateDeal", {"id": 7, "title": "x"}, already_tried=True)


def test_a_deletion_that_an_earlier_try_may_have_sent_is_done_when_it_finds_nothing(
    client: PipedriveClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [NOT_FOUND]
    assert client.run("deleteDeal", {"id": 7}, already_tried=True) == {"id": 7}
    assert "deleteDeal: there is nothing left to delete" in caplog.text


def test_with_one_attempt_the_error_says_that_another_try_does_no_harm(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    server.script = [Reset]
    with pytest.raises(PipedriveConnectionError, match="doing it again leads to the same state") as lost:
        make_client(max_attempts=1).run("deleteDeal", {"id": 7})
    assert lost.value.retryable


def test_deletions_that_keep_failing_end_as_the_failure_that_they_are(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [http(503, b"{}", Content_Type=JSON)] * 5
    with pytest.raises(PipedriveServerError):
        client.run("deleteDeal", {"id": 7})
    assert len(server.requests) == 5


def test_an_operation_that_pipedrive_removed_is_no_record_that_is_gone() -> None:
    call = Operation("DELETE", "/v1/channels/1")
    assert is_gone_already(call, PipedriveNotFoundError("not there"))
    assert not is_gone_already(call, PipedriveEndpointRemovedError("removed"))
    assert not is_gone_already(Operation("GET", "/v1/notes/1"), PipedriveNotFoundError("not there"))


# ---- options of a field: Pipedrive refuses to delete one that is not there


@pytest.mark.parametrize("key", OPTIONS)
def test_options_that_the_lost_deletion_has_taken_away_are_done(
    key: str, client: PipedriveClient, server: ScriptedServer
) -> None:
    refused = http(400, b'{"success":false,"error":"the field has no option 8"}', Content_Type=JSON)
    server.script = [Reset, refused, envelope({"field_code": "seven", "options": [{"id": 1}]})]
    assert client.run(key, {"field_code": "seven", "body": [{"id": 8}]}) == [{"id": 8}]
    assert [request.method for request in server.requests] == ["DELETE", "DELETE", "GET"]


def test_options_that_are_still_there_stay_refused(client: PipedriveClient, server: ScriptedServer) -> None:
    refused = http(400, json.dumps({"success": False, "error": "in use"}).encode(), Content_Type=JSON)
    server.script = [Reset, refused, envelope({"field_code": "seven", "options": [{"id": 8}]})]
    with pytest.raises(PipedriveValidationError, match="in use"):
        client.run("deleteDealFieldOptions", {"field_code": "seven", "body": [{"id": 8}]})


# ---- against the sandbox


def test_a_deal_whose_deletion_was_answered_by_a_broken_connection_is_deleted_once(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    client = PipedriveClient(PipedriveHook().client.settings, clock=clock)
    sandbox.fault("/api/v2/deals/*", "reset-after", method="DELETE")
    assert client.run("deleteDeal", {"id": 2}) == {"id": 2}
    assert sandbox.records("deals")[2]["is_deleted"]
    assert [request.status for request in sandbox.requests if request.method == "DELETE"][-1] == 404


FIELD = "48518331116f22e83ac2f70301c01ab410b46e3c"
NUMBERED = [key for key, action in ACTIONS.items() if action.adapter == "numeric_field_id"]


@pytest.mark.parametrize("key", NUMBERED)
@pytest.mark.parametrize("given", [{"id": 7}, {"id": "7.0"}, {"field_code": "7"}])
def test_a_field_may_be_named_by_the_number_that_it_has_in_v1(
    key: str, given: dict[str, Any], client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [envelope({"id": 7, "key": FIELD}), envelope({"field_code": FIELD})]

    assert client.run(key, given) == {"field_code": FIELD}

    table = ACTIONS[key].path.split("/")[3]
    asked, done = [(request.method, request.target) for request in server.requests]
    assert asked == ("GET", f"/v1/{table}/7")
    assert done == (ACTIONS[key].method, f"/api/v2/{table}/{FIELD}")


def test_fields_that_v1_has_too_take_its_numbers() -> None:
    tables = ("Deal", "Organization", "Person", "Product")

    assert sorted(NUMBERED) == sorted(
        [f"{verb}{table}Field" for verb in ("delete", "get", "update") for table in tables] + ["getPersonFieldDetails"]
    )


def test_what_is_wrong_is_found_before_a_field_is_looked_up(client: PipedriveClient, server: ScriptedServer) -> None:
    with pytest.raises(PipedriveParameterError, match="there is no parameter 'nme'"):
        client.run("updateDealField", {"id": 7, "nme": "Size"})

    assert server.requests == []


def test_a_field_whose_number_an_earlier_try_has_deleted_is_done(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [NOT_FOUND, NOT_FOUND]

    assert client.run("deleteDealField", {"id": 7}, already_tried=True) == {"field_code": 7}
    with pytest.raises(PipedriveNotFoundError):
        client.run("deleteDealField", {"id": 7})
