"""Notes and their comments (v1 only)."""

from __future__ import annotations

from functools import partial

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_response
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


def _note(world: World, request: Request) -> Record:
    note = world.state.get("notes", request.id)
    if note is None:
        raise refusals.not_found("Note")
    return note


@handles("getNotes")
def get_notes(world: World, request: Request) -> Response:
    """Notes that are not deleted."""
    args = request.args

    def matches(note: Record) -> bool:
        return (
            note.get("active_flag", True)
            and all(note.get(name) == args[name] for name in ("user_id", *_ANCHORS) if name in args)
            and all(bool(note.get(pin)) == args[pin] for pin in _PINS if pin in args)
            and (note.get("update_time") or "") >= args.get("updated_since", "")
            and note["add_time"][:10] >= args.get("start_date", "")
            and note["add_time"][:10] <= args.get("end_date", "9999")
        )

    rows = [note for note in world.state["notes"] if matches(note)]
    return offset_response(
        request, by_sort_text(rows, args.get("sort"), _SORTS), lambda note: note_view(world.state, note)
    )


@handles("getNote")
def get_note(world: World, request: Request) -> Response:
    """One note; a deleted one has ``active_flag`` false."""
    return ok(note_view(world.state, _note(world, request)))


def _fields(world: World, request: Request, before: Record) -> Record:
    known = ("content", "user_id", "add_time", *_ANCHORS, *_PINS)
    fields = {name: request.body[name] for name in known if request.body.get(name) is not None}
    rules.validate_links(world.state, fields)
    for pin, anchor in _PINS.items():
        if fields.get(pin) and {**before, **fields}.get(anchor) is None:
            raise refusals.bad_request(f"{pin} needs {anchor}.")
    return fields


@handles("addNote")
def add_note(world: World, request: Request) -> Response:
    """A new note."""
    stamp = world.clock.stamp()
    note = {
        "user_id": request.user_id,
        **dict.fromkeys(_ANCHORS),
        "content": None,
        "add_time": stamp,
        "update_time": stamp,
        "active_flag": True,
        **dict.fromkeys(_PINS, False),
        "last_update_user_id": None,
        **_fields(world, request, {}),
    }
    record = world.state.insert("notes", note, world.actor(request.user_id, request.correlation_id))
    return ok(note_view(world.state, record))


@handles("updateNote")
def update_note(world: World, request: Request) -> Response:
    """A changed note."""
    note = _note(world, request)
    fields = {**_fields(world, request, note), "last_update_user_id": request.user_id}
    actor = world.actor(request.user_id, request.correlation_id)
    return ok(note_view(world.state, world.state.update("notes", note["id"], fields, actor)))


@handles("deleteNote")
def delete_note(world: World, request: Request) -> Response:
    """A note marked deleted."""
    note = _note(world, request)
    world.state.replace("notes", note["id"], {"active_flag": False, "update_time": world.clock.stamp()})
    world.state.deleted("notes", note, world.actor(request.user_id, request.correlation_id))
    return ok(True)


# Comments


def _comment_view(world: World, record: Record) -> Record:
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
        "company_id": world.state.company_id,
    }


def _comment(world: World, request: Request) -> Record:
    comment = world.state.get("comments", request.ids["commentId"])
    if comment is None or comment["note_id"] != _note(world, request)["id"]:
        raise refusals.not_found("Comment")
    return comment


@handles("getNoteComments")
def get_comments(world: World, request: Request) -> Response:
    """A note's comments."""
    rows = [row for row in world.state["comments"].where("note_id", _note(world, request)["id"]) if row["active_flag"]]
    return offset_response(request, rows, partial(_comment_view, world))


@handles("addNoteComment")
def add_comment(world: World, request: Request) -> Response:
    """A new comment."""
    comment = {
        "note_id": _note(world, request)["id"],
        "active_flag": True,
        "add_time": world.clock.stamp(),
        "update_time": None,
        "content": request.body["content"],
        "user_id": request.user_id,
        "updater_id": None,
    }
    return ok(_comment_view(world, world.state.insert("comments", comment, world.actor(request.user_id))))


@handles("getComment")
def get_comment(world: World, request: Request) -> Response:
    """One comment."""
    return ok(_comment_view(world, _comment(world, request)))


@handles("updateCommentForNote")
def update_comment(world: World, request: Request) -> Response:
    """A changed comment."""
    fields = {"content": request.body["content"], "updater_id": request.user_id}
    return ok(
        _comment_view(
            world, world.state.update("comments", _comment(world, request)["id"], fields, world.actor(request.user_id))
        )
    )


@handles("deleteComment")
def delete_comment(world: World, request: Request) -> Response:
    """A comment marked deleted."""
    world.state.replace("comments", _comment(world, request)["id"], {"active_flag": False})
    return ok(True)
