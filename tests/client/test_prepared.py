"""What an action's request looks like before it is sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.parameters import bind
from airflow_provider_pipedrive.client.prepared import PreparedRequest, prepare


def prepared(key: str, parameters: dict[str, Any], **position: Any) -> PreparedRequest:
    return prepare(ACTIONS[key], bind(ACTIONS[key], parameters), position)


def test_a_write_has_its_body_as_json_and_its_price() -> None:
    request = prepared("updateDeal", {"id": 7, "title": "Säge"})
    assert (request.operation.method, request.target) == ("PATCH", "/api/v2/deals/7")
    assert request.body == '{"title": "Säge"}'.encode()
    assert request.headers == {"Accept": "application/json", "Content-Type": "application/json"}
    assert request.cost == ACTIONS["updateDeal"].token_cost


def test_a_read_has_no_body() -> None:
    request = prepared("getDeal", {"id": 7})
    assert (request.body, request.headers) == (None, {"Accept": "application/json"})


@pytest.mark.parametrize(
    ("key", "position", "target"),
    [
        ("getDeals", {"cursor": "a=b"}, "/api/v2/deals?limit=5&cursor=a%3Db"),
        ("getNotes", {"start": 10, "limit": 6}, "/v1/notes?start=10&limit=6"),
    ],
)
def test_a_page_is_the_same_request_at_another_position(key: str, position: dict[str, Any], target: str) -> None:
    assert prepared(key, {"limit": 5}, **position).target == target


def test_signing_puts_the_host_in_front_and_the_credential_into_the_headers_where_nothing_shows_it() -> None:
    request = prepared("getDeal", {"id": 7}).signed("https://acme.pipedrive.com", {"x-api-token": "a-secret-token"})
    assert request.target == "https://acme.pipedrive.com/api/v2/deals/7"
    assert request.headers == {"x-api-token": "a-secret-token", "Accept": "application/json"}
    assert "a-secret-token" not in repr(request)
