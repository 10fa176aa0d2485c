"""The ASGI application: every request passes through here."""

from __future__ import annotations

import asyncio
import gzip
import uuid
from email.utils import formatdate
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.sandbox.control import api, operations
from airflow_provider_pipedrive.sandbox.control.faults import BEFORE, Fault
from airflow_provider_pipedrive.sandbox.control.world import LoggedRequest, World
from airflow_provider_pipedrive.sandbox.resources import HANDLERS, storage
from airflow_provider_pipedrive.sandbox.server import refusals, wire
from airflow_provider_pipedrive.sandbox.server.messages import BodyError, Request, Response, Upload, parse_body
from airflow_provider_pipedrive.sandbox.server.routes import Gone, Match, match
from airflow_provider_pipedrive.sandbox.server.validation import check
from airflow_provider_pipedrive.sandbox.server.webpages import keep_out
from airflow_provider_pipedrive.sandbox.state.rules import RuleError
from airflow_provider_pipedrive.sandbox.views.paging import same_place


class App:
    """What uvicorn runs."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        """One request."""
        world = self.world
        try:
            keep_out(scope["method"], scope["path"], _headers(scope), world.settings.allowed_hosts)
        except refusals.Refusal as refusal:  # no request as far as limits, faults, scheduled actions and the log go
            await wire.send_whole(send, refusal.response)
            return
        body = await wire.read_body(receive)
        if body is None:
            return
        request = _request(scope, body)
        if body:
            await _read(request)
        if request.path.startswith("/_sandbox"):
            with world.lock:
                response = _or_refusal(lambda: api.response(world, request))
            await wire.send_whole(send, response)
            return
        fault = world.faults.next_fault(request.method, request.path)
        if world.settings.latency_ms:
            await asyncio.sleep(world.settings.latency_ms / 1000)
        with world.lock:
            world.schedule.run_due(lambda due: operations.run_scheduled(world, due), request.method, request.path)
            response = self._response(request, fault)
            cut_off = fault is not None and fault.kind in ("reset", "reset-after")
            self._record(request, 0 if cut_off else response.status)
        await self._send(scope, receive, send, response, fault)

    def _response(self, request: Request, fault: Fault | None) -> Response:
        if fault and fault.kind in BEFORE:
            response = _or_refusal(lambda: _failing(self.world, fault))
        else:
            response = _or_refusal(lambda: serve(self.world, request))
        if fault:
            corrupt(response, fault, request)
        date = formatdate(self.world.clock.time(), usegmt=True)
        response.headers += [("date", date), ("x-correlation-id", request.correlation_id)]
        if fault:
            changed = {name.lower() for name in fault.headers}
            kept = [pair for pair in response.headers if pair[0].lower() not in changed]
            response.headers = kept + [(n.lower(), v) for n, v in fault.headers.items() if v is not None]
        return response

    def _record(self, request: Request, status: int) -> None:
        world = self.world
        world.counts["requests"] += 1
        world.counts["tokens"] += request.tokens
        world.counts[f"status {status}"] += 1
        body = request.sent
        if isinstance(body, dict) and any(isinstance(value, Upload) for value in body.values()):
            body = {name: _loggable(value) for name, value in body.items()}
        world.log.append(
            LoggedRequest(request.method, request.path, request.query, request.headers, body, status, request.tokens)
        )

    async def _send(
        self, scope: wire.Scope, receive: wire.Receive, send: wire.Send, response: Response, fault: Fault | None
    ) -> None:
        kind = fault.kind if fault else ""
        if kind in ("reset", "reset-after"):
            await wire.hang_up(scope, receive)
        elif kind == "truncate":
            await wire.send_truncated(scope, receive, send, response)
        elif fault and kind == "slow":
            await wire.send_slowly(send, response, fault.seconds)
        else:
            await wire.send_whole(send, response)


def _request(scope: wire.Scope, raw: bytes) -> Request:
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        headers=dict(_headers(scope)),
        raw=raw,
        correlation_id=str(uuid.uuid4()),
    )


async def _read(request: Request) -> None:
    try:
        request.sent = request.body = await parse_body(request)
    except BodyError as error:
        request.unreadable = str(error)


def _headers(scope: wire.Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]


def _loggable(value: Any) -> Any:
    return {"filename": value.name, "size": len(value.content)} if isinstance(value, Upload) else value


def _or_refusal(make: Any) -> Response:
    try:
        response: Response = make()
        return response
    except refusals.Refusal as refusal:
        return refusal.response


# Serving


def serve(world: World, request: Request) -> Response:
    """The answer of a sound Pipedrive.

    :raises Refusal: what it refuses
    """
    if request.unreadable:
        raise refusals.bad_request(request.unreadable)
    if request.path.startswith(storage.PREFIX):
        return storage.stored_file(world, request)
    if request.path in ("/oauth/authorize", "/oauth/token", "/oauth/token/", "/oauth/revoke"):
        return _oauth(world, request)
    scopes = _authenticate(world, request)
    found = match(request.method, request.path)
    if found is None:
        raise refusals.unknown_path()
    action = _action(found, request, world.settings.v1_out_of_support == "answer")
    if scopes is not None and not scopes & set(action.scopes) and action.scopes:
        raise refusals.scope_mismatch()
    headers = world.limits.charge(request.credential, action.is_search, action.token_cost)
    request.tokens = action.token_cost
    try:
        response = _handle(world, request, action, found.values)
    except refusals.Refusal as refusal:
        refusal.response.headers += headers
        raise
    response.headers += headers
    return response


def _action(found: Match, request: Request, old_reads: bool) -> Action:
    target = found.target
    if target is None:
        raise refusals.wrong_method(found.methods)
    if isinstance(target, Gone):
        if not old_reads or target.still is None:
            raise refusals.gone(target.why)
        target = target.still
    request.action = target
    return target


def _handle(world: World, request: Request, action: Action, path_values: dict[str, str]) -> Response:
    check(request, path_values, world.settings)
    try:
        return HANDLERS[action.key](world, request)
    except RuleError as error:
        if action.version == "v2":
            raise refusals.invalid(error.field, f"'{error.field}' {error.reason}") from None
        raise refusals.bad_request("Bad request", f"{error.field} {error.reason}") from None


def _oauth(world: World, request: Request) -> Response:
    if request.path == "/oauth/token/":  # the redirect turns POST into GET, as Pipedrive's does
        return Response(status=301, content=b"", headers=[("location", "/oauth/token")])
    return world.oauth.response(request, world.url)


def _authenticate(world: World, request: Request) -> frozenset[str] | None:
    """Who calls. The scopes of an OAuth grant; None for an API token, which may do all.

    :raises Refusal: 400 or 401
    """
    token = request.headers.get("x-api-token") or dict(request.query).get("api_token")
    authorization = request.headers.get("authorization")
    request.user_id = world.owner_id
    if token:
        if token != world.settings.api_token:
            raise refusals.unauthorized()
        request.credential = f"api:{token}"
        return None
    if not authorization:
        raise refusals.unauthorized()
    scheme, _, access_token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not access_token.strip():
        raise refusals.malformed_authorization()
    grant = world.oauth.grant_of(access_token.strip())
    if grant is None:
        raise refusals.unauthorized()
    request.credential = f"oauth:{grant.number}"
    return grant.scopes


# Faults


def _failing(world: World, fault: Fault) -> Response:
    kind = fault.kind
    if kind == "429":
        raise refusals.burst(world.limits.burst_refusal_headers())
    if kind == "429-daily":
        raise refusals.daily(world.limits.daily_refusal_headers())
    if kind == "401":
        raise refusals.unauthorized()
    if kind == "403":
        raise refusals.refuse(403, "Forbidden")
    if kind == "410":
        raise refusals.gone("This endpoint is gone.")
    if kind == "html403":
        raise refusals.blocked()
    if kind == "redirect":
        raise refusals.redirect("https://sign-in.example/")
    if kind == "reset":
        return Response({})
    raise refusals.server_error(int(kind))


def corrupt(response: Response, fault: Fault, request: Request) -> None:
    """Change a sound answer as the fault asks."""
    if fault.kind == "empty":
        response.content = b""
    elif fault.kind == "not-json":
        response.content, response.content_type = b"<html><body>Just a moment...</body></html>", "text/html"
    elif fault.kind == "nan":
        response.content = b'{"success":true,"data":[{"id":1,"value":NaN}],"additional_data":{"next_cursor":null}}'
    elif fault.kind == "bad-utf8":
        response.content = (
            b'{"success":true,"data":[{"id":1,"title":"caf\xe9"}],"additional_data":{"next_cursor":null}}'
        )
    elif fault.kind == "huge":
        response.content = _huge()
        response.headers.append(("content-encoding", "gzip"))
    elif fault.kind == "null-data" and response.status < 300:
        response.content = msgspec.json.encode(msgspec.json.decode(response.encoded()) | {"data": None})
    elif fault.kind in ("repeated-cursor", "empty-page", "stuck-offset") and response.status == 200:
        _corrupt_paging(response, fault, request)


@cache
def _huge() -> bytes:
    """An answer that is sound but for its blanks; gzip's parts may follow one another."""
    ends = b'{"success":true,"data":[', b'],"additional_data":{"next_cursor":null}}'
    blanks = gzip.compress(b" " * 2**20)
    return gzip.compress(ends[0]) + 200 * blanks + gzip.compress(ends[1])


def _corrupt_paging(response: Response, fault: Fault, request: Request) -> None:
    document = msgspec.json.decode(response.encoded())
    place = document["additional_data"] = document.get("additional_data") or {}
    if fault.kind == "repeated-cursor":
        place["next_cursor"] = request.args.get("cursor") or same_place(request, fault.hit)
    elif fault.kind == "empty-page":
        document["data"] = []
        place["next_cursor"] = same_place(request, fault.hit)
    else:
        place = place.get("pagination", place)
        place.update(more_items_in_collection=True, next_start=place.get("start", 0))
    response.content = msgspec.json.encode(document)
