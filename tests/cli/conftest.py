"""A person at the terminal, a browser, and a metadata database with nothing but connections."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import requests
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.__main__ import main
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET
from tests.support.metadata_database import database  # noqa: F401 - pytest finds a fixture by its name here


def press(button: str, consent_page: str) -> str:
    """Open a consent page and press one of its buttons; returns the address that the browser is sent to."""
    page = requests.get(consent_page, timeout=10)
    page.raise_for_status()
    form = re.search(r'<form method="post" action="([^"]+)">', page.text)
    (value,) = re.findall(rf'<button name="decision" value="([^"]+)">{button}</button>', page.text)
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
    fields = {name: unescape(text) for name, text in hidden} | {"decision": value}
    answer = requests.post(urljoin(consent_page, unescape(form[1])), data=fields, allow_redirects=False, timeout=10)
    return answer.headers["location"]


class Terminal:
    """Runs commands as ``python -m airflow_provider_pipedrive`` does, and types what a person would.

    ``out`` and ``err`` are what the last command wrote.
    """

    def __init__(self, capsys: pytest.CaptureFixture[str], mocker: MockerFixture) -> None:
        self._capsys = capsys
        self._answers: list[str | Callable[[str], str]] = []
        self.out = self.err = ""
        mocker.patch("sys.stdin", self)
        mocker.patch("getpass.getpass", side_effect=lambda question: self.readline().strip())

    def types(self, *answers: str | Callable[[str], str]) -> None:
        """What the person will type, line by line; a function is given what the terminal shows by then."""
        self._answers = list(answers)

    def readline(self) -> str:
        """The next line typed; empty when the person has left."""
        self._read()
        if not self._answers:
            return ""
        answer = self._answers.pop(0)
        return f"{answer if isinstance(answer, str) else answer(self.err)}\n"

    def run(self, *arguments: str) -> int:
        """Run a command to its end; returns its exit code."""
        self.out = self.err = ""
        self._capsys.readouterr()
        code = 0
        try:
            main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        self._read()
        return code

    def _read(self) -> None:
        shown = self._capsys.readouterr()
        self.out += shown.out
        self.err += shown.err


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str], mocker: MockerFixture) -> Terminal:
    return Terminal(capsys, mocker)


@pytest.fixture
def callback_url() -> str:
    """A callback URL on a port of this machine that nothing listens to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}/callback"


@pytest.fixture
def app(sandbox: Sandbox, callback_url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments that name the sandbox's app; its secret is in the environment."""
    monkeypatch.setenv("PIPEDRIVE_CLIENT_SECRET", CLIENT_SECRET)
    return [
        *("--client-id", CLIENT_ID, "--redirect-uri", callback_url),
        *("--host", sandbox.url, "--oauth-host", sandbox.url),
    ]


@pytest.fixture
def browser(mocker: MockerFixture) -> Browser:
    """Takes the place of the machine's browser."""
    it = Browser()
    mocker.patch("webbrowser.open", it.open)
    return it


class Browser:
    """A browser whose user presses one button, after having been elsewhere.

    ``before`` is called with the callback's address before the browser follows it. ``opened`` is what it was started
    with, and ``pages`` are the answers of the callback server.
    """

    def __init__(self) -> None:
        self.button = "Allow"
        self.before: Callable[[str], Any] = lambda address: None
        self.opened = ""
        self.while_open: Callable[[Path], Any] = lambda file: None
        self.pages: list[requests.Response] = []

    def open(self, url: str) -> bool:
        self.opened = url
        file = Path(unquote(urlsplit(url).path))
        self.while_open(file)
        leads_to = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', file.read_text())
        address = press(self.button, unescape(leads_to[1]))
        self.before(address)
        self.visit(address)
        return True

    def visit(self, address: str, **options: Any) -> requests.Response:
        page = requests.request(options.pop("method", "GET"), address, timeout=10, **options)
        self.pages.append(page)
        return page
