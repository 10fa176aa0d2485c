"""The server on this machine that waits for the answer of the consent page."""

from __future__ import annotations

import errno
import socket
from urllib.parse import urlsplit

import pytest
import requests
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.cli.callback import CallbackServer
from airflow_provider_pipedrive.errors import PipedriveAuthError
from tests.cli.conftest import Browser, Terminal


def test_both_addresses_of_localhost_are_listened_to(callback_url: str):
    port = urlsplit(callback_url).port
    with CallbackServer(f"http://localhost:{port}/callback", "S1") as server:
        with pytest.raises(OSError, match="in use"):
            socket.create_server(("::1", port), family=socket.AF_INET6)
        headers = {"Host": f"localhost:{port}"}
        wrong = requests.get(f"http://[::1]:{port}/callback?code=C0&state=S0", headers=headers, timeout=10)
        right = requests.get(f"http://[::1]:{port}/callback?code=C1&state=S1", headers=headers, timeout=10)
        second = requests.get(f"http://127.0.0.1:{port}/callback?code=C2&state=S1", headers=headers, timeout=10)
        assert (wrong.status_code, right.status_code, second.status_code, server.wait()) == (400, 200, 409, "C1")


@pytest.mark.parametrize("taken", ["127.0.0.1", "::1"])
def test_localhost_is_refused_where_somebody_else_listens_to_either_of_its_addresses(
    taken: str, terminal: Terminal, app: list[str], browser: Browser, callback_url: str
):
    port = urlsplit(callback_url).port
    uri = f"http://localhost:{port}/callback"
    with socket.create_server((taken, port), family=socket.AF_INET6 if ":" in taken else socket.AF_INET):
        assert terminal.run("connect", *app, "--redirect-uri", uri, "--print", "json") == 2
    assert f"Port {port} of this machine cannot be listened to ({taken}: " in terminal.err
    assert browser.opened == ""
    with CallbackServer(uri, "S1"):
        """What was taken before it failed is free again."""


def test_a_machine_without_ipv6_listens_to_the_one_address_there_is(callback_url: str, mocker: MockerFixture):
    port = urlsplit(callback_url).port
    bind = socket.socket.bind

    def without_ipv6(self: socket.socket, address: tuple[str, int]) -> None:
        if self.family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        bind(self, address)

    mocker.patch("socketserver.socket.socket.bind", without_ipv6)
    with CallbackServer(f"http://localhost:{port}/callback", "S1") as server:
        headers = {"Host": f"localhost:{port}"}
        requests.get(f"http://127.0.0.1:{port}/callback?code=C1&state=S1", headers=headers, timeout=10)
        assert server.wait() == "C1"


def test_a_second_answer_is_refused(callback_url: str):
    with CallbackServer(callback_url, "S1") as server:
        first = requests.get(f"{callback_url}?code=C1&state=S1", timeout=10)
        second = requests.get(f"{callback_url}?code=C2&state=S1", timeout=10)
        assert (first.status_code, second.status_code, server.wait()) == (200, 409, "C1")


def test_the_wait_for_an_answer_ends(callback_url: str):
    with CallbackServer(callback_url, "S1") as server, pytest.raises(PipedriveAuthError, match="No answer came"):
        server.wait(0)
