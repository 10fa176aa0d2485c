"""Deliveries to subscribers, by a thread of their own and only to loopback addresses.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

import base64
import heapq
import http.client
import ipaddress
import itertools
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import msgspec

from airflow_provider_pipedrive.sandbox.clock import Clock, to_v1
from airflow_provider_pipedrive.sandbox.store import Event, Record, State
from airflow_provider_pipedrive.sandbox.views_events import ENTITY_OF, payload

RETRY_AFTER = (3.0, 30.0, 150.0)
TIMEOUT = 10.0
BAN_AFTER = 10
BAN_SECONDS = 1800.0
GIVE_UP_AFTER = 3 * 86_400.0


@dataclass(order=True, slots=True)
class _Delivery:
    due: float
    number: int
    webhook_id: int = field(compare=False)
    document: Record = field(compare=False)
    attempt: int = field(compare=False, default=1)


@dataclass(slots=True)
class _Standing:
    """How a subscriber behaves: failed first attempts in a row, until when it is banned, its last success."""

    failures: int = 0
    banned_until: float = 0.0
    good: float = 0.0


class Webhooks:
    """Listens to the state and posts what happened. Time is the sandbox's, so ``advance`` brings retries forward."""

    def __init__(self, state: State, clock: Clock, lock: threading.RLock) -> None:
        self._state = state
        self._clock = clock
        self._lock = lock
        self._wake = threading.Condition()
        self._numbers = itertools.count(1)
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._busy = False
        self.host = "127.0.0.1"
        self.reset()
        state.listeners.append(self.on_event)

    def reset(self) -> None:
        """Drop all that waits to be delivered."""
        with self._wake:
            self._queue: list[_Delivery] = []
            self._standing: dict[int, _Standing] = {}
            self.delivered = 0
            self.failed = 0

    def stop(self) -> None:
        """End the thread."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        if self._thread:
            self._thread.join(TIMEOUT)

    def nudge(self) -> None:
        """Look at the clock again."""
        with self._wake:
            self._wake.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until no delivery is due or on its way; False if that takes longer than so many seconds."""
        with self._wake:
            return self._wake.wait_for(
                lambda: not self._busy and not (self._queue and self._queue[0].due <= self._clock.time()), seconds
            )

    @property
    def waiting(self) -> int:
        """How many deliveries wait for their time."""
        with self._wake:
            return len(self._queue)

    def on_event(self, event: Event) -> None:
        """Queue the event for every subscriber that asked for it. Called with the box's lock held."""
        entity = ENTITY_OF.get(event.table)
        if entity is None:
            return
        now = self._clock.time()
        for webhook in list(self._state["webhooks"]):
            if webhook["event_object"] not in ("*", entity) or webhook["event_action"] not in ("*", event.action):
                continue
            standing = self._standing.setdefault(webhook["id"], _Standing(good=now))
            if standing.banned_until > now:
                continue  # what happens during a ban is lost
            moment = datetime.fromtimestamp(now, UTC)
            document = payload(self._state, event, webhook, moment, self.host, self._state.new_uuid())
            self._push(_Delivery(now, next(self._numbers), webhook["id"], document))

    def _push(self, delivery: _Delivery) -> None:
        with self._wake:
            heapq.heappush(self._queue, delivery)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and (not self._queue or self._queue[0].due > self._clock.time()):
                    self._wake.wait(self._queue[0].due - self._clock.time() if self._queue else None)
                if self._stopped:
                    return
                delivery = heapq.heappop(self._queue)
                self._busy = True
            try:
                self._deliver(delivery)
            finally:
                with self._wake:
                    self._busy = False
                    self._wake.notify_all()

    def _deliver(self, delivery: _Delivery) -> None:
        webhook = self._state["webhooks"].records.get(delivery.webhook_id)
        if webhook is None or not is_loopback(webhook["subscription_url"]):
            return
        if delivery.document["meta"].get("version") == "2.0":
            delivery.document["meta"]["attempt"] = delivery.attempt
        else:
            delivery.document["retry"] = delivery.attempt - 1
        status = post(webhook, delivery.document)
        with self._lock:
            self._judge(delivery, webhook["id"], status)

    def _judge(self, delivery: _Delivery, webhook_id: int, status: int | None) -> None:
        now = self._clock.time()
        if webhook_id not in self._state["webhooks"].records:
            return
        stamp = to_v1(self._clock.stamp())
        self._state.replace("webhooks", webhook_id, {"last_delivery_time": stamp, "last_http_status": status})
        standing = self._standing.setdefault(webhook_id, _Standing(good=now))
        if status is not None and 200 <= status < 300:
            self.delivered += 1
            standing.failures, standing.good = 0, now
            return
        self.failed += 1
        if delivery.attempt == 1:
            standing.failures += 1
            if standing.failures >= BAN_AFTER:
                standing.failures, standing.banned_until = 0, now + BAN_SECONDS
        if standing.good + GIVE_UP_AFTER <= now:
            self._state["webhooks"].remove(webhook_id)
        elif delivery.attempt <= len(RETRY_AFTER):
            due = now + RETRY_AFTER[delivery.attempt - 1]
            self._push(_Delivery(due, next(self._numbers), webhook_id, delivery.document, delivery.attempt + 1))


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def post(webhook: Record, document: Any) -> int | None:
    """The status with which the subscriber answered; None where no answer came."""
    url = urlsplit(webhook["subscription_url"])
    headers = {"content-type": "application/json", "user-agent": "Pipedrive Webhooks"}
    if webhook.get("http_auth_user"):
        pair = f"{webhook['http_auth_user']}:{webhook.get('http_auth_password') or ''}"
        headers["authorization"] = "Basic " + base64.b64encode(pair.encode()).decode()
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname or "", url.port, timeout=TIMEOUT)
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", target, msgspec.json.encode(document), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
