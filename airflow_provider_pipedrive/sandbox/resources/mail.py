"""Mail threads and messages (v1), in the mailbox's own envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import offset_place

_ENVELOPE = {"statusCode": 200, "statusText": "OK", "service": "mailbox"}
_DEFAULT_PAGE = 50
_FLAGS = ("shared_flag", "read_flag", "archived_flag")


def message_view(record: Record, with_body: bool) -> Record:
    """A message; its body only on request, otherwise the place to read it."""
    shown = {name: to_v1(value) if name.endswith("_time") else value for name, value in record.items()}
    body = shown.pop("body", None)
    return {**shown, "body": body if with_body else None, "body_url": None if with_body else shown.get("body_url")}


def _thread_view(record: Record) -> Record:
    return {
        name: to_v1(v) if name.endswith(("_time", "_timestamp")) else v
        for name, v in record.items()
        if name != "folder"
    }


def _thread(world: World, request: Request) -> Record:
    thread = world.state.get("mailThreads", request.id)
    if thread is None or thread.get("deleted_flag"):
        raise refusals.not_found("Mail thread")
    return thread


def _folder(thread: Record) -> str:
    if thread.get("archived_flag"):
        return "archive"
    return str(thread.get("folder") or (thread.get("folders") or ["inbox"])[0])


def _mailbox(data: Any, **more: Any) -> Response:
    return Response({"success": True, "data": data, **more, **_ENVELOPE})


def _paged(rows: list[Record], start: int, limit: int, view: Callable[[Record], Record]) -> Response:
    """A page of mail. Its paging is not in Pipedrive's schema; readers in production read it all the same."""
    place = offset_place(start, limit, start + limit < len(rows))
    return _mailbox([view(row) for row in rows[start : start + limit]], additional_data={"pagination": place})


@handles("getMailThreads")
def get_threads(world: World, request: Request) -> Response:
    """The threads of a folder."""
    rows = [t for t in world.state["mailThreads"] if not t.get("deleted_flag") and _folder(t) == request.args["folder"]]
    start = max(0, request.args.get("start", 0))
    return _paged(rows, start, request.args.get("limit", _DEFAULT_PAGE), _thread_view)


@handles("getMailThread")
def get_thread(world: World, request: Request) -> Response:
    """One thread."""
    return _mailbox(_thread_view(_thread(world, request)))


@handles("getMailThreadMessages")
def get_messages(world: World, request: Request) -> Response:
    """All messages of a thread, on one page."""
    rows = world.state["mailMessages"].where("mail_thread_id", _thread(world, request)["id"])
    return _paged(rows, 0, max(_DEFAULT_PAGE, len(rows)), lambda row: message_view(row, False))


@handles("getMailMessage")
def get_message(world: World, request: Request) -> Response:
    """One message."""
    row = world.state.get("mailMessages", request.id)
    if row is None:
        raise refusals.not_found("Mail message")
    return _mailbox(message_view(row, bool(request.args.get("include_body"))))


@handles("updateMailThreadDetails")
def update_thread(world: World, request: Request) -> Response:
    """A thread linked to a deal or a lead, shared, read, archived."""
    thread = _thread(world, request)
    fields: Record = {name: int(request.body[name]) for name in _FLAGS if request.body.get(name) is not None}
    for link in ("deal_id", "lead_id"):
        if request.body.get(link):
            fields[link] = request.body[link]
    rules.validate_links(world.state, fields)
    thread = world.state.update("mailThreads", thread["id"], fields, world.actor(request.user_id))
    for message in world.state["mailMessages"].where("mail_thread_id", thread["id"]):
        if "deal_id" in fields:
            world.state.replace("mailMessages", message["id"], {"deal_id": fields["deal_id"]})
    return _mailbox(_thread_view(thread))


@handles("deleteMailThread")
def delete_thread(world: World, request: Request) -> Response:
    """A thread marked deleted."""
    thread = _thread(world, request)
    world.state.replace("mailThreads", thread["id"], {"deleted_flag": 1})
    return _mailbox({"id": thread["id"]})
