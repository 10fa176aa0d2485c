"""Mail threads and messages (v1), in the mailbox's own envelope."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call
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


def _thread(box: Box, call: Call) -> Record:
    thread = box.state.get("mailThreads", call.id)
    if thread is None or thread.get("deleted_flag"):
        raise refusals.not_found("Mail thread")
    return thread


def _folder(thread: Record) -> str:
    if thread.get("archived_flag"):
        return "archive"
    return str(thread.get("folder") or (thread.get("folders") or ["inbox"])[0])


def _mailbox(data: Any, **more: Any) -> Answer:
    return Answer({"success": True, "data": data, **more, **_ENVELOPE})


def _paged(rows: list[Record], start: int, limit: int, view: Callable[[Record], Record]) -> Answer:
    """A page of mail. Its paging is not in Pipedrive's schema; readers in production read it all the same."""
    place = offset_place(start, limit, start + limit < len(rows))
    return _mailbox([view(row) for row in rows[start : start + limit]], additional_data={"pagination": place})


@answers("getMailThreads")
def get_threads(box: Box, call: Call) -> Answer:
    """The threads of a folder."""
    rows = [t for t in box.state["mailThreads"] if not t.get("deleted_flag") and _folder(t) == call.args["folder"]]
    start = max(0, call.args.get("start", 0))
    return _paged(rows, start, call.args.get("limit", _DEFAULT_PAGE), _thread_view)


@answers("getMailThread")
def get_thread(box: Box, call: Call) -> Answer:
    """One thread."""
    return _mailbox(_thread_view(_thread(box, call)))


@answers("getMailThreadMessages")
def get_messages(box: Box, call: Call) -> Answer:
    """All messages of a thread, on one page."""
    rows = box.state["mailMessages"].where("mail_thread_id", _thread(box, call)["id"])
    return _paged(rows, 0, max(_DEFAULT_PAGE, len(rows)), lambda row: message_view(row, False))


@answers("getMailMessage")
def get_message(box: Box, call: Call) -> Answer:
    """One message."""
    row = box.state.get("mailMessages", call.id)
    if row is None:
        raise refusals.not_found("Mail message")
    return _mailbox(message_view(row, bool(call.args.get("include_body"))))


@answers("updateMailThreadDetails")
def update_thread(box: Box, call: Call) -> Answer:
    """A thread linked to a deal or a lead, shared, read, archived."""
    thread = _thread(box, call)
    fields: Record = {name: int(call.body[name]) for name in _FLAGS if call.body.get(name) is not None}
    for link in ("deal_id", "lead_id"):
        if call.body.get(link):
            fields[link] = call.body[link]
    rules.prove_links(box.state, fields)
    thread = box.state.update("mailThreads", thread["id"], fields, box.actor(call.user_id))
    for message in box.state["mailMessages"].where("mail_thread_id", thread["id"]):
        if "deal_id" in fields:
            box.state.replace("mailMessages", message["id"], {"deal_id": fields["deal_id"]})
    return _mailbox(_thread_view(thread))


@answers("deleteMailThread")
def delete_thread(box: Box, call: Call) -> Answer:
    """A thread marked deleted."""
    thread = _thread(box, call)
    box.state.replace("mailThreads", thread["id"], {"deleted_flag": 1})
    return _mailbox({"id": thread["id"]})
