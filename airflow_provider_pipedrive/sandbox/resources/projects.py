"""Projects beyond v2's five operations: v1's projects, tasks, boards, phases and templates; plan and groups."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources import filtering
from airflow_provider_pipedrive.sandbox.resources.records import body_fields, find, find_living
from airflow_provider_pipedrive.sandbox.resources.registry import HANDLERS, handles, handles_each
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import creation, rules
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_response
from airflow_provider_pipedrive.sandbox.views.v1 import activity, project, task, with_v1_times
from airflow_provider_pipedrive.sandbox.views.v2 import view_of

_GROUPS = ({"id": 1, "name": "To do", "order_nr": 1}, {"id": 2, "name": "Done", "order_nr": 2})


def _project(world: World, request: Request) -> Record:
    return find_living(world.state, "projects", request.id, "Project")


# v2


@handles("archiveProject", "archiveProjectV1")
def archive(world: World, request: Request) -> Response:
    """An archived project."""
    assert request.action is not None
    fields = {"is_archived": True, "archive_time": world.clock.stamp()}
    actor = world.actor(request.user_id, request.correlation_id)
    record = world.state.update("projects", _project(world, request)["id"], fields, actor)
    return ok(
        view_of(world.state, "projects")(record) if request.action.version == "v2" else project(world.state, record)
    )


# v1: projects


@handles("getProjectsV1")
def get_projects(world: World, request: Request) -> Response:
    """Projects, archived ones only on request."""
    args = {name: value for name, value in request.args.items() if name not in ("include_archived", "limit", "cursor")}
    archived = bool(request.args.get("include_archived"))
    base = (lambda row: not row.get("is_deleted")) if archived else filtering.living
    matches = filtering.predicate(world.state, "projects", args, base)
    return cursor_response(
        request, [r for r in world.state["projects"] if matches(r)], lambda r: project(world.state, r)
    )


@handles("getProjectV1")
def get_project(world: World, request: Request) -> Response:
    """One project."""
    return ok(project(world.state, find(world.state, "projects", request.id, "Project")))


_PROJECT_NAMES = (
    "title",
    "board_id",
    "phase_id",
    "description",
    "status",
    "owner_id",
    "start_date",
    "end_date",
    "deal_ids",
    "health_status",
)


def _project_fields(body: Record) -> Record:
    fields = {name: body[name] for name in _PROJECT_NAMES if name in body}
    for given, stored in (("org_id", "org_ids"), ("person_id", "person_ids")):
        if given in body:
            fields[stored] = [body[given]] if body[given] is not None else []
    if "labels" in body:
        fields["label_ids"] = body["labels"]
    return fields


@handles("addProjectV1")
def add_project(world: World, request: Request) -> Response:
    """A new project."""
    record = creation.new_record(world.state, "projects", _project_fields(request.body), request.user_id)
    record = world.state.insert("projects", record, world.actor(request.user_id, request.correlation_id))
    return ok(project(world.state, record), 201)


@handles("updateProjectV1")
def update_project(world: World, request: Request) -> Response:
    """A changed project."""
    key, actor = _project(world, request)["id"], world.actor(request.user_id, request.correlation_id)
    return ok(
        project(world.state, creation.change_record(world.state, "projects", key, _project_fields(request.body), actor))
    )


@handles("deleteProjectV1")
def delete_project(world: World, request: Request) -> Response:
    """A project marked deleted, its tasks with it."""
    HANDLERS["deleteProject"](world, request)
    return ok({"id": request.id})


# v1: tasks


@handles("getTasksV1")
def get_tasks(world: World, request: Request) -> Response:
    """Tasks."""
    args = {name: value for name, value in request.args.items() if name not in ("limit", "cursor")}
    if "done" in args:
        args["is_done"] = args.pop("done")
    if "parent_task_id" in args:
        args["parent_task_id"] = str(args["parent_task_id"])
    matches = filtering.predicate(world.state, "tasks", args, filtering.living)
    return cursor_response(
        request, [row for row in world.state["tasks"] if matches(row)], lambda row: task(world.state, row)
    )


@handles("getTaskV1")
def get_task(world: World, request: Request) -> Response:
    """One task."""
    return ok(task(world.state, find(world.state, "tasks", request.id, "Task")))


_TASK_NAMES = (
    "title",
    "project_id",
    "description",
    "parent_task_id",
    "assignee_id",
    "assignee_ids",
    "done",
    "due_date",
)


def _task_fields(world: World, request: Request) -> Record:
    return body_fields(
        world.state, "tasks", {name: request.body[name] for name in _TASK_NAMES if name in request.body}, None
    )


@handles("addTaskV1")
def add_task(world: World, request: Request) -> Response:
    """A new task."""
    record = creation.new_record(world.state, "tasks", _task_fields(world, request), request.user_id)
    return ok(
        task(world.state, world.state.insert("tasks", record, world.actor(request.user_id, request.correlation_id))),
        201,
    )


@handles("updateTaskV1")
def update_task(world: World, request: Request) -> Response:
    """A changed task."""
    key = find_living(world.state, "tasks", request.id, "Task")["id"]
    actor = world.actor(request.user_id, request.correlation_id)
    return ok(task(world.state, creation.change_record(world.state, "tasks", key, _task_fields(world, request), actor)))


@handles("deleteTaskV1")
def delete_task(world: World, request: Request) -> Response:
    """A task marked deleted."""
    key = find_living(world.state, "tasks", request.id, "Task")["id"]
    rules.delete(world.state, "tasks", key, world.actor(request.user_id, request.correlation_id))
    return ok({"id": key})


# v1: what belongs to a project


@handles("getProjectTasks")
def get_project_tasks(world: World, request: Request) -> Response:
    """The tasks of a project."""
    rows = [
        row for row in world.state["tasks"].where("project_id", _project(world, request)["id"]) if filtering.living(row)
    ]
    return cursor_response(request, rows, lambda row: task(world.state, row))


@handles("getProjectActivities")
def get_project_activities(world: World, request: Request) -> Response:
    """The activities of a project."""
    rows = world.state["activities"].where("project_id", _project(world, request)["id"])
    return cursor_response(
        request, [row for row in rows if filtering.living(row)], lambda row: activity(world.state, row)
    )


@handles("getProjectGroups", by_shape=True)
def get_project_groups(world: World, request: Request) -> Response:
    """The groups of a project: the same two in every project."""
    _project(world, request)
    return ok(list(_GROUPS))


def _plan_item(world: World, project_id: int, kind: str, row: Record) -> Record:
    placed = next((p for p in world.state["projectPlan"].where("item", (kind, row["id"]))), {})
    owner = world.state["projects"].records[project_id]
    return {
        "item_id": row["id"],
        "item_type": kind,
        "phase_id": placed.get("phase_id", owner.get("phase_id")),
        "group_id": placed.get("group_id"),
    }


@handles("getProjectPlan")
def get_plan(world: World, request: Request) -> Response:
    """The tasks and activities of a project with their phase and group."""
    key = _project(world, request)["id"]
    rows = [("task", row) for row in world.state["tasks"].where("project_id", key) if filtering.living(row)]
    rows += [("activity", row) for row in world.state["activities"].where("project_id", key) if filtering.living(row)]
    return ok([_plan_item(world, key, kind, row) for kind, row in rows] or None)


@dataclass(frozen=True, slots=True)
class _Planned:
    """What can be placed in a plan: its kind, its table, and the name of its id in the path."""

    kind: str
    table: str
    named_by: str


@handles_each(
    {
        "putProjectPlanTask": _Planned("task", "tasks", "taskId"),
        "putProjectPlanActivity": _Planned("activity", "activities", "activityId"),
    }
)
def put_in_plan(world: World, request: Request, of: _Planned) -> Response:
    """A task or an activity in another phase or group."""
    key = _project(world, request)["id"]
    row = world.state.get(of.table, request.ids[of.named_by])
    if row is None or row.get("project_id") != key:
        raise refusals.not_found(of.kind.capitalize())
    fields = {part: request.body[part] for part in ("phase_id", "group_id") if part in request.body}
    rules.validate_links(world.state, fields)
    placed = next((p for p in world.state["projectPlan"].where("item", (of.kind, row["id"]))), None)
    if placed:
        world.state.replace("projectPlan", placed["id"], fields)
    else:
        world.state.insert("projectPlan", {"item": (of.kind, row["id"]), **fields}, world.actor(request.user_id))
    return ok(_plan_item(world, key, of.kind, row))


# v1: boards, phases, templates


@handles_each({"getProjectsBoardsV1": "boards", "getProjectsPhasesV1": "phases"})
def get_columns(world: World, request: Request, table: str) -> Response:
    """Boards, or phases of all boards or of one."""
    rows = [r for r in world.state[table] if request.args.get("board_id") in (None, r.get("board_id"))]
    return ok([with_v1_times(world.state, row) for row in rows] or None)


@handles_each(
    {
        "getProjectsBoardV1": ("boards", "Board"),
        "getProjectsPhaseV1": ("phases", "Phase"),
        "getProjectTemplateV1": ("projectTemplates", "Template"),
    }
)
def get_column(world: World, request: Request, of: tuple[str, str]) -> Response:
    """One board, phase or template."""
    table, thing = of
    return ok(with_v1_times(world.state, find_living(world.state, table, request.id, thing)))


@handles("getProjectTemplatesV1")
def get_templates(world: World, request: Request) -> Response:
    """Templates of projects."""
    return cursor_response(request, list(world.state["projectTemplates"]), lambda row: with_v1_times(world.state, row))
