"""Notes and their comments (v1 only)."""

from __future__ import annotations

from functools import partial

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_answer
from airflow_provider_pipedrive.sandbox.views.v1 import with_v1_times

_ANCHORS = ("lead_id", "deal_id", "person_id", "org_id", "project_id", "task_id")
_PINS = {
    "pinned_to_lead_flag": "lead_id",
    "pinned_to_deal_flag": "deal_id",
    "pinned_to_person_flag": "person_id",
    "pinned_to_organization_flag": "org_id",
    "pinned_to_project_flag": "project_id",
    "pinned_to_task_flag": "task_id",
}
_SORTS = ("id", "user_id", "deal_id", "person_id", "org_id", "content", "add_time", "update_time")


def note_view(state: State, record: Record) -> Record:
    """A note with the names of what it is attached to."""
    deal, person = state.get("deals", record.get("deal_id")), state.get("persons", record.get("person_id"))
    organization, lead = state.get("organizations", record.get("org_id")), state.get("leads", record.get("lead_id"))
    project, task = state.get("projects", record.get("project_id")), state.get("tasks", record.get("task_id"))
    user = state.get("users", record["user_id"])
    return {
        **dict.fromkeys(_ANCHORS),
        **dict.fromkeys(_PINS, False),
        **with_v1_times(state, record),
        "deal": {"title": deal["title"]} if deal else None,
        "person": {"name": person["name"]} if person else None,
        "organization": {"name": organization["name"]} if organization else None,
        "lead": {"title": lead["title"]} if lead else None,
        "project": {"title": project["title"]} if project else None,
        "task": {"title": task["title"]} if task else None,
        "user": _author(user) if user else None,
    }


def _author(user: Record) -> Record:
    names = ("email", "name", "icon_url")
    return {**{name: user.get(name) for name in names}, "is_you": bool(user.get("is_you"))}


def _note(box: Box, call: Call) -> Record:
    note = box.state.get("notes", call.id)
    if note is None:
        raise refusals.not_found("Note")
    return note


@answers("getNotes")
def get_notes(box: Box, call: Call) -> Answer:
    """Notes that are not deleted."""
    args = call.args

    def matches(note: Record) -> bool:
        return (
            note.get("active_flag", True)
            and all(note.get(name) == args[name] for name in ("user_id", *_ANCHORS) if name in args)
            and all(bool(note.get(pin)) == args[pin] for pin in _PINS if pin in args)
            and (note.get("update_time") or "") >= args.get("updated_since", "")
            and note["add_time"][:10] >= args.get("start_date", "")
            and note["add_time"][:10] <= args.get("end_date", "9999")
        )

    rows = [note for note in box.state["notes"] if matches(note)]
    return offset_answer(call, by_sort_text(rows, args.get("sort"), _SORTS), lambda note: note_view(box.state, note))


@answers("getNote")
def get_note(box: Box, call: Call) -> Answer:
    """One note; a deleted one has ``active_flag`` false."""
    return ok(note_view(box.state, _note(box, call)))


def _fields(box: Box, call: Call, before: Record) -> Record:
    known = ("content", "user_id", "add_time", *_ANCHORS, *_PINS)
    fields = {name: call.body[name] for name in known if call.body.get(name) is not None}
    rules.prove_links(box.state, fields)
    for pin, anchor in _PINS.items():
        if fields.get(pin) and {**before, **fields}.get(anchor) is None:
            raise refusals.bad_request(f"{pin} needs {anchor}.")
    return fields


@answers("addNote")
def add_note(box: Box, call: Call) -> Answer:
    """A new note."""
    stamp = box.clock.stamp()
    note = {
        "user_id": call.user_id,
        **dict.fromkeys(_ANCHORS),
        "content": None,
        "add_time": stamp,
        "update_time": stamp,
        "active_flag": True,
        **dict.fromkeys(_PINS, False),
        "last_update_user_id": None,
        **_fields(box, call, {}),
    }
    record = box.state.insert("notes", note, box.actor(call.user_id, call.correlation_id))
    return ok(note_view(box.state, record))


@answers("updateNote")
def update_note(box: Box, call: Call) -> Answer:
    """A changed note."""
    note = _note(box, call)
    fields = {**_fields(box, call, note), "last_update_user_id": call.user_id}
    actor = box.actor(call.user_id, call.correlation_id)
    return ok(note_view(box.state, box.state.update("notes", note["id"], fields, actor)))


@answers("deleteNote")
def delete_note(box: Box, call: Call) -> Answer:
    """A note marked deleted."""
    note = _note(box, call)
    box.state.replace("notes", note["id"], {"active_flag": False, "update_time": box.clock.stamp()})
    box.state.deleted("notes", note, box.actor(call.user_id, call.correlation_id))
    return ok(True)


# Comments


def _comment_view(box: Box, record: Record) -> Record:
    return {
        "uuid": record["id"],
        "active_flag": record["active_flag"],
        "add_time": to_v1(record["add_time"]),
        "update_time": to_v1(record["update_time"]),
        "content": record["content"],
        "object_id": str(record["note_id"]),
        "object_type": "note",
        "user_id": record["user_id"],
        "updater_id": record["updater_id"],
        "company_id": box.state.company_id,
    }


def _comment(box: Box, call: Call) -> Record:
    comment = box.state.get("comments", call.ids["commentId"])
    if comment is None or comment["note_id"] != _note(box, call)["id"]:
        raise refusals.not_found("Comment")
    return comment


@answers("getNoteComments")
def get_comments(box: Box, call: Call) -> Answer:
    """A note's comments."""
    rows = [row for row in box.state["comments"].where("note_id", _note(box, call)["id"]) if row["active_flag"]]
    return offset_answer(call, rows, partial(_comment_view, box))


@answers("addNoteComment")
def add_comment(box: Box, call: Call) -> Answer:
    """A new comment."""
    comment = {
        "note_id": _note(box, call)["id"],
        "active_flag": True,
        "add_time": box.clock.stamp(),
        "update_time": None,
        "content": call.body["content"],
        "user_id": call.user_id,
        "updater_id": None,
    }
    return ok(_comment_view(box, box.state.insert("comments", comment, box.actor(call.user_id))))


@answers("getComment")
def get_comment(box: Box, call: Call) -> Answer:
    """One comment."""
    return ok(_comment_view(box, _comment(box, call)))


@answers("updateCommentForNote")
def update_comment(box: Box, call: Call) -> Answer:
    """A changed comment."""
    fields = {"content": call.body["content"], "updater_id": call.user_id}
    return ok(
        _comment_view(box, box.state.update("comments", _comment(box, call)["id"], fields, box.actor(call.user_id)))
    )


@answers("deleteComment")
def delete_comment(box: Box, call: Call) -> Answer:
    """A comment marked deleted."""
    box.state.replace("comments", _comment(box, call)["id"], {"active_flag": False})
    return ok(True)
