"""Receives what Pipedrive's webhooks send.

The route is open to the whole internet. Whoever sends must know two secrets of a connection: the last part of its
``webhook_url``, and user and password of its Basic auth. Until both are right nothing is read from the body. No answer
repeats what was sent.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import time
from typing import Final

from airflow.configuration import conf
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.companies import host_of
from airflow_provider_pipedrive.accounts.store import UndecryptedConnection
from airflow_provider_pipedrive.assets.uris import asset_uri
from airflow_provider_pipedrive.client.owner import number_of
from airflow_provider_pipedrive.client.responses import read_json
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.webhooks import OLD_PAYLOAD, change_of, parse_webhook
from airflow_provider_pipedrive.hooks.stats import count_delivery
from airflow_provider_pipedrive.plugin.asset_events import store as store_changes
from airflow_provider_pipedrive.plugin.endpoints import FRESH_SECONDS, Endpoint, Endpoints, digest, forget_at_changes
from airflow_provider_pipedrive.plugin.event_writer import ANSWER_SECONDS, EventWriter, ReceivedChange
from airflow_provider_pipedrive.plugin.web import basic_credentials

log = logging.getLogger(__name__)

LONGEST_BODY: Final = 1024 * 1024
"""Bytes of a delivery at most. A note's content has 100,000 characters, and comes twice."""
READ_SECONDS: Final = 5.0
"""A body must have come within them."""
LARGE_BODY: Final = 64 * 1024
"""A longer one is read by a thread of its own: all of Airflow's requests wait for the event loop."""
LEARNING_SECONDS: Final = 1.0
"""How soon a company counts that was not known before."""
__all__ = ["ANSWER_SECONDS", "FRESH_SECONDS", "LONGEST_BODY", "READ_SECONDS", "endpoints", "event_writer", "receive"]


def webhook_connections() -> list[UndecryptedConnection]:
    """Those of the database and the environment, and of a secrets backend those that the configuration names.

    A secrets backend cannot be asked for all it has.
    """
    named = conf.get("pipedrive", "webhook_connections", fallback="")
    ids = [part.strip() for part in named.split(",") if part.strip()]
    found = {undecrypted.stamp[:2]: undecrypted for undecrypted in store.all_undecrypted()}  # by id and team
    for conn_id in ids:
        try:
            stored = store.find(conn_id)
            if stored.source == "backend":
                found[conn_id, ""] = store.from_elsewhere(stored)
        except PipedriveParameterError:
            log.warning("[pipedrive] webhook_connections names %r, but there is no such connection", conn_id)
    return list(found.values())


endpoints = Endpoints(webhook_connections)
forget_at_changes(endpoints)
event_writer = EventWriter(store_changes)


async def receive(request: Request) -> Response:
    """Take one delivery: 2xx when it is stored, 503 where Pipedrive should repeat it."""
    try:
        response = await _answer(request)
    except SQLAlchemyError as error:
        log.warning("A webhook delivery is to come again, the connections cannot be read: %s", type(error).__name__)
        response = _later("Airflow cannot read its connections just now.")
    count_delivery(response.status_code)
    return response


async def _answer(request: Request) -> Response:
    began = time.monotonic()
    secret = request.path_params["secret"]
    if request.method != "POST":
        return _refusal(405, "Pipedrive posts its deliveries.", Allow="POST")
    credentials = digest(basic_credentials(request))
    matched = await endpoints.ask(endpoints.matching, secret)
    if not matched:
        return _refusal(404, "There is nothing here.")
    admitted = [endpoint for endpoint in matched if hmac.compare_digest(endpoint.credentials_digest, credentials)]
    if not admitted:
        log.warning("A webhook delivery for connection %s has the wrong user or password", matched[0].conn_id)
        return _refusal(401, "The user or the password is wrong.", **{"WWW-Authenticate": 'Basic realm="Pipedrive"'})
    if not any(endpoint.company.is_known for endpoint in admitted):
        known = {(endpoint.conn_id, endpoint.team) for endpoint in admitted}
        again = await run_in_threadpool(endpoints.matching, secret, LEARNING_SECONDS)
        admitted = [endpoint for endpoint in again if (endpoint.conn_id, endpoint.team) in known] or admitted
    if _media_type(request) != "application/json" or "content-encoding" in request.headers:
        return _refusal(415, "Pipedrive sends application/json.")
    try:
        body = await asyncio.wait_for(_body(request), READ_SECONDS)
    except (TimeoutError, ClientDisconnect):
        return _refusal(408, "The delivery did not come to an end.")
    if body is None:
        return _refusal(413, f"A delivery has {LONGEST_BODY} bytes at most.")
    try:
        is_large = len(body) > LARGE_BODY
        received = await run_in_threadpool(_received, admitted, body) if is_large else _received(admitted, body)
    except PipedriveParameterError as error:
        log.warning("A webhook delivery for connection %s was refused: %r", admitted[0].conn_id, str(error)[:500])
        reason = str(error) if isinstance(error, _ShownError) else _NOT_PIPEDRIVES
        return _refusal(422, reason)
    if received is None:
        # Refused, it would count towards a ban of all webhooks of this address.
        return JSONResponse({"stored": False})
    return await _stored(received, ANSWER_SECONDS - (time.monotonic() - began))


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


class _ShownError(PipedriveParameterError):
    """A refusal whose text may be shown to the sender: it repeats nothing that was sent."""


_NOT_PIPEDRIVES: Final = "This is not a delivery that Pipedrive sends."


def _received(admitted: list[Endpoint], body: bytes) -> ReceivedChange | None:
    """What a delivery reports.

    :param admitted: those whose secrets its sender knows
    :raises PipedriveParameterError: it is none of Pipedrive's, or of another company than theirs
    """
    try:
        payload = read_json(body)  # what nothing can hold is mended: refused, Pipedrive would repeat it for ever
    except ValueError:
        raise PipedriveParameterError("The delivery is not JSON.") from None
    event = parse_webhook(payload)
    if event.version == "v1":
        raise _ShownError(OLD_PAYLOAD)
    change = change_of(event)
    if change is None:
        return None
    meta = payload["meta"]
    host, company_id = host_of(meta.get("host")), number_of(meta.get("company_id"))
    for endpoint in admitted:
        if host in endpoint.company.hosts and endpoint.company.id in (0, company_id):
            uri = asset_uri(host, change.entity)
            return ReceivedChange(endpoint.conn_id, uri, change, len(body), endpoint.team)
    if not any(endpoint.company.is_known for endpoint in admitted):
        log.warning(
            "Connection %s takes no webhooks yet: nobody has asked which company it belongs to. Press Test on the "
            "Pipedrive page, or run `airflow pipedrive webhooks ensure` (or PipedriveEnsureWebhooksOperator).",
            admitted[0].conn_id,
        )
    raise _ShownError("The delivery is of another company than the connection.")


async def _stored(received: ReceivedChange, seconds: float) -> Response:
    """The answer, given when the change is stored or the time is up."""
    submitted = event_writer.submit(received, seconds)
    if submitted is None:
        return _later("Too many deliveries are waiting.")
    future = asyncio.wrap_future(submitted)
    done, _ = await asyncio.wait({future}, timeout=seconds)
    if not done or future.exception() is not None:
        return _later("The delivery could not be stored in time.")
    return JSONResponse({"stored": True})


def _later(text: str) -> Response:
    return JSONResponse({"error": text}, 503, {"Retry-After": "3"})


def _refusal(status: int, text: str, **headers: str) -> Response:
    """The connection ends with it: what is left of the body is not read."""
    return JSONResponse({"error": text}, status, {"Connection": "close", **headers})
