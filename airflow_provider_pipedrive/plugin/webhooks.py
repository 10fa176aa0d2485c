"""Receives what Pipedrive's webhooks send.

The route is open to the whole internet. Whoever sends must know two secrets of a connection: the last part of its
``webhook_url``, and user and password of its Basic auth. Until both are right nothing is read from the body. No answer
repeats what was sent.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from airflow.configuration import conf
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from airflow_provider_pipedrive.assets.uris import asset_uri
from airflow_provider_pipedrive.client.changes.deliveries import OldPayloadError, change_of
from airflow_provider_pipedrive.client.subscriptions import secret_part
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.plugin import store
from airflow_provider_pipedrive.plugin.asset_events import store as store_changes
from airflow_provider_pipedrive.plugin.deliveries import ANSWER_SECONDS, FullError, Gatherer, Told
from airflow_provider_pipedrive.plugin.store import Known
from airflow_provider_pipedrive.plugin.web import basic_credentials

log = logging.getLogger(__name__)

LONGEST_BODY: Final = 1024 * 1024
"""Bytes of a delivery at most. A note's content has 100,000 characters, and comes twice."""
READ_SECONDS: Final = 5.0
"""A body must have come within them."""
FRESH_SECONDS: Final = 10.0
"""How soon a changed password counts, and how often strangers can make this server read its connections at most."""


@dataclass(frozen=True)
class Door:
    """A connection that deliveries are taken for."""

    conn_id: str
    secret: bytes = field(repr=False)
    credentials: bytes = field(repr=False)


class Doors:
    """The connections with a complete webhook address, read anew now and then.

    :param load: reads them
    :param clock: seconds that never go back
    """

    def __init__(self, load: Callable[[], Iterable[Known]], clock: Callable[[], float] = time.monotonic) -> None:
        self._load = load
        self._clock = clock
        self._lock = threading.Lock()
        self._doors: tuple[Door, ...] = ()
        self._read_at: float | None = None

    def behind(self, secret: str) -> list[Door]:
        """Those whose address ends in this; as a rule one or none. All are compared, each in constant time."""
        given = _digest(secret.encode())
        return [door for door in self._fresh() if hmac.compare_digest(door.secret, given)]

    def _fresh(self) -> tuple[Door, ...]:
        with self._lock:
            if self._read_at is None or self._clock() - self._read_at >= FRESH_SECONDS:
                self._doors = tuple(door for known in self._load() if (door := _door(known)))
                self._read_at = self._clock()
            return self._doors

    def forget(self) -> None:
        """Read the connections again at the next delivery."""
        with self._lock:
            self._read_at = None


def known_connections() -> list[Known]:
    """Those of the database and the environment, and of a secrets backend those that the configuration names.

    A secrets backend cannot be asked for all it has.
    """
    named = conf.get("pipedrive", "webhook_connections", fallback="")
    ids = [part.strip() for part in named.split(",") if part.strip()]
    found = {known.conn_id: known for known in store.all_known()}
    for conn_id in ids:
        try:
            found[conn_id] = store.find(conn_id)
        except PipedriveParameterError:
            log.warning("[pipedrive] webhook_connections names %r, but there is no such connection", conn_id)
    return list(found.values())


doors = Doors(known_connections)
gatherer = Gatherer(store_changes)


async def receive(request: Request) -> Response:
    """Take one delivery: 2xx when it is stored, 503 where Pipedrive should repeat it."""
    began = time.monotonic()
    secret = request.path_params["secret"]
    if request.method != "POST":
        return _refusal(405, "Pipedrive posts its deliveries.", Allow="POST")
    credentials = _digest(basic_credentials(request))
    behind = await run_in_threadpool(doors.behind, secret)
    if not behind:
        return _refusal(404, "There is nothing here.")
    admitted = [door for door in behind if hmac.compare_digest(door.credentials, credentials)]
    if not admitted:
        log.warning("A webhook delivery for connection %s has the wrong user or password", behind[0].conn_id)
        return _refusal(401, "The user or the password is wrong.", **{"WWW-Authenticate": 'Basic realm="Pipedrive"'})
    if _media_type(request) != "application/json" or "content-encoding" in request.headers:
        return _refusal(415, "Pipedrive sends application/json.")
    try:
        body = await asyncio.wait_for(_body(request), READ_SECONDS)
    except (TimeoutError, ClientDisconnect):
        return _refusal(408, "The delivery did not come to an end.")
    if body is None:
        return _refusal(413, f"A delivery has {LONGEST_BODY} bytes at most.")
    try:
        told = _told(admitted[0].conn_id, body)
    except PipedriveParameterError as error:
        log.warning("A webhook delivery for connection %s was refused: %r", admitted[0].conn_id, str(error)[:500])
        reason = str(error) if isinstance(error, OldPayloadError) else "This is no delivery that Pipedrive sends."
        return _refusal(422, reason)
    if told is None:
        # Refused, it would count towards a ban of all webhooks of this address.
        return JSONResponse({"stored": False})
    return await _stored(told, ANSWER_SECONDS - (time.monotonic() - began))


def _door(known: Known) -> Door | None:
    extra = known.extra
    secret = secret_part(str(extra.get("webhook_url") or ""))
    user, password = (str(extra.get(f"webhook_{name}") or "") for name in ("user", "password"))
    if not (secret and user and password):
        return None
    return Door(known.conn_id, _digest(secret.encode()), _digest(f"{user}:{password}".encode()))


def _digest(text: bytes) -> bytes:
    """Of the same length whatever was sent, so that comparing says nothing about the length of a secret."""
    return hashlib.sha256(text).digest()


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _body(request: Request) -> bytes | None:
    """What was sent, or ``None`` where it is too long; then its rest is not read."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > LONGEST_BODY:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            return None
    return bytes(body)


def _told(conn_id: str, body: bytes) -> Told | None:
    """What a delivery tells of.

    :raises PipedriveParameterError: it is none of Pipedrive's
    """
    try:
        payload: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise PipedriveParameterError("The delivery is no JSON.") from None
    change = change_of(payload)
    if change is None:
        return None
    return Told(conn_id, asset_uri(str(payload["meta"].get("host") or ""), change.entity), change)


async def _stored(told: Told, seconds: float) -> Response:
    """The answer, given when the change is stored or the time is up."""
    try:
        future = asyncio.wrap_future(gatherer.hand_over(told, seconds))
    except FullError:
        return _later("Too many deliveries are waiting.")
    done, _ = await asyncio.wait({future}, timeout=seconds)
    if not done or future.exception() is not None:
        return _later("The delivery could not be stored in time.")
    return JSONResponse({"stored": True})


def _later(text: str) -> Response:
    return JSONResponse({"error": text}, 503, {"Retry-After": "3"})


def _refusal(status: int, text: str, **headers: str) -> Response:
    """The connection ends with it: what is left of the body is not read."""
    return JSONResponse({"error": text}, status, {"Connection": "close", **headers})
