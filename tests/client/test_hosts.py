"""Which hosts a credential may travel to."""

from __future__ import annotations

import pytest
import urllib3

from airflow_provider_pipedrive.client import settings_from
from airflow_provider_pipedrive.client.auth import company_origin
from airflow_provider_pipedrive.client.hosts import is_loopback, is_public, origin_of, plain_url
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveParameterError


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
    with pytest.raises(
        PipedriveParameterError, match="is not a host that a Pipedrive credential may be sent to. Give the company"
    ):
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


# ---- hosts that only look like Pipedrive's, and URLs that two libraries read in two ways


LOOK_ALIKES = [
    "acme.p\u0131pedrive.com",  # a dotless i, which is I's small form by Unicode's rules
    "acme.p\u0130pedrive.com",  # a capital I with a dot
    "acme.pipedrive.\u217dom",  # a Roman numeral hundred
    "acme.pipedr\u0456ve.com",  # a Cyrillic i
    "acme.pipedrive.c\u043em",  # a Cyrillic o
    "acme.\uff50ipedrive.com",  # a fullwidth p
    "acme\u3002pipedrive.com",  # an ideographic full stop, a dot by IDNA
    "acme\uff0epipedrive\uff0ecom",
    "ac\u212ae.pipedrive.com",  # the Kelvin sign, k in small letters
    "acme.pipedrive.com\u2024example",
    "sto\u00adrage.pipedrive.com",  # a soft hyphen, which IDNA leaves out
    "acme.pipedrive.com\u200b",
    "acme.pipedrive.com.",
    "acme.pipedrive.com..",
    "acme.pipedrive.com%2eexample",
    "acme%2epipedrive.com",
    "acme.pipedrive.com%00.example",
    "acme.pipe\tdrive.com",
    "acme.pipe\ndrive.com",
    "acme.pipedrive.com\\.example",
    "acme.pipedrive.com:443@storage.example",
    "@acme.pipedrive.com",
    ":@acme.pipedrive.com",
    "acme.pipedrive.com:0443x",
    "acme.pipedrive.com:\uff14\uff14\uff13",
    "storage.example;.pipedrive.com",
    "storage.example,acme.pipedrive.com",
    "\u2488pipedrive.com",
    "127.0.0.1.",
    "127.1",
    "2130706433",
    "0x7f.0.0.1",
    "\uff11\uff12\uff17.0.0.1",
    "\u2460\u2461\u2466.0.0.1",
    "loca\u017fhost",
    "\u24dbocalhost",
    "localhost.",
    "[::1%25storage.example]",
    "[::ffff:10.0.0.1]",
]


@pytest.mark.parametrize("name", LOOK_ALIKES, ids=[ascii(name) for name in LOOK_ALIKES])
@pytest.mark.parametrize("form", ["{}", "https://{}", "https://{}/api/v2", "HTTPS://{}:443"])
def test_a_host_that_only_looks_like_pipedrives_is_refused(name: str, form: str) -> None:
    if form == "{}" and name in ("2130706433",):
        assert origin_of(name) == "https://2130706433.pipedrive.com"  # a company may be called so
        return
    with pytest.raises(PipedriveParameterError, match="is not a host that a Pipedrive credential may be sent to"):
        origin_of(form.format(name))


@pytest.mark.parametrize("name", LOOK_ALIKES, ids=[ascii(name) for name in LOOK_ALIKES])
def test_neither_host_nor_oauth_host_nor_api_domain_takes_one(name: str) -> None:
    extra = {"api_token": "TokenOfTheHostTests0123456789"}
    with pytest.raises(PipedriveParameterError):
        settings_from(host=f"https://{name}", extra=extra)
    with pytest.raises(PipedriveParameterError):
        settings_from(
            login="app", password="word", extra={"refresh_token": "RefreshToken01234", "oauth_host": f"https://{name}"}
        )
    with pytest.raises(PipedriveAuthError, match="strange api_domain"):
        company_origin(f"https://{name}", "https://oauth.pipedrive.com")


def test_what_is_taken_is_what_the_http_library_connects_to() -> None:
    for host in ("acme", "ACME.Pipedrive.COM", "https://acme.pipedrive.com:443/api/v2", "xn--acme-ab1c"):
        origin = origin_of(host)
        assert urllib3.util.parse_url(origin).host == origin.removeprefix("https://")
        assert origin.isascii()
        assert origin.endswith(".pipedrive.com")


@pytest.mark.parametrize("host", ["acme.p\u0131pedrive.com"])
def test_the_error_shows_which_letter_it_is(host: str) -> None:
    with pytest.raises(PipedriveParameterError, match=r"acme\.p\\u0131pedrive\.com"):
        origin_of(host)


@pytest.mark.parametrize(
    ("address", "is_public_one"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("storage.example", False),
        ("", False),
    ],
)
def test_addresses_of_the_internet(address: str, is_public_one: bool) -> None:
    assert is_public(address) is is_public_one


@pytest.mark.parametrize(
    "url",
    [
        "https://storage.example/a b",
        "https://storage.example\\@acme.pipedrive.com/",
        "https://stor\tage.example/",
        "https://storage.example/\r\nHost: other.example",
        "https://user@storage.example/",
        "https://@storage.example/",
        "https://stor%61ge.example/",
        "https://st\u00f6rage.example/",
        "https://\uff53torage.example/",
        "https:///path",
        "https://storage.example:/",
        "https://storage.example:0/",
        "https://storage.example:99999/",
        "https://[storage.example/",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_url_that_can_be_read_in_two_ways_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        plain_url(url)


@pytest.mark.parametrize(
    "url",
    ["https://airflow.example.com/pipedrive/callback?x=1", "http://[::1]:8910/callback", "http://localhost:8910/"],
)
def test_a_plain_url(url: str) -> None:
    assert plain_url(url).geturl() == url
