"""The HTTP protocol with a door to its socket, and the answers that are not whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from airflow_provider_pipedrive.sandbox.server.messages import Response

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

TRANSPORT = "airflow_provider_pipedrive.sandbox.transport"
_DRIBBLE_PARTS = 10


class Protocol(HttpToolsProtocol):
    """uvicorn's protocol; the transport is in the scope so that a fault can close it."""

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self.scope["state"][TRANSPORT] = self.transport


async def hang_up(scope: Scope, receive: Receive) -> None:
    """Close the connection at once, without an answer."""
    scope["state"][TRANSPORT].abort()
    await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    """Wait until uvicorn knows that the connection is closed; otherwise it would complain of a missing answer."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_whole(send: Send, response: Response) -> None:
    """An answer as it should be."""
    body = response.encoded()
    await send(_start(response, len(body)))
    await send({"type": "http.response.body", "body": body})


async def send_truncated(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Half of the body that the headers promise, then the end of the connection."""
    body = response.encoded()
    await send(_start(response, len(body)))
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    scope["state"][TRANSPORT].close()
    await _disconnected(receive)


async def send_slowly(send: Send, response: Response, seconds: float) -> None:
    """The body in small parts over so many seconds."""
    body = response.encoded()
    await send(_start(response, len(body)))
    size = max(1, len(body) // _DRIBBLE_PARTS)
    for start in range(0, len(body), size):
        await asyncio.sleep(seconds / _DRIBBLE_PARTS)
        await send({"type": "http.response.body", "body": body[start : start + size], "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def _start(response: Response, length: int) -> dict[str, Any]:
    headers = [("content-type", response.content_type), ("content-length", str(length)), *response.headers]
    return {
        "type": "http.response.start",
        "status": response.status,
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
    }


async def read_body(receive: Receive) -> bytes | None:
    """The whole body of a request, or ``None`` where the client hung up before its end: half of a request is none."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)
