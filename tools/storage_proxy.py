"""A proxy in front of an object storage's server: it counts, takes its time, refuses, and can be out of reach.

It knows HTTP/1.1 as far as the storages' clients and servers speak it: bodies with a length or in chunks, kept
connections, one request after another on each.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

BLOCK = 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(frozen=True)
class Asked:
    """A request, without its body.

    :ivar target: path and query
    :ivar headers: by their names in small letters
    """

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def kind(self) -> str:
        """``read``, ``write``, ``list`` or ``remove``, whichever storage is asked."""
        path, _, query = self.target.partition("?")
        if self.method == "DELETE" or query in ("delete", "delete=") or path.startswith("/batch"):
            return "remove"
        if self.method in ("PUT", "POST", "PATCH"):
            return "write"
        lists = "list-type=" in query or "comp=list" in query or path.endswith("/o")  # S3, Azure, Google
        return "list" if lists else "read"


@dataclass(frozen=True)
class Exchanged:
    """A request that was answered.

    :ivar began: when its head had come, by this machine's monotonic clock
    :ivar ended: when its answer was passed on
    """

    asked: Asked
    began: float
    ended: float


Refuses = Callable[[Asked], bytes | None]


class StorageProxy:
    """A proxy that runs in a thread.

    :param server: the address of the server behind it
    :ivar url: its own address
    :ivar seconds: that it takes over each request, one after another on a connection
    :ivar refuses: the whole answer to a request that is not let through
    :ivar seen: how many requests of each kind came
    :ivar exchanged: those that were passed on and answered, in the order of their answers
    """

    def __init__(self, server: str, *, seconds: float = 0.0, refuses: Refuses = lambda asked: None) -> None:
        self.seconds = seconds
        self.refuses = refuses
        self.seen: Counter[str] = Counter()
        self.exchanged: list[Exchanged] = []
        self._behind = urlsplit(server)
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.StreamWriter] = set()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._port = 0
        self.start()
        self.url = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Take connections."""
        self._call(self._start())

    def stop(self) -> None:
        """Be out of reach: the connections that there are break off, and others are refused."""
        self._call(self._stop())

    def close(self) -> None:
        """End for good."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _call(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)  # type: ignore[arg-type]

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port, limit=BLOCK)
        self._port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        for each in list(self._connections):
            each.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        behind: asyncio.StreamWriter | None = None
        try:
            answers, behind = await asyncio.open_connection(self._behind.hostname, self._behind.port, limit=BLOCK)
            self._connections.add(behind)
            while True:
                await self._exchange(reader, writer, answers, behind)
        except (OSError, asyncio.IncompleteReadError):  # either side has ended the connection
            pass
        finally:
            for each in (writer, behind):
                if each is not None:
                    self._connections.discard(each)
                    each.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        behind: asyncio.StreamWriter,
    ) -> None:
        """One request and its answer."""
        first, headers, head = await _head(reader)
        method, target, _ = first.split(" ", 2)
        asked, began = Asked(method, target, headers), time.monotonic()
        self.seen[asked.kind] += 1
        if headers.get("expect"):
            writer.write(CONTINUE)
            head = b"\r\n".join(line for line in head.split(b"\r\n") if not line.lower().startswith(b"expect:"))
        answer = self.refuses(asked)
        if self.seconds:
            await asyncio.sleep(self.seconds)
        if answer is not None:
            await _body(headers, reader, None)
            writer.write(answer)
            await writer.drain()
            return
        behind.write(head)
        await _body(headers, reader, behind)
        status, headers, head = await _head(answers)
        own = f"{self._behind.scheme}://{self._behind.netloc}".encode()
        writer.write(head.replace(own, self.url.encode()))  # where an upload in parts continues
        if method != "HEAD" and status.split(" ")[1] not in ("204", "304"):
            await _body(headers, answers, writer)
        await writer.drain()
        self.exchanged.append(Exchanged(asked, began, time.monotonic()))


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str], bytes]:
    """The first line, the headers, and both as they came."""
    head = await reader.readuntil(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {name.strip().lower(): value.strip() for name, _, value in pairs}, head


async def _body(headers: Mapping[str, str], reader: asyncio.StreamReader, to: asyncio.StreamWriter | None) -> None:
    """Pass a body on, or over."""
    if headers.get("transfer-encoding", "").lower() != "chunked":
        await _bytes(int(headers.get("content-length") or 0), reader, to)
        return
    while True:
        line = await reader.readuntil(b"\r\n")
        if to is not None:
            to.write(line)
        size = int(line.split(b";")[0], 16)
        await _bytes(size + 2, reader, to)
        if not size:
            return


async def _bytes(left: int, reader: asyncio.StreamReader, to: asyncio.StreamWriter | None) -> None:
    while left:
        some = await reader.read(min(left, BLOCK))
        if not some:
            raise asyncio.IncompleteReadError(b"", left)
        left -= len(some)
        if to is not None:
            to.write(some)
            await to.drain()


@contextmanager
def proxy_to(server: str, *, seconds: float = 0.0, refuses: Refuses = lambda asked: None) -> Iterator[StorageProxy]:
    """A proxy that runs meanwhile."""
    proxy = StorageProxy(server, seconds=seconds, refuses=refuses)
    try:
        yield proxy
    finally:
        with suppress(TimeoutError):
            proxy.close()


# ---- what each storage answers where it refuses something


def _s3(status: int, code: str, message: str) -> bytes:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return _answer(status, "application/xml", body)


def _azure(status: int, code: str, message: str) -> bytes:
    """https://learn.microsoft.com/rest/api/storageservices/status-and-error-codes2"""
    body = f"<?xml version='1.0' encoding='utf-8'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"
    return _answer(status, "application/xml", body, f"x-ms-error-code: {code}\r\n")


def _google(status: int, code: str, message: str) -> bytes:
    """https://cloud.google.com/storage/docs/json_api/v1/status-codes"""
    reason = f'{{"message": "{message}", "domain": "global", "reason": "{code}"}}'
    return _answer(
        status,
        "application/json",
        f'{{"error": {{"code": {status}, "message": "{message}", "errors": [{reason}]}}}}',
    )


def _answer(status: int, kind: str, body: str, more: str = "") -> bytes:
    head = f"HTTP/1.1 {status} Refused\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body.encode())}\r\n\r\n"
    return f"{head}{body}".encode()


REFUSAL: Mapping[str, Callable[[int, str, str], bytes]] = {"s3": _s3, "azure": _azure, "google": _google}
"""By kind of storage: the whole answer, of a status, a code and a message."""
