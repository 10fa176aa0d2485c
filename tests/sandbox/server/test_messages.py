"""Bodies as they are read."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_a_body_that_is_no_json_is_400(api: Api) -> None:
    answer = api("POST", "/api/v2/deals", data=b"{title", headers={"content-type": "application/json"})
    assert answer.status_code == 400
