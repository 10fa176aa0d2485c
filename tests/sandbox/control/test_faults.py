"""Faults on demand."""

from __future__ import annotations

import json

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api

LIST = "/api/v2/deals"


@pytest.mark.parametrize(
    ("kind", "status", "sign"),
    [
        ("429", 429, "request over limit"),
        ("429-daily", 429, "daily request budget exceeded"),
        ("500", 500, "ERR_UNKNOWN"),
        ("502", 502, "<html>"),
        ("503", 503, "Service Unavailable"),
        ("504", 504, "<html>"),
        ("401", 401, "unauthorized access"),
        ("403", 403, "Forbidden"),
        ("410", 410, "gone"),
        ("html403", 403, "Cloudflare"),
    ],
)
def test_a_fault_answers_instead_of_the_operation_and_is_then_over(
    kind: str, status: int, sign: str, api: Api, sandbox: Sandbox
) -> None:
    sandbox.fault(LIST, kind)
    answer = api.get(LIST)
    assert answer.status_code == status
    assert sign in answer.text
    assert api.get(LIST).status_code == 200
    assert sandbox.counters()["faults"] == {kind: 1}


def test_the_two_429_are_told_apart_by_their_headers(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "429")
    sandbox.fault(LIST, "429-daily")
    burst, day = api.get(LIST).headers, api.get(LIST).headers
    assert burst["x-ratelimit-remaining"] == "0"
    assert burst["x-daily-ratelimit-token-remaining"] != "0"
    assert day["x-ratelimit-remaining"] != "0"
    assert day["x-daily-ratelimit-token-remaining"] == "0"


def test_a_reset_ends_the_connection_before_anything_was_done(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "reset", method="POST")
    before = len(sandbox.records("deals"))
    with pytest.raises(requests.ConnectionError):
        api.post(LIST, {"title": "New"})
    assert len(sandbox.records("deals")) == before
    assert sandbox.requests[-1].status == 0


def test_a_reset_after_has_done_it_and_loses_the_answer(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "reset-after", method="POST")
    before = len(sandbox.records("deals"))
    with pytest.raises(requests.ConnectionError):
        api.post(LIST, {"title": "New"})
    assert len(sandbox.records("deals")) == before + 1


def refuse(constant: str) -> None:
    raise ValueError(constant)


@pytest.mark.parametrize("kind", ["empty", "not-json", "nan", "bad-utf8"])
def test_a_200_may_have_a_body_that_no_json_reader_takes(kind: str, api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, kind)
    answer = api.get(LIST)
    assert answer.status_code == 200
    with pytest.raises(ValueError, match=r"NaN|decode|Expecting"):
        json.loads(answer.content, parse_constant=refuse)


def test_a_redirect_leads_to_another_host(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "redirect")
    sandbox.fault(LIST, "redirect", headers={"location": "http://127.0.0.1:9/"})
    places = [requests.get(f"{sandbox.url}{LIST}", allow_redirects=False, timeout=10).headers for _ in range(2)]
    assert [place["location"] for place in places] == ["https://sign-in.example/", "http://127.0.0.1:9/"]


def test_null_data_keeps_the_rest_of_the_answer(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "null-data")
    spoilt, sound = api.get(LIST, limit=5).json(), api.get(LIST, limit=5).json()
    assert spoilt == sound | {"data": None}
    assert spoilt["additional_data"]["next_cursor"]


def test_a_huge_answer_is_json_that_unpacks_to_200_mib(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "huge")
    answer = api.get(LIST)
    assert int(answer.headers["content-length"]) < 2**19
    assert len(answer.content) > 200 * 2**20
    assert answer.content.replace(b"  ", b"").startswith(b'{"success":true,"data":[],')


def test_an_empty_page_has_a_cursor_that_leads_to_the_records_it_left_out(api: Api, sandbox: Sandbox) -> None:
    whole = [deal["id"] for deal in api.data(LIST, limit=500)]
    sandbox.fault(LIST, "empty-page", skip=1, count=2)
    seen: list[int] = []
    cursors: list[str] = []
    query: dict[str, str | int] = {"limit": 5}
    while True:
        page = api.get(LIST, **query).json()
        seen += [deal["id"] for deal in page["data"]]
        cursor = page["additional_data"]["next_cursor"]
        if cursor is None:
            break
        cursors.append(cursor)
        query["cursor"] = cursor
    assert seen == whole
    assert len(set(cursors)) == len(cursors)


def test_a_repeated_cursor_leads_nowhere(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "repeated-cursor", count=None)
    first = api.get(LIST, limit=5).json()["additional_data"]["next_cursor"]
    second = api.get(LIST, limit=5, cursor=first).json()["additional_data"]["next_cursor"]
    assert first == second


def test_a_stuck_offset_promises_more_and_does_not_grow(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault("/v1/files", "stuck-offset")
    paging = api.get("/v1/files", start=0).json()["additional_data"]["pagination"]
    assert (paging["more_items_in_collection"], paging["next_start"]) == (True, 0)


def test_a_fault_can_be_aimed(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault("/api/v2/deals/*", "500", method="GET", skip=1, every=2)
    assert [api.get("/api/v2/deals/1").status_code for _ in range(6)] == [200, 200, 500, 200, 500, 200]
    assert api.patch("/api/v2/deals/1", {"title": "x"}).status_code == 200
    assert api.get("/api/v2/persons/1").status_code == 200
    sandbox.clear_faults()
    assert {api.get("/api/v2/deals/1").status_code for _ in range(6)} == {200}


def test_a_probability_hits_the_same_requests_in_every_run(api: Api, sandbox: Sandbox) -> None:
    def run() -> list[int]:
        sandbox.clear_faults()
        sandbox.fault("*", "503", probability=0.5, seed=7)
        return [api.get("/api/v2/deals/1").status_code for _ in range(20)]

    first = run()
    assert set(first) == {200, 503}
    assert run() == first


def test_a_fault_can_change_headers(api: Api, sandbox: Sandbox) -> None:
    headers = {"retry-after": "7", "x-ratelimit-reset": None}
    sandbox.fault(LIST, "429", headers=headers)
    answer = api.get(LIST)
    assert answer.headers["retry-after"] == "7"
    assert "x-ratelimit-reset" not in answer.headers


def test_the_oauth_host_can_fail_too(sandbox: Sandbox) -> None:
    sandbox.fault("/oauth/token", "500")
    assert requests.post(f"{sandbox.url}/oauth/token", timeout=10).status_code == 500


def test_an_unknown_kind_is_an_error_that_names_the_known_ones(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="reset-after"):
        sandbox.fault(LIST, "explode")
