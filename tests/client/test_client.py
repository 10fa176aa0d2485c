"""One action in, records out: against the sandbox where Pipedrive behaves, against a script where it does not."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.responses import LONGEST_WAIT
from airflow_provider_pipedrive.client.retries import BURST_PATIENCE
from airflow_provider_pipedrive.errors import (
    PipedriveBlockedError,
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveEndpointRemovedError,
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveResponseError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.scripted_server import API_TOKEN, FakeClock, MakeClient, ScriptedServer, envelope, http

JSON = "application/json"


@pytest.fixture
def boxed(sandbox: Sandbox, clock: FakeClock) -> Iterator[PipedriveClient]:
    """A client of the sandbox."""
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token}), clock=clock
    ) as client:
        yield client


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


def test_usage_counts_what_was_done(boxed: PipedriveClient, sandbox: Sandbox) -> None:
    sandbox.fault("/api/v2/deals", "503")
    records = boxed.run("getDeals")
    usage = boxed.usage
    assert (usage.requests, usage.pages, usage.records, usage.tokens) == (2, 1, len(records), 20)
    assert 0.5 <= usage.seconds <= 0.625  # the wait before the repeat; nothing else takes time here
    assert sandbox.counters()["requests"] == 2


@pytest.mark.parametrize(
    "source",
    [
        "selectDeal",
        "selectOrganization",
        "selectPerson",
        "pipelines",
        "stages",
        "users",
        "filters",
        "labels",
        "leadLabels",
    ],
)
def test_options_are_keys_and_labels_as_text(boxed: PipedriveClient, source: str) -> None:
    for option in boxed.options(source):
        assert option.keys() == {"key", "label"}
        assert all(isinstance(text, str) for text in option.values())


def test_options_are_an_action_too(boxed: PipedriveClient) -> None:
    assert boxed.run("selectDeal", {"status": "open"}) == boxed.options("selectDeal", status="open")
    title = boxed.run("getDeals", {"limit": 1, "cursor": None})[0]["title"]
    assert any(title in option["label"] for option in boxed.run("selectDeal", {"term": title}))


@pytest.mark.parametrize("parameters", [{"source": "users"}, {"self": 1}, {"nonsense": 1}])
def test_options_take_no_other_names(boxed: PipedriveClient, parameters: dict[str, Any]) -> None:
    with pytest.raises(PipedriveParameterError, match="there is no parameter"):
        boxed.run("selectDeal", parameters)


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


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/v1/deals",
        "//evil.example\\@{host}/v1/deals",
        "https://evil.example/v1/deals",
        "http://{host}@evil.example/v1/deals",
        "http://user@{host}/v1/deals",
        "http://{host}.evil.example/v1/deals",
        "http://127.0.0.1:1/v1/deals",
        "https://{host}/v1/deals",
        "http:\\\\evil.example/v1/deals",
        "http://evil.example\\{host}/v1/deals",
        "http://[/v1/deals",
        "//[/v1/deals",
        "\\\\evil.example/v1/deals",
        "@evil.example/v1/deals",
        ":1/v1/deals",
        ".evil.example/v1/deals",
        "evil.example/v1/deals",
        "javascript:/v1/deals",
        "",
        "/",
        "/oauth/token",
        "/api/v3/deals",
        "/v1",
        "/v1/../oauth/token",
        "/v1/..",
        "/v1/%2e%2e/oauth/token",
        "/v1/%2E./oauth/token",
        "/v1/.%2e%2foauth/token",
        "/v1/..\\oauth\\token",
        "/v1/%5c..%5coauth",
        "/v1/deals#fragment",
        "/v1/deals\r\nHost: evil.example",
        "/v1/deals\n",
        "/v1/deals\x00",
        "/v1/deals%0d%0aHost:evil.example",
        "http://{host}/v1/../oauth/token",
        "http://{host}/oauth/token",
        "http://{host}",
    ],
)
@pytest.mark.parametrize("way", ["request", "rawRequest"])
def test_a_raw_request_goes_nowhere_but_to_the_api_of_the_connections_own_host(
    client: PipedriveClient, server: ScriptedServer, path: str, way: str
) -> None:
    path = path.replace("{host}", urlsplit(server.url).netloc)
    with pytest.raises(PipedriveParameterError):
        client.request("GET", path) if way == "request" else client.run("rawRequest", {"method": "GET", "path": path})
    assert server.requests == []


@pytest.mark.parametrize(
    ("path", "params", "target"),
    [
        ("/v1/deals", None, "/v1/deals"),
        ("/api/v1/deals", None, "/v1/deals"),
        ("/api/v2/deals", {"ids": [1, 2], "done": True, "x": None}, "/api/v2/deals?ids=1%2C2&done=true"),
        ("/api/v2/deals?a=1", {"a": 2}, "/api/v2/deals?a=1&a=2"),
        ("/v1/x?url=https://evil.example/..", None, "/v1/x?url=https://evil.example/.."),
        ("/v1/x", {"a": "b&c=d\r\nHost: evil"}, "/v1/x?a=b%26c%3Dd%0D%0AHost%3A+evil"),
        ("/v1/x", {"t": datetime(2026, 1, 31, tzinfo=UTC)}, "/v1/x?t=2026-01-31+00%3A00%3A00"),
        ("/api/v2/x", {"t": datetime(2026, 1, 31, tzinfo=UTC)}, "/api/v2/x?t=2026-01-31T00%3A00%3A00Z"),
        ("/v1/files/a%2Fb", None, "/v1/files/a%2Fb"),
        ("{url}/v1/deals?a=1", None, "/v1/deals?a=1"),
    ],
)
def test_a_raw_request(client: PipedriveClient, server: ScriptedServer, path: str, params: Any, target: str) -> None:
    server.script = [envelope([1])]
    answer = client.request("get", path.replace("{url}", server.url), params)
    assert answer == {"success": True, "data": [1]}
    assert [(request.method, request.target) for request in server.requests] == [("GET", target)]


def test_the_action_raw_request_answers_the_data(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope({"id": 1})]
    sent = {"method": "POST", "path": "/v1/things", "query": {"a": 1}, "body": {"b": None}}
    assert client.run("rawRequest", sent) == {"id": 1}
    (request,) = server.requests
    assert (request.target, json.loads(request.body)) == ("/v1/things?a=1", {"b": None})


# ---- pages against a script


def page(ids: range | list[int], cursor: str | None = None) -> bytes:
    return envelope([{"id": number} for number in ids], additional_data={"next_cursor": cursor})


def test_iterating_asks_for_a_page_only_when_its_records_are_wanted(
    client: PipedriveClient, server: ScriptedServer
) -> None:
    server.script = [page([1, 2], "b"), page([3], None)]
    records = client.iterate("getDeals")
    assert server.requests == []
    assert next(records) == {"id": 1}
    assert len(server.requests) == 1
    assert list(records) == [{"id": 2}, {"id": 3}]
    assert [query_of(request.target) for request in server.requests] == [
        {"limit": ["500"]},
        {"limit": ["500"], "cursor": ["b"]},
    ]


@pytest.mark.parametrize(("wanted", "records", "requests"), [(1, 1, 1), (2, 2, 1), (3, 3, 2), (4, 4, 2), (9, 4, 2)])
def test_no_page_beyond_max_records_is_asked_for(
    client: PipedriveClient, server: ScriptedServer, wanted: int, records: int, requests: int
) -> None:
    server.script = [page([1, 2], "b"), page([3, 4])]
    assert len(list(client.iterate("getDeals", max_records=wanted))) == records
    assert len(server.requests) == requests


def test_a_walk_that_breaks_has_handed_out_what_it_read_and_then_raises(
    make_client: MakeClient, server: ScriptedServer
) -> None:
    server.script = [page([1], "b"), http(500, b"{}", Content_Type=JSON)]
    records = make_client(max_attempts=1).iterate("getDeals")
    assert next(records) == {"id": 1}
    with pytest.raises(PipedriveServerError):
        next(records)


@pytest.mark.parametrize(
    ("action", "parameters", "requests"),
    [
        ("getDeals", {"cursor": "a"}, 1),
        ("getDeals", {"cursor": None}, 2),
        ("getNotes", {"start": 0}, 1),
        ("getNotes", {"start": None}, 2),
    ],
)
def test_run_reads_one_page_from_a_cursor_or_start_and_all_pages_without(
    client: PipedriveClient, server: ScriptedServer, action: str, parameters: dict[str, Any], requests: int
) -> None:
    more = {"next_cursor": "b"} if action == "getDeals" else {"pagination": {"more_items_in_collection": True}}
    server.script = [envelope([{"id": 1}], additional_data=more), envelope([{"id": 2}])]
    assert len(client.run(action, parameters)) == requests
    assert len(server.requests) == requests


def test_a_v1_list_goes_on_by_offset(client: PipedriveClient, server: ScriptedServer) -> None:
    def offset_page(ids: list[int] | None, start: int, more: bool) -> bytes:
        paging = {"start": start, "limit": 2, "more_items_in_collection": more}
        return envelope(ids and [{"id": number} for number in ids], additional_data={"pagination": paging})

    server.script = [offset_page([1, 2], 0, True), offset_page(None, 2, True), offset_page([3], 4, False)]
    assert [note["id"] for note in client.run("getNotes")] == [1, 2, 3]
    assert [query_of(request.target).get("start") for request in server.requests] == [None, ["1"], ["4"]]


def test_a_walk_keeps_no_page_that_it_has_left(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [page(range(number * 500, number * 500 + 500), f"c{number}") for number in range(20)] + [page([])]
    assert sum(1 for _ in client.iterate("getDeals")) == 10_000
    assert (client.usage.pages, client.usage.records, client.usage.tokens) == (21, 10_000, 210)


def test_a_long_walk_reports_its_progress(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [page([1], "b"), page([2], "c"), page([3])]
    with caplog.at_level(logging.INFO):
        for _ in client.iterate("getDeals"):
            clock.sleep(11)
    assert caplog.messages[0] == "getDeals: 1 record, 1 page, 10 API tokens after 11 s"


@pytest.mark.parametrize(
    ("answer", "data"),
    [
        (http(204), None),
        (envelope(None), None),
        (http(200, b'{"success": true}'), None),
        (http(200, b'{"id": "a", "name": "b"}'), {"id": "a", "name": "b"}),
    ],
)
def test_an_answer_without_data(client: PipedriveClient, server: ScriptedServer, answer: bytes, data: Any) -> None:
    server.script = [answer]
    assert client.run("getPermissionSet", {"id": "a"}) == data


# ---- waits, pace and budget


def limited(**headers: str) -> bytes:
    return http(429, b'{"success": false, "error": "Request over limit"}', Content_Type=JSON, **headers)


def test_a_burst_is_waited_out_as_its_headers_say_with_a_little_spread(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited(x_ratelimit_remaining="0", x_ratelimit_reset="4"), envelope({"id": 1})]
    client.run("getDeal", {"id": 1})
    assert 4.0 < sum(clock.slept) <= 6.0


def test_a_429_is_no_attempt_since_nothing_was_carried_out(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [*[limited(x_ratelimit_remaining="0")] * 6, envelope(1)]
    assert make_client(max_attempts=2).run("getDeal", {"id": 1}) == 1


def test_a_burst_that_does_not_end_fails_when_the_patience_does(
    make_client: MakeClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited(x_ratelimit_remaining="0")] * 99
    with pytest.raises(PipedriveBurstLimitError) as raised:
        make_client(max_attempts=4).run("getDeal", {"id": 1})
    assert raised.value.retryable
    assert BURST_PATIENCE - 2 * LONGEST_WAIT <= sum(clock.slept) <= BURST_PATIENCE


def test_429s_that_say_nothing_are_a_spent_day_after_three_windows(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited()] * 9
    with pytest.raises(PipedriveDailyBudgetError):
        client.run("getDeal", {"id": 1})
    assert len(server.requests) == 4
    assert 6.0 <= sum(clock.slept) <= 6.0 + 2 + 4 + 6


def test_one_clients_429_pauses_all_that_share_its_credential(
    make_client: MakeClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [limited(x_ratelimit_remaining="0", x_ratelimit_reset="5"), envelope(1)]
    first, second = make_client(max_attempts=1), make_client()
    with pytest.raises(PipedriveBurstLimitError):
        first.run("getDeal", {"id": 1})
    second.run("getDeal", {"id": 1})
    assert sum(clock.slept) == 5.0


def test_requests_are_paced_at_the_limit_that_pipedrive_tells(
    client: PipedriveClient, server: ScriptedServer, clock: FakeClock
) -> None:
    good = http(200, b'{"data": 1}', x_ratelimit_limit="4")
    server.script = [good] * 9
    for _ in range(9):
        client.run("getDeal", {"id": 1})
    assert clock.slept == pytest.approx([2.04, 2.04])


def test_searches_are_paced_at_ten_whichever_entity_they_search(
    make_client: MakeClient, server: ScriptedServer, clock: FakeClock
) -> None:
    server.script = [envelope({"items": []})] * 12 + [envelope(1)]
    client = make_client(burst_limit=80)
    for number in range(11):
        client.run("searchDeals" if number % 2 else "searchPersons", {"term": "x1"})
    client.request("GET", "/api/v2/itemSearch", {"term": "x1"})
    client.run("getDeal", {"id": 1})
    assert clock.slept == pytest.approx([2.04])


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


def test_repeats_cost_tokens_too(make_client: MakeClient, server: ScriptedServer) -> None:
    server.script = [http(503, b"{}", Content_Type=JSON)] * 5
    with pytest.raises(PipedriveDailyBudgetError):
        make_client(daily_token_budget=25).run("getDeals")
    assert len(server.requests) == 2


def test_many_threads_use_one_client(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope({"id": 1})] * 50
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(client.run("getDeal", {"id": 1}))) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [{"id": 1}] * 50


# ---- secrets


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


@pytest.mark.parametrize(
    "path",
    [
        "/v1/\uff0e\uff0e/oauth",
        "/v1/\u2025/oauth",
        "/v1/d\u0435als",
        "/\u0473v1/deals",
        "\uff0fv1/deals",
        "/v1/..;x=1/oauth",
        "/v1/%2e%2e;/oauth",
        "/v1/%2E%2E/oauth",
        "/v1/%5c..%5coauth",
        "/v1/notes\t/1",
        "/v1/notes%0d%0aX-Api-Token: x",
        "/v1/notes\x00",
        "https://acme.pipedr\u0131ve.com/v1/deals",
        "https://storage.example\\.pipedrive.com/v1/deals",
        "https://storage.example/v1/deals",
        "https:/v1/deals",
        "\thttps://storage.example/v1/deals",
        "///storage.example/v1/deals",
        "//storage.example/v1/deals",
        "/v1@storage.example/",
        "@storage.example/v1/",
        ":80/v1/deals",
    ],
)
def test_a_raw_path_that_could_be_read_in_another_way_is_refused(
    client: PipedriveClient, server: ScriptedServer, path: str
) -> None:
    with pytest.raises(PipedriveParameterError):
        client.request("GET", path)
    with pytest.raises(PipedriveParameterError):
        client.run("rawRequest", {"method": "GET", "path": path})
    assert server.requests == []


def test_what_a_query_says_may_have_any_letter(client: PipedriveClient, server: ScriptedServer) -> None:
    server.script = [envelope([])]
    client.request("GET", "/api/v2/deals/search?term=M\u00fcller")
    assert server.requests[0].target == "/api/v2/deals/search?term=M%C3%BCller"
