"""The burst limit and the daily budget."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from tests.support.sandbox_api import Api


@pytest.fixture(scope="module")
def limited() -> Iterator[Sandbox]:
    with Sandbox(deals=3, burst_limit=15, daily_budget=500) as sandbox:
        yield sandbox


@pytest.fixture
def tight(limited: Sandbox) -> Api:
    limited.reset()
    return Api(limited)


def test_the_headers_count_requests_and_tokens(tight: Api) -> None:
    tight.get("/api/v2/deals")
    headers = tight.get("/api/v2/deals/1").headers
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("15", "13")
    assert headers["x-ratelimit-reset"] == "2"
    assert headers["x-daily-ratelimit-token-limit"] == "500"
    assert headers["x-daily-ratelimit-token-remaining"] == "489"
    assert headers["x-correlation-id"]


def test_one_request_too_many_in_two_seconds_is_a_429_that_costs_nothing(tight: Api) -> None:
    assert [tight.get("/api/v2/deals/1").status_code for _ in range(15)] == [200] * 15
    over = tight.get("/api/v2/deals/1")
    assert over.status_code == 429
    assert over.headers["x-ratelimit-remaining"] == "0"
    assert over.headers["x-daily-ratelimit-token-remaining"] == "485"
    assert int(over.headers["retry-after"]) in (1, 2)
    tight.sandbox.advance(2)
    assert tight.get("/api/v2/deals/1").status_code == 200


def test_searches_share_a_limit_of_ten(tight: Api) -> None:
    paths = ["/api/v2/deals/search", "/api/v2/itemSearch"] * 5
    assert {tight.get(path, term="deal").status_code for path in paths} == {200}
    assert tight.get("/api/v2/persons/search", term="deal").status_code == 429
    assert tight.get("/api/v2/deals/1").status_code == 200


def test_each_credential_has_a_window_of_its_own(tight: Api) -> None:
    for _ in range(15):
        tight.get("/api/v2/deals/1")
    headers = {"x-api-token": None, "authorization": f"Bearer {tight.sandbox.access_token()}"}
    assert tight("GET", "/api/v2/deals/1", headers=headers).status_code == 200


def test_a_spent_day_is_a_429_until_midnight_utc(tight: Api) -> None:
    for _ in range(12):
        assert tight.get("/v1/deals/summary").status_code == 200
    over = tight.get("/v1/deals/summary")
    assert over.status_code == 429
    assert over.headers["x-daily-ratelimit-token-remaining"] == "0"
    assert int(over.headers["x-ratelimit-remaining"]) > 0
    assert "daily" in over.json()["error"]
    tight.sandbox.advance(int(over.headers["retry-after"]) + 1)
    assert tight.get("/v1/deals/summary").status_code == 200


def test_without_limits_the_headers_still_stand(api: Api) -> None:
    headers = api.get("/api/v2/deals/1").headers
    assert headers["x-ratelimit-limit"] == "400"
    assert int(headers["x-daily-ratelimit-token-remaining"]) > 0


def test_the_lite_plan_is_pipedrives_smallest() -> None:
    with Sandbox(deals=3, burst_limit="lite") as sandbox:
        api = Api(sandbox)
        assert api.get("/api/v2/deals/1").headers["x-ratelimit-limit"] == "20"
        headers = {"x-api-token": None, "authorization": f"Bearer {sandbox.access_token()}"}
        assert api("GET", "/api/v2/deals/1", headers=headers).headers["x-ratelimit-limit"] == "80"


def test_an_unknown_setting_is_an_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        Sandbox(colour="red")
    assert Settings().burst_limit is None
