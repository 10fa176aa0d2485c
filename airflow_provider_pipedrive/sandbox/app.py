"""The ASGI application: every request passes through here."""

from __future__ import annotations

import asyncio
import uuid
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.sandbox.control import api, operations
from airflow_provider_pipedrive.sandbox.control.faults import BEFORE, Fault
from airflow_provider_pipedrive.sandbox.control.world import Box, Logged
from airflow_provider_pipedrive.sandbox.resources import HANDLERS, storage
from airflow_provider_pipedrive.sandbox.server import refusals, wire
from airflow_provider_pipedrive.sandbox.server.calls import Answer, BodyError, Call, Upload, parse_body
from airflow_provider_pipedrive.sandbox.server.checks import check
from airflow_provider_pipedrive.sandbox.server.routes import Gone, Match, match
from airflow_provider_pipedrive.sandbox.server.webpages import keep_out
from airflow_provider_pipedrive.sandbox.state.rules import RuleError
from airflow_provider_pipedrive.sandbox.views.paging import same_place


class App:
    """What uvicorn runs."""

    def __init__(self, box: Box) -> None:
        self.box = box

    async def __call__(self, scope: wire.Scope, receive: wire.Receive, send: wire.Send) -> None:
        """One request."""
        box = self.box
        try:
            keep_out(scope["method"], scope["path"], _headers(scope), box.settings.allowed_hosts)
        except refusals.Refusal as refusal:  # no request as far as limits, faults, plans and the log go
            await wire.send_whole(send, refusal.answer)
            return
        body = await wire.read_body(receive)
        if body is None:
            return
        call = _call(scope, body)
        if call.path.startswith("/_sandbox"):
            with box.lock:
                answer = _or_refusal(lambda: api.answer(box, call))
            await wire.send_whole(send, answer)
            return
        fault = box.faults.strike(call.method, call.path)
        if box.settings.latency_ms:
            await asyncio.sleep(box.settings.latency_ms / 1000)
        with box.lock:
            box.plans.carry_out(lambda due: operations.carry_out(box, due), call.method, call.path)
            answer = self._answer(call, fault)
            cut_off = fault is not None and fault.kind in ("reset", "reset-after")
            self._record(call, 0 if cut_off else answer.status)
        await self._send(scope, receive, send, answer, fault)

    def _answer(self, call: Call, fault: Fault | None) -> Answer:
        if fault and fault.kind in BEFORE:
            answer = _or_refusal(lambda: _failing(self.box, fault))
        else:
            answer = _or_refusal(lambda: serve(self.box, call))
        if fault:
            spoil(answer, fault, call)
        date = formatdate(self.box.clock.time(), usegmt=True)
        answer.headers += [("date", date), ("x-correlation-id", call.correlation_id)]
        if fault:
            changed = {name.lower() for name in fault.headers}
            kept = [pair for pair in answer.headers if pair[0].lower() not in changed]
            answer.headers = kept + [(n.lower(), v) for n, v in fault.headers.items() if v is not None]
        return answer

    def _record(self, call: Call, status: int) -> None:
        box = self.box
        box.counts["requests"] += 1
        box.counts["tokens"] += call.tokens
        box.counts[f"status {status}"] += 1
        body = call.sent
        if isinstance(body, dict) and any(isinstance(value, Upload) for value in body.values()):
            body = {name: _loggable(value) for name, value in body.items()}
        box.log.append(Logged(call.method, call.path, call.query, call.headers, body, status, call.tokens))

    async def _send(
        self, scope: wire.Scope, receive: wire.Receive, send: wire.Send, answer: Answer, fault: Fault | None
    ) -> None:
        kind = fault.kind if fault else ""
        if kind in ("reset", "reset-after"):
            await wire.hang_up(scope, receive)
        elif kind == "truncate":
            await wire.send_truncated(scope, receive, send, answer)
        elif fault and kind == "slow":
            await wire.send_slowly(send, answer, fault.seconds)
        else:
            await wire.send_whole(send, answer)


def _call(scope: wire.Scope, raw: bytes) -> Call:
    return Call(
        method=scope["method"],
        path=scope["path"],
        query=parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
        headers=dict(_headers(scope)),
        raw=raw,
        correlation_id=str(uuid.uuid4()),
    )


def _headers(scope: wire.Scope) -> list[tuple[str, str]]:
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"]]


def _loggable(value: Any) -> Any:
    return {"filename": value.name, "size": len(value.content)} if isinstance(value, Upload) else value


def _or_refusal(make: Any) -> Answer:
    try:
        answer: Answer = make()
        return answer
    except refusals.Refusal as refusal:
        return refusal.answer


# Serving


def serve(box: Box, call: Call) -> Answer:
    """The answer of a sound Pipedrive.

    :raises Refusal: what it refuses
    """
    try:
        call.sent = call.body = parse_body(call)
    except BodyError as error:
        raise refusals.bad_request(str(error)) from None
    if call.path.startswith(storage.PREFIX):
        return storage.stored_file(box, call)
    if call.path in ("/oauth/authorize", "/oauth/token", "/oauth/token/", "/oauth/revoke"):
        return _oauth(box, call)
    scopes = _authenticate(box, call)
    found = match(call.method, call.path)
    if found is None:
        raise refusals.unknown_path()
    action = _action(found, call, box.settings.v1_out_of_support == "answer")
    if scopes is not None and not scopes & set(action.scopes) and action.scopes:
        raise refusals.scope_mismatch()
    headers = box.limits.charge(call.credential, action.is_search, action.token_cost)
    call.tokens = action.token_cost
    try:
        answer = _handle(box, call, action, found.values)
    except refusals.Refusal as refusal:
        refusal.answer.headers += headers
        raise
    answer.headers += headers
    return answer


def _action(found: Match, call: Call, old_reads: bool) -> Action:
    target = found.target
    if target is None:
        raise refusals.wrong_method(found.methods)
    if isinstance(target, Gone):
        if not old_reads or target.still is None:
            raise refusals.gone(target.why)
        target = target.still
    call.action = target
    return target


def _handle(box: Box, call: Call, action: Action, path_values: dict[str, str]) -> Answer:
    check(call, path_values, box.settings)
    try:
        return HANDLERS[action.key](box, call)
    except RuleError as error:
        if action.version == "v2":
            raise refusals.invalid(error.field, f"'{error.field}' {error.reason}") from None
        raise refusals.bad_request("Bad request", f"{error.field} {error.reason}") from None


def _oauth(box: Box, call: Call) -> Answer:
    if call.path == "/oauth/token/":  # the redirect turns POST into GET, as Pipedrive's does
        return Answer(status=301, content=b"", headers=[("location", "/oauth/token")])
    return box.oauth.answer(call, box.url)


def _authenticate(box: Box, call: Call) -> frozenset[str] | None:
    """Who calls. The scopes of an OAuth grant; None for an API token, which may do all.

    :raises Refusal: 400 or 401
    """
    token = call.headers.get("x-api-token") or dict(call.query).get("api_token")
    authorization = call.headers.get("authorization")
    call.user_id = box.owner_id
    if token:
        if token != box.settings.api_token:
            raise refusals.unauthorized()
        call.credential = f"api:{token}"
        return None
    if not authorization:
        raise refusals.unauthorized()
    scheme, _, access_token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not access_token.strip():
        raise refusals.malformed_authorization()
    grant = box.oauth.grant_of(access_token.strip())
    if grant is None:
        raise refusals.unauthorized()
    call.credential = f"oauth:{grant.number}"
    return grant.scopes


# Faults


def _failing(box: Box, fault: Fault) -> Answer:
    kind = fault.kind
    if kind == "429":
        raise refusals.burst(box.limits.burst_refusal_headers())
    if kind == "429-daily":
        raise refusals.daily(box.limits.daily_refusal_headers())
    if kind == "401":
        raise refusals.unauthorized()
    if kind == "403":
        raise refusals.refuse(403, "Forbidden")
    if kind == "410":
        raise refusals.gone("This endpoint is gone.")
    if kind == "html403":
        raise refusals.blocked()
    if kind == "reset":
        return Answer({})
    raise refusals.server_error(int(kind))


def spoil(answer: Answer, fault: Fault, call: Call) -> None:
    """Change a sound answer as the fault asks."""
    if fault.kind == "empty":
        answer.content = b""
    elif fault.kind == "not-json":
        answer.content, answer.content_type = b"<html><body>Just a moment...</body></html>", "text/html"
    elif fault.kind == "nan":
        answer.content = b'{"success":true,"data":[{"id":1,"value":NaN}],"additional_data":{"next_cursor":null}}'
    elif fault.kind == "bad-utf8":
        answer.content = b'{"success":true,"data":[{"id":1,"title":"caf\xe9"}],"additional_data":{"next_cursor":null}}'
    elif fault.kind in ("repeated-cursor", "empty-page", "stuck-offset") and answer.status == 200:
        _spoil_paging(answer, fault, call)


def _spoil_paging(answer: Answer, fault: Fault, call: Call) -> None:
    document = msgspec.json.decode(answer.encoded())
    place = document["additional_data"] = document.get("additional_data") or {}
    if fault.kind == "repeated-cursor":
        place["next_cursor"] = call.args.get("cursor") or same_place(call, fault.hit)
    elif fault.kind == "empty-page":
        document["data"] = []
        place["next_cursor"] = same_place(call, fault.hit)
    else:
        place = place.get("pagination", place)
        place.update(more_items_in_collection=True, next_start=place.get("start", 0))
    answer.content = msgspec.json.encode(document)
