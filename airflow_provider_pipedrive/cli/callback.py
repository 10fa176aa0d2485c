"""A server on this machine that waits for one answer of Pipedrive's consent page.

https://datatracker.ietf.org/doc/html/rfc8252#section-7.3
"""

from __future__ import annotations

import errno
import queue
import socket
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import urlsplit

from airflow_provider_pipedrive.accounts.oauth import Callback
from airflow_provider_pipedrive.cli.terminal import usage_error
from airflow_provider_pipedrive.client.hosts import is_loopback, plain_url
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveParameterError

WAIT = 300.0
"""Seconds to wait for the answer."""
LOCALHOST = ("127.0.0.1", "::1")
"""What browsers take ``localhost`` for: https://datatracker.ietf.org/doc/html/rfc6761#section-6.3"""
_NO_SUCH_ADDRESS = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)
_SILENCE = 10.0  # browsers open connections ahead that stay silent
_SECURITY = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def can_listen(redirect_uri: str) -> bool:
    """Whether the callback URL leads to an IPv4 port of this machine, in plain http.

    :param redirect_uri: a whole URL, see :mod:`.accounts.redirect_uri`
    """
    parts = plain_url(redirect_uri)
    return parts.scheme == "http" and is_loopback(parts.hostname) and ":" not in (parts.hostname or "")


class CallbackServer:
    """Listens from ``with`` to the end of its block.

    Takes the first callback that has the right state; wrong ones are refused and change nothing. For ``localhost`` it
    listens to both addresses that browsers take it for: on the one left free, another user of this machine could wait.

    :param redirect_uri: a loopback URL, see :func:`can_listen`
    :param state: what went out with the consent page
    :raises PipedriveParameterError: the port cannot be listened to
    """

    def __init__(self, redirect_uri: str, state: str) -> None:
        parts = urlsplit(redirect_uri)
        port = parts.port or 80
        self._attempt = _Attempt(parts.netloc.removesuffix(":80"), parts.path or "/", state)  # browsers leave :80 out
        with ExitStack() as opened:
            self._servers = [
                opened.enter_context(server)
                for host in (LOCALHOST if parts.hostname == "localhost" else (str(parts.hostname),))
                if (server := _listening(host, port, self._attempt))
            ]
            self._close = opened.pop_all().close

    def __enter__(self) -> Self:
        for server in self._servers:
            threading.Thread(target=server.serve_forever, args=(0.05,), name="callback", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.shutdown()
        self._close()

    def wait(self, seconds: float = WAIT) -> str:
        """The code that Pipedrive sent.

        :raises PipedriveAuthError: access was denied, or no answer came in time
        """
        try:
            outcome = self._attempt.outcome.get(timeout=seconds)
        except queue.Empty:
            raise PipedriveAuthError(
                f"No answer came from the consent page within {seconds / 60:g} minutes. Connect again; if the browser "
                "runs on another machine, with --no-browser."
            ) from None
        if isinstance(outcome, PipedriveAuthError):
            raise outcome
        return outcome


@dataclass
class _Attempt:
    """What is awaited, whichever address it comes to.

    :ivar netloc: host and port of the callback URL, as browsers send them
    """

    netloc: str
    path: str
    state: str
    outcome: queue.Queue[str | PipedriveAuthError] = field(default_factory=queue.Queue)
    answered: threading.Lock = field(default_factory=threading.Lock)

    def judge(self, host: str, target: str) -> tuple[int, str, str | PipedriveAuthError | None]:
        """Status and text of the page, and what the wait ends with, if it does."""
        if target.partition("?")[0] != self.path:
            return 404, "There is nothing here.", None
        if host.lower() != self.netloc.lower():
            return 400, "This address is not the registered callback URL.", None
        try:
            outcome: str | PipedriveAuthError = Callback.read(target).code_for(self.state)
        except PipedriveAuthError as error:
            outcome = error
        except PipedriveParameterError as error:
            return 400, str(error), None
        if not self.answered.acquire(blocking=False):  # never released: there is one answer
            return 409, "This attempt to connect has been answered already.", None
        return 200, "Pipedrive has answered. You can close this tab; the terminal tells the rest.", outcome


def _listening(host: str, port: int, attempt: _Attempt) -> _Server | None:
    """A server on one address, or ``None`` where this machine does not have it: nobody else can listen there, either.

    :raises PipedriveParameterError: it cannot be listened to
    """
    try:
        return _Server(host, port, attempt)
    except OSError as error:
        if ":" in host and error.errno in _NO_SUCH_ADDRESS:
            return None
        raise usage_error(
            f"Port {port} of this machine cannot be listened to ({host}: {error.strerror}). Stop what uses it, "
            "register another callback URL with the app and give it as --redirect-uri, or use --no-browser."
        ) from None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, attempt: _Attempt) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.attempt = attempt
        super().__init__((host, port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that hangs up is no event."""


class _Handler(BaseHTTPRequestHandler):
    timeout = _SILENCE

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, _Server)
        status, text, outcome = server.attempt.judge(self.headers.get("Host", ""), self.path)
        try:
            self._page(status, text)
        finally:  # a browser that does not wait for the page has brought its answer all the same
            if outcome is not None:
                server.attempt.outcome.put(outcome)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Other methods, and what is no HTTP."""
        self._page(code, "Only Pipedrive's callback is taken here.")

    def _page(self, status: int, text: str) -> None:
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Pipedrive</title></head>'
            f"<body><p>{escape(text)}</p></body></html>"
        ).encode()
        self.send_response_only(status)
        for name, value in _SECURITY.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(page)
        self.wfile.flush()
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Nothing: the request's line has the code in it."""
