"""What the client's tests share: a clock that does not wait, and a server that answers exactly what it is told to."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import BytesParser
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from

API_TOKEN = "ApiTokenOfTheClientTests0123456789"


class FakeClock:
    """Time that moves only when somebody sleeps."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


class HurryingClock(FakeClock):
    """Time of which 4 seconds pass whenever somebody looks at it."""

    def monotonic(self) -> float:
        self.now += 4.0
        return self.now


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """An HTTP answer as it should be. Underscores in the names of ``headers`` stand for hyphens."""
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def envelope(data: Any, **more: Any) -> bytes:
    """A good answer of the API."""
    return http(200, json.dumps({"success": True, "data": data, **more}).encode(), Content_Type="application/json")


@dataclass(frozen=True)
class ThenClose:
    """Bytes after which the server closes the connection."""

    content: bytes


@dataclass(frozen=True)
class Forever:
    """Bytes, and then a piece again and again until the client hangs up."""

    content: bytes
    piece: bytes


@dataclass(frozen=True)
class Held:
    """Bytes that are sent when the test says so."""

    until: threading.Event
    content: bytes


class Silence:
    """No answer at all, but the connection stays open."""


class Reset:
    """No answer: the connection is reset."""


@dataclass(frozen=True)
class Received:
    """A request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Step = bytes | ThenClose | Forever | Held | type[Silence] | type[Reset]


class ScriptedServer:
    """Answers the first request with the first step, and so on; a request beyond the script is reset."""

    def __init__(self) -> None:
        self.script: list[Step] = []
        self.requests: list[Received] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            incoming = connection.makefile("rb")
            while (request := _read_request(incoming)) is not None:
                self.requests.append(request)
                if not _perform(connection, self.script.pop(0) if self.script else Reset):
                    return
        except OSError:
            return


def _read_request(incoming: Any) -> Received | None:
    line = incoming.readline().decode("latin-1").split()
    if not line:
        return None
    head = b""
    while (header := incoming.readline()) not in (b"\r\n", b""):
        head += header
    parsed = BytesParser().parsebytes(head)
    headers = {name.lower(): str(value) for name, value in parsed.items()}
    return Received(line[0], line[1], headers, incoming.read(int(headers.get("content-length", 0))))


def _perform(connection: socket.socket, step: Step) -> bool:
    """Play one step; whether the connection is good for another one."""
    if isinstance(step, bytes):
        connection.sendall(step)
        return True
    if isinstance(step, Held):
        step.until.wait()
        connection.sendall(step.content)
        return True
    if step is Silence:
        return True
    if isinstance(step, Forever):
        connection.sendall(step.content)
        while True:
            connection.sendall(step.piece)
    if isinstance(step, ThenClose):
        connection.sendall(step.content)
        connection.shutdown(socket.SHUT_RDWR)
    else:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    return False


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    running = ScriptedServer()
    yield running
    running.stop()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


MakeClient = Callable[..., PipedriveClient]


@pytest.fixture
def make_client(server: ScriptedServer, clock: FakeClock) -> Iterator[MakeClient]:
    """Makes clients of the scripted server, with an API token unless told otherwise."""
    made: list[PipedriveClient] = []

    def make(
        *, use_clock: FakeClock | None = None, login: str | None = None, password: str | None = None, **extra: Any
    ):
        credential = {} if login else {"api_token": API_TOKEN}
        settings = settings_from(host=server.url, login=login, password=password, extra={**credential, **extra})
        made.append(PipedriveClient(settings, clock=use_clock or clock))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: MakeClient) -> PipedriveClient:
    return make_client()


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
