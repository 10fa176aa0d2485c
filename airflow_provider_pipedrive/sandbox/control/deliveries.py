"""Deliveries to subscribers, by threads of their own and only to loopback addresses.

As many are on their way at once as threads allow, so their order is not kept: Pipedrive promises none.

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

from airflow_provider_pipedrive.sandbox.state import json_text
from airflow_provider_pipedrive.sandbox.state.clock import Clock, to_v1
from airflow_provider_pipedrive.sandbox.state.store import Event, Record, State
from airflow_provider_pipedrive.sandbox.views.events import ENTITY_OF, payload

RETRY_AFTER = (3.0, 30.0, 150.0)
TIMEOUT = 10.0
BAN_AFTER = 10
BAN_SECONDS = 1800.0
GIVE_UP_AFTER = 3 * 86_400.0
SENDERS = 16


@dataclass(order=True, slots=True)
class _Delivery:
    due: float
    number: int
    webhook_id: int = field(compare=False)
    document: Record = field(compare=False)
    attempt: int = field(compare=False, default=1)


@dataclass(slots=True)
class _Standing:
    """How an address behaves: failed first attempts in a row, and until when it is banned."""

    failures: int = 0
    banned_until: float = 0.0


class Webhooks:
    """Listens to the state and posts what happened. Time is the sandbox's, so ``advance`` brings retries forward."""

    def __init__(self, state: State, clock: Clock, lock: threading.RLock) -> None:
        self._state = state
        self._clock = clock
        self._lock = lock
        self._wake = threading.Condition()
        self._numbers = itertools.count(1)
        self._threads: list[threading.Thread] = []
        self._stopped = False
        self._busy = 0
        self.host = "127.0.0.1"
        self.reset()
        state.listeners.append(self.on_event)

    def reset(self) -> None:
        """Drop all that waits to be delivered."""
        with self._wake:
            self._queue: list[_Delivery] = []
            self._standing: dict[str, _Standing] = {}
            self._good: dict[int, float] = {}
            self._repeats = 0
            self.delivered = 0
            self.failed = 0
            self.lost = 0

    def stop(self) -> None:
        """End the threads."""
        with self._wake:
            self._stopped = True
            self._wake.notify_all()
        for thread in self._threads:
            thread.join(TIMEOUT)

    def repeat(self, count: int) -> None:
        """Send each of the next so many deliveries once more, as Pipedrive does where the answer comes too late."""
        with self._wake:
            self._repeats = count

    def wake(self) -> None:
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
        """Queue the event for every subscriber that asked for it. Called with the world's lock held."""
        entity = ENTITY_OF.get(event.table)
        if entity is None:
            return
        now = self._clock.time()
        for webhook in list(self._state["webhooks"]):
            if webhook["event_object"] not in ("*", entity) or webhook["event_action"] not in ("*", event.action):
                continue
            self._good.setdefault(webhook["id"], now)
            if self._standing_of(webhook).banned_until > now:
                self.lost += 1  # what happens during a ban is never told
                continue
            moment = datetime.fromtimestamp(now, UTC)
            document = payload(self._state, event, webhook, moment, self.host, self._state.new_uuid())
            self._push(_Delivery(now, next(self._numbers), webhook["id"], document))

    def _push(self, delivery: _Delivery) -> None:
        with self._wake:
            heapq.heappush(self._queue, delivery)
            if len(self._threads) < min(SENDERS, len(self._queue) + self._busy):
                self._threads.append(threading.Thread(target=self._run, name="sandbox-webhooks", daemon=True))
                self._threads[-1].start()
            self._wake.notify_all()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and (not self._queue or self._queue[0].due > self._clock.time()):
                    self._wake.wait(self._queue[0].due - self._clock.time() if self._queue else None)
                if self._stopped:
                    return
                delivery = heapq.heappop(self._queue)
                self._busy += 1
            try:
                self._deliver(delivery)
            finally:
                with self._wake:
                    self._busy -= 1
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
        if status is not None and self._is_to_be_repeated():
            status = post(webhook, delivery.document)
        with self._lock:
            self._judge(delivery, webhook["id"], status)

    def _is_to_be_repeated(self) -> bool:
        with self._wake:
            self._repeats, left = max(self._repeats - 1, 0), self._repeats
            return left > 0

    def _standing_of(self, webhook: Record) -> _Standing:
        """Bans are of an address, whichever webhook leads there."""
        return self._standing.setdefault(webhook["subscription_url"], _Standing())

    def _judge(self, delivery: _Delivery, webhook_id: int, status: int | None) -> None:
        now = self._clock.time()
        webhook = self._state["webhooks"].records.get(webhook_id)
        if webhook is None:
            return
        stamp = to_v1(self._clock.stamp())
        self._state.replace("webhooks", webhook_id, {"last_delivery_time": stamp, "last_http_status": status})
        standing = self._standing_of(webhook)
        if status is not None and 200 <= status < 300:
            self.delivered += 1
            standing.failures, self._good[webhook_id] = 0, now
            return
        self.failed += 1
        if delivery.attempt == 1:
            standing.failures += 1
            if standing.failures >= BAN_AFTER:
                standing.failures, standing.banned_until = 0, now + BAN_SECONDS
        if self._good.setdefault(webhook_id, now) + GIVE_UP_AFTER <= now:
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
        connection.request("POST", target, json_text.encode(document), headers)
        response = connection.getresponse()
        response.read()
        return response.status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
