"""The sandbox takes no orders from web pages that a browser on the machine has open."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox

EVIL = "https://evil.example.com"
DOORS = [
    ("POST", "/_sandbox/reset"),
    ("GET", "/_sandbox/requests"),
    ("GET", "/api/v2/deals"),
    ("DELETE", "/api/v2/deals/1"),
    ("OPTIONS", "/api/v2/deals"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/authorize"),
    ("GET", "/nothing"),
]


def sent(sandbox: Sandbox, method: str, path: str, **headers: str) -> requests.Response:
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    headers["x-api-token"] = sandbox.api_token
    return requests.request(method, sandbox.url + path, headers=headers, timeout=10, allow_redirects=False)


def port(sandbox: Sandbox) -> int | None:
    return urlsplit(sandbox.url).port


@pytest.mark.parametrize(("method", "path"), DOORS)
def test_a_name_that_a_page_has_pointed_at_this_machine_is_refused(sandbox: Sandbox, method: str, path: str) -> None:
    answer = sent(sandbox, method, path, Host=f"evil.example.com:{port(sandbox)}")
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert (sandbox.requests, sandbox.records("deals")[1]["is_deleted"]) == ([], False)


@pytest.mark.parametrize(("method", "path"), DOORS)
@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "http://localhost", "file://"])
def test_what_a_page_of_another_origin_sends_is_refused(sandbox: Sandbox, method: str, path: str, origin: str) -> None:
    assert sent(sandbox, method, path, Origin=origin).status_code == 403
    assert (sandbox.requests, sandbox.records("deals")[1]["is_deleted"]) == ([], False)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", ["/api/v2/deals?api_token=sandbox-token", "/_sandbox/state", "/oauth/authorize"])
def test_an_image_or_frame_of_another_page_is_refused(sandbox: Sandbox, path: str, site: str) -> None:
    for mode, dest in (("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty")):
        answer = sent(sandbox, "GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode=mode, Sec_Fetch_Dest=dest)
        assert answer.status_code == 403
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "LocalHost", "127.0.0.1", "[::1]", "127.9.9.9", "crm.localhost"),
        *("api.pipedrive.com", "acme.pipedrive.com", "pipedrive.com"),
    ],
)
def test_the_names_of_this_machine_and_of_pipedrive_are_answered(sandbox: Sandbox, host: str) -> None:
    assert sent(sandbox, "GET", "/api/v2/deals", Host=f"{host}:{port(sandbox)}").status_code == 200
    assert sent(sandbox, "GET", "/api/v2/deals", Host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        *("", "localhost.evil.example.com", "127.0.0.1.evil.example.com", "evilpipedrive.com", "pipedrive.com.evil"),
        *("evil@127.0.0.1", "127.0.0.1:80:80", "127.0.0.1/", "localhost:", "192.168.0.7", "[2001:db8::1]", "0.0.0.0"),
        "p\u0131pedrive.com".encode().decode("latin-1"),
    ],
)
def test_no_look_alike_of_them_is(sandbox: Sandbox, host: str) -> None:
    assert sent(sandbox, "GET", "/api/v2/deals", Host=host).status_code == 403


def test_two_hosts_are_none(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", port(sandbox)), timeout=10) as connection:
        connection.sendall(b"GET /_sandbox/state HTTP/1.1\r\nHost: localhost\r\nHost: evil.example.com\r\n\r\n")
        assert connection.recv(100).startswith(b"HTTP/1.1 403 ")


@pytest.fixture(scope="module")
def behind_docker() -> Iterator[Sandbox]:
    with Sandbox(deals=1, allowed_hosts=("host.docker.internal", "sandbox:9000")) as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("host.docker.internal", 200),
        ("host.docker.internal:9000", 200),
        ("sandbox:9000", 200),
        ("sandbox:9001", 403),
        ("sandbox", 403),
        ("127.0.0.1", 200),
        ("evil.example.com", 403),
    ],
)
def test_further_names_are_answered_where_the_user_says_so(behind_docker: Sandbox, host: str, status: int) -> None:
    assert sent(behind_docker, "GET", "/api/v2/deals", Host=host).status_code == status


def test_a_refusal_says_how_to_be_let_in(sandbox: Sandbox) -> None:
    refused = sent(sandbox, "GET", "/api/v2/deals", Host="host.docker.internal").json()
    assert refused["error"] == "The sandbox does not answer to the Host 'host.docker.internal'."
    assert "--allowed-hosts" in refused["error_info"]


def test_a_person_is_led_to_the_consent_page_and_agrees_there(sandbox: Sandbox) -> None:
    page = sent(
        sandbox,
        "GET",
        f"/oauth/authorize?client_id={sandbox.client_id}&redirect_uri=http://localhost/callback",
        **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
    )
    assert page.status_code == 200
    form = {"client_id": sandbox.client_id, "redirect_uri": "http://localhost/callback", "decision": "allow"}
    headers = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}
    agreed = requests.post(
        f"{sandbox.url}/oauth/authorize", data=form, headers=headers, timeout=10, allow_redirects=False
    )
    assert agreed.status_code == 302
