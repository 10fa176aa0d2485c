"""A subscriber to the sandbox's webhooks."""

from __future__ import annotations

import json
import queue
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api

PATIENCE = 10


class Receiver:
    """A subscriber on loopback: what it was sent, and the statuses it answers with (200 when none is left)."""

    def __init__(self) -> None:
        self.deliveries: queue.Queue[tuple[dict[str, str], dict[str, Any]]] = queue.Queue()
        self.statuses: queue.Queue[int] = queue.Queue()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                receiver.deliveries.put(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(200 if receiver.statuses.empty() else receiver.statuses.get())
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook?secret=1"

    def next(self) -> dict[str, Any]:
        return self.deliveries.get(timeout=PATIENCE)[1]


def subscribe(api: Api, receiver: Receiver, action: str = "*", entity: str = "deal", **more: Any) -> int:
    body = {"subscription_url": receiver.url, "event_action": action, "event_object": entity, "name": "Test", **more}
    answer = api.post("/v1/webhooks", body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["data"]["id"])


def settled(api: Api, sandbox: Sandbox, **expected: int) -> dict[str, Any]:
    """The webhook's row, once all deliveries that are due were judged."""
    sandbox.settle(PATIENCE)
    counted = sandbox.counters()["webhooks"]
    assert {name: counted[name] for name in expected} == expected
    return next(iter(api.data("/v1/webhooks")), {})
