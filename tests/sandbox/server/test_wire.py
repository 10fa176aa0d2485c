"""Requests and answers that are not whole."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api

LIST = "/api/v2/deals"


def test_a_truncated_body_is_shorter_than_its_length(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "truncate")
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        api.get(LIST)


def test_a_slow_body_arrives_whole(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "slow", seconds=0.01)
    assert api.get(LIST).json()["success"] is True


def test_a_request_whose_client_hangs_up_before_its_end_is_none(api: Api, sandbox: Sandbox) -> None:
    body = json.dumps({"title": "Half of a deal"}).encode()
    with socket.create_connection(("127.0.0.1", urlsplit(sandbox.url).port), timeout=10) as connection:
        head = f"POST /api/v2/deals HTTP/1.1\r\nHost: localhost\r\nx-api-token: {sandbox.api_token}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body) + 1}\r\n\r\n"
        connection.sendall(head.encode() + body)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    api.get("/api/v2/deals", limit=1)
    assert [request.method for request in sandbox.requests] == ["GET"]


def test_a_broken_connection_breaks_no_other(api: Api, sandbox: Sandbox) -> None:
    sandbox.fault(LIST, "reset")
    with pytest.raises(requests.ConnectionError):
        api.get(LIST)
    assert api.get(LIST).status_code == 200
    assert [request.status for request in sandbox.requests] == [0, 200]
