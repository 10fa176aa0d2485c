"""Which hosts a credential may travel to."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client.hosts import is_loopback, origin_of
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("host", "port", "origin"),
    [
        ("acme", None, "https://acme.pipedrive.com"),
        (" Acme ", None, "https://acme.pipedrive.com"),
        ("acme.pipedrive.com", None, "https://acme.pipedrive.com"),
        ("acme.pipedrive.com", 443, "https://acme.pipedrive.com"),
        ("https://acme.pipedrive.com/", None, "https://acme.pipedrive.com"),
        ("https://acme.pipedrive.com/api/v2", None, "https://acme.pipedrive.com"),
        ("HTTPS://ACME.PIPEDRIVE.COM/v1", None, "https://acme.pipedrive.com"),
        ("https://acme.pipedrive.com:443", None, "https://acme.pipedrive.com"),
        ("http://127.0.0.1:8765", None, "http://127.0.0.1:8765"),
        ("127.0.0.1", 8765, "http://127.0.0.1:8765"),
        ("localhost:8765", None, "http://localhost:8765"),
        ("LOCALHOST", 8765, "http://localhost:8765"),
        ("http://[::1]:8765", None, "http://[::1]:8765"),
        ("https://127.0.0.1:8765", None, "https://127.0.0.1:8765"),
    ],
)
def test_a_host_of_pipedrives_or_of_this_machine_is_taken(host: str, port: int | None, origin: str) -> None:
    assert origin_of(host, port) == origin


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("http://acme.pipedrive.com", None),
        ("https://acme.pipedrive.com:8443", None),
        ("acme.pipedrive.com", 80),
        ("https://acme.pipedrive.com.evil.example", None),
        ("https://evilpipedrive.com", None),
        ("https://a.b.pipedrive.com", None),
        ("https://pipedrive.com", None),
        ("https://user:word@acme.pipedrive.com", None),
        ("https://acme.pipedrive.com/other", None),
        ("https://acme.pipedrive.com?x=1", None),
        ("https://acme.pipedrive.com#x", None),
        ("https://evil.example\\.pipedrive.com", None),
        ("https://evil.example/.pipedrive.com", None),
        ("//evil.example", None),
        ("acme pipedrive", None),
        ("-acme", None),
        ("acme_x", None),
        ("http://10.0.0.1", None),
        ("http://0.0.0.0", None),
        ("ftp://127.0.0.1", None),
        ("https://acme.pipedrive.com:port", None),
        ("[", None),
        ("https://[", None),
        ("", None),
    ],
)
def test_any_other_host_is_refused_with_advice(host: str, port: int | None) -> None:
    with pytest.raises(PipedriveParameterError, match="is no host to send a Pipedrive credential to. Give the company"):
        origin_of(host, port)


@pytest.mark.parametrize(
    "host",
    [
        "https://user:Secret123@evil.example",
        "user:Secret123@acme.pipedrive.com",
        "https://user:Sec/Secret123@evil.example",
        "https://acme.pipedrive.com/v1?api_token=Secret123",
        "https://acme.pipedrive.com/v1#Secret123",
    ],
)
def test_a_password_or_token_in_the_host_is_not_repeated_in_the_error(host: str) -> None:
    with pytest.raises(PipedriveParameterError) as refused:
        origin_of(host)
    assert "Secret123" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "means_this_machine"),
    [("localhost", True), ("LocalHost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True)]
    + [(name, False) for name in ("localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0", "10.0.0.1", "", None)],
)
def test_loopback(name: str | None, means_this_machine: bool) -> None:
    assert is_loopback(name) is means_this_machine
