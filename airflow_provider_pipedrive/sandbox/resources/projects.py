"""Projects beyond v2's five operations: v1's projects, tasks, boards, phases and templates; plan and groups."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources import filtering
from airflow_provider_pipedrive.sandbox.resources.records import body_fields, find, find_living
from airflow_provider_pipedrive.sandbox.resources.registry import HANDLERS, Handler, answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state import creation, rules
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_answer
from airflow_provider_pipedrive.sandbox.views.v1 import activity, project, task, with_v1_times
from airflow_provider_pipedrive.sandbox.views.v2 import view_of

_GROUPS = ({"id": 1, "name": "To do", "order_nr": 1}, {"id": 2, "name": "Done", "order_nr": 2})


def _project(box: Box, call: Call) -> Record:
    return find_living(box.state, "projects", call.id, "Project")


# v2


@answers("archiveProject", "archiveProjectV1")
def archive(box: Box, call: Call) -> Answer:
    """An archived project."""
    assert call.action is not None
    fields = {"is_archived": True, "archive_time": box.clock.stamp()}
    actor = box.actor(call.user_id, call.correlation_id)
    record = box.state.update("projects", _project(box, call)["id"], fields, actor)
    return ok(view_of(box.state, "projects")(record) if call.action.version == "v2" else project(box.state, record))


# v1: projects


@answers("getProjectsV1")
def get_projects(box: Box, call: Call) -> Answer:
    """Projects, archived ones only on request."""
    args = {name: value for name, value in call.args.items() if name not in ("include_archived", "limit", "cursor")}
    archived = bool(call.args.get("include_archived"))
    base = (lambda row: not row.get("is_deleted")) if archived else filtering.living
    matches = filtering.predicate(box.state, "projects", args, base)
    return cursor_answer(call, [r for r in box.state["projects"] if matches(r)], lambda r: project(box.state, r))


@answers("getProjectV1")
def get_project(box: Box, call: Call) -> Answer:
    """One project."""
    return ok(project(box.state, find(box.state, "projects", call.id, "Project")))


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


@answers("addProjectV1")
def add_project(box: Box, call: Call) -> Answer:
    """A new project."""
    record = creation.new_record(box.state, "projects", _project_fields(call.body), call.user_id)
    record = box.state.insert("projects", record, box.actor(call.user_id, call.correlation_id))
    return ok(project(box.state, record), 201)


@answers("updateProjectV1")
def update_project(box: Box, call: Call) -> Answer:
    """A changed project."""
    key, actor = _project(box, call)["id"], box.actor(call.user_id, call.correlation_id)
    return ok(project(box.state, creation.change_record(box.state, "projects", key, _project_fields(call.body), actor)))


@answers("deleteProjectV1")
def delete_project(box: Box, call: Call) -> Answer:
    """A project marked deleted, its tasks with it."""
    HANDLERS["deleteProject"](box, call)
    return ok({"id": call.id})


# v1: tasks


@answers("getTasksV1")
def get_tasks(box: Box, call: Call) -> Answer:
    """Tasks."""
    args = {name: value for name, value in call.args.items() if name not in ("limit", "cursor")}
    if "done" in args:
        args["is_done"] = args.pop("done")
    if "parent_task_id" in args:
        args["parent_task_id"] = str(args["parent_task_id"])
    matches = filtering.predicate(box.state, "tasks", args, filtering.living)
    return cursor_answer(call, [row for row in box.state["tasks"] if matches(row)], lambda row: task(box.state, row))


@answers("getTaskV1")
def get_task(box: Box, call: Call) -> Answer:
    """One task."""
    return ok(task(box.state, find(box.state, "tasks", call.id, "Task")))


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


def _task_fields(box: Box, call: Call) -> Record:
    return body_fields(box.state, "tasks", {name: call.body[name] for name in _TASK_NAMES if name in call.body}, None)


@answers("addTaskV1")
def add_task(box: Box, call: Call) -> Answer:
    """A new task."""
    record = creation.new_record(box.state, "tasks", _task_fields(box, call), call.user_id)
    return ok(task(box.state, box.state.insert("tasks", record, box.actor(call.user_id, call.correlation_id))), 201)


@answers("updateTaskV1")
def update_task(box: Box, call: Call) -> Answer:
    """A changed task."""
    key = find_living(box.state, "tasks", call.id, "Task")["id"]
    actor = box.actor(call.user_id, call.correlation_id)
    return ok(task(box.state, creation.change_record(box.state, "tasks", key, _task_fields(box, call), actor)))


@answers("deleteTaskV1")
def delete_task(box: Box, call: Call) -> Answer:
    """A task marked deleted."""
    key = find_living(box.state, "tasks", call.id, "Task")["id"]
    rules.delete(box.state, "tasks", key, box.actor(call.user_id, call.correlation_id))
    return ok({"id": key})


# v1: what belongs to a project


@answers("getProjectTasks")
def get_project_tasks(box: Box, call: Call) -> Answer:
    """The tasks of a project."""
    rows = [row for row in box.state["tasks"].where("project_id", _project(box, call)["id"]) if filtering.living(row)]
    return cursor_answer(call, rows, lambda row: task(box.state, row))


@answers("getProjectActivities")
def get_project_activities(box: Box, call: Call) -> Answer:
    """The activities of a project."""
    rows = box.state["activities"].where("project_id", _project(box, call)["id"])
    return cursor_answer(call, [row for row in rows if filtering.living(row)], lambda row: activity(box.state, row))


@answers("getProjectGroups", by_shape=True)
def get_project_groups(box: Box, call: Call) -> Answer:
    """The groups of a project: the same two in every project."""
    _project(box, call)
    return ok(list(_GROUPS))


def _plan_item(box: Box, project_id: int, kind: str, row: Record) -> Record:
    placed = next((p for p in box.state["projectPlan"].where("item", (kind, row["id"]))), {})
    owner = box.state["projects"].records[project_id]
    return {
        "item_id": row["id"],
        "item_type": kind,
        "phase_id": placed.get("phase_id", owner.get("phase_id")),
        "group_id": placed.get("group_id"),
    }


@answers("getProjectPlan")
def get_plan(box: Box, call: Call) -> Answer:
    """The tasks and activities of a project with their phase and group."""
    key = _project(box, call)["id"]
    rows = [("task", row) for row in box.state["tasks"].where("project_id", key) if filtering.living(row)]
    rows += [("activity", row) for row in box.state["activities"].where("project_id", key) if filtering.living(row)]
    return ok([_plan_item(box, key, kind, row) for kind, row in rows] or None)


def _placing(kind: str, table: str, name: str) -> Handler:
    def handle(box: Box, call: Call) -> Answer:
        key = _project(box, call)["id"]
        row = box.state.get(table, call.ids[name])
        if row is None or row.get("project_id") != key:
            raise refusals.not_found(kind.capitalize())
        fields = {part: call.body[part] for part in ("phase_id", "group_id") if part in call.body}
        rules.prove_links(box.state, fields)
        placed = next((p for p in box.state["projectPlan"].where("item", (kind, row["id"]))), None)
        if placed:
            box.state.replace("projectPlan", placed["id"], fields)
        else:
            box.state.insert("projectPlan", {"item": (kind, row["id"]), **fields}, box.actor(call.user_id))
        return ok(_plan_item(box, key, kind, row))

    return handle


HANDLERS["putProjectPlanTask"] = _placing("task", "tasks", "taskId")
HANDLERS["putProjectPlanActivity"] = _placing("activity", "activities", "activityId")


# v1: boards, phases, templates


def _listing(table: str) -> Handler:
    def handle(box: Box, call: Call) -> Answer:
        rows = [r for r in box.state[table] if call.args.get("board_id") in (None, r.get("board_id"))]
        return ok([with_v1_times(box.state, row) for row in rows] or None)

    return handle


def _single(table: str, thing: str) -> Handler:
    def handle(box: Box, call: Call) -> Answer:
        return ok(with_v1_times(box.state, find_living(box.state, table, call.id, thing)))

    return handle


@answers("getProjectTemplatesV1")
def get_templates(box: Box, call: Call) -> Answer:
    """Templates of projects."""
    return cursor_answer(call, list(box.state["projectTemplates"]), lambda row: with_v1_times(box.state, row))


HANDLERS["getProjectsBoardsV1"] = _listing("boards")
HANDLERS["getProjectsPhasesV1"] = _listing("phases")
HANDLERS["getProjectsBoardV1"] = _single("boards", "Board")
HANDLERS["getProjectsPhaseV1"] = _single("phases", "Phase")
HANDLERS["getProjectTemplateV1"] = _single("projectTemplates", "Template")
