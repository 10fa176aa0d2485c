"""v2's main entities: lists, single records, creating, changing, deleting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources import filtering
from airflow_provider_pipedrive.sandbox.resources.registry import handles, handles_each
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response
from airflow_provider_pipedrive.sandbox.state import creation, rules
from airflow_provider_pipedrive.sandbox.state.store import Record, State
from airflow_provider_pipedrive.sandbox.views import custom_fields
from airflow_provider_pipedrive.sandbox.views.paging import Listing, ordered, sort_key, stored_response
from airflow_provider_pipedrive.sandbox.views.v2 import asked_view, definitions_version, is_usual, view_of

_CREATED = frozenset({"products", "projects", "tasks"})
"""Tables whose creation v2 answers with 201."""
_SHOWING = ("limit", "cursor", "include_fields", "custom_fields", "include_option_labels", "include_labels")


@dataclass(frozen=True, slots=True)
class Entity:
    """A table, what Pipedrive calls one of its records, and the keys of its five actions (None: there is none)."""

    table: str
    thing: str
    list_key: str
    get_key: str
    add_key: str | None
    update_key: str | None
    delete_key: str | None
    paged: bool = True


ENTITIES = (
    Entity("deals", "Deal", "getDeals", "getDeal", "addDeal", "updateDeal", "deleteDeal"),
    Entity("persons", "Person", "getPersons", "getPerson", "addPerson", "updatePerson", "deletePerson"),
    Entity(
        "organizations",
        "Organization",
        "getOrganizations",
        "getOrganization",
        "addOrganization",
        "updateOrganization",
        "deleteOrganization",
    ),
    Entity("activities", "Activity", "getActivities", "getActivity", "addActivity", "updateActivity", "deleteActivity"),
    Entity("products", "Product", "getProducts", "getProduct", "addProduct", "updateProduct", "deleteProduct"),
    Entity("pipelines", "Pipeline", "getPipelines", "getPipeline", "addPipeline", "updatePipeline", "deletePipeline"),
    Entity("stages", "Stage", "getStages", "getStage", "addStage", "updateStage", "deleteStage"),
    Entity("projects", "Project", "getProjects", "getProject", "addProject", "updateProject", "deleteProject"),
    Entity("tasks", "Task", "getTasks", "getTask", "addTask", "updateTask", "deleteTask"),
    Entity(
        "boards",
        "Board",
        "getProjectsBoards",
        "getProjectsBoard",
        "addProjectBoard",
        "updateProjectBoard",
        "deleteProjectBoard",
        paged=False,
    ),
    Entity(
        "phases",
        "Phase",
        "getProjectsPhases",
        "getProjectsPhase",
        "addProjectPhase",
        "updateProjectPhase",
        "deleteProjectPhase",
        paged=False,
    ),
    Entity("projectTemplates", "Template", "getProjectTemplates", "getProjectTemplate", None, None, None),
)


def find(state: State, table: str, key: Any, thing: str) -> Record:
    """A record, deleted ones included for as long as Pipedrive keeps them.

    :raises Refusal: 404
    """
    record = state.get(table, key)
    if record is None or rules.is_purged(state, record):
        raise refusals.not_found(thing)
    return record


def find_living(state: State, table: str, key: Any, thing: str) -> Record:
    """A record that is not deleted.

    :raises Refusal: 404
    """
    record = find(state, table, key, thing)
    if record.get("is_deleted") or record.get("active_flag") is False:
        raise refusals.not_found(thing)
    return record


def list_response(
    world: World, request: Request, table: str, base: Callable[[Record], bool], name: str = ""
) -> Response:
    """One page of a table's records that the base condition and the request's filters let through."""
    state = world.state
    args = request.args
    sort_by = args.get("sort_by", "id")
    wanted = tuple((k, str(v)) for k, v in sorted(args.items()) if k not in (*_SHOWING, "sort_direction"))
    matches = filtering.predicate(state, table, args, base)
    versions = tuple(state[t].version for t in (table, *filtering.LOOKED_AT.get(table, ())))
    listing = state.page(
        (table, name, versions, wanted, world.clock.now().date()),  # the day: deleted ones are shown for thirty
        lambda: ordered([record for record in _candidates(state, table, args) if matches(record)], sort_by),
    )
    return stored_response(state, request, table, listing, asked_view(state, request, table), is_usual(request))


def _candidates(state: State, table: str, args: Mapping[str, Any]) -> Iterable[Record]:
    """The records that can match at all: many windows of a large table are asked for at once."""
    if "ids" in args and "filter_id" not in args:
        found = (state.get(table, key) for key in dict.fromkeys(args["ids"]))
        return [record for record in found if record is not None]
    since, until = args.get("updated_since"), args.get("updated_until")
    if since is None and until is None:
        return state[table]
    by_time: Listing = state.page(
        (table, "by time", state[table].version), lambda: ordered(list(state[table]), "update_time")
    )
    low, high = (sort_key(since), 0) if since else None, (sort_key(until), 0) if until else None
    return by_time.between(low, high)


def _by(attribute: str) -> dict[str, Entity]:
    return {key: entity for entity in ENTITIES if (key := getattr(entity, attribute))}


@handles_each(_by("list_key"))
def get_list(world: World, request: Request, entity: Entity) -> Response:
    """A page of records, or all of a table that has no pages."""
    if not entity.paged:
        matches = filtering.predicate(world.state, entity.table, request.args, filtering.living)
        view = view_of(world.state, entity.table)
        rows = [view(record) for record in world.state[entity.table] if matches(record)]
        return Response({"success": True, "data": rows})
    return list_response(world, request, entity.table, filtering.base_of(world.state, entity.table, request.args))


@handles_each(_by("get_key"))
def get_record(world: World, request: Request, entity: Entity) -> Response:
    """One record."""
    record = find(world.state, entity.table, request.id, entity.thing)
    if is_usual(request):
        view, version = view_of(world.state, entity.table), definitions_version(world.state, entity.table)
        rows = world.state.encode(entity.table, [record], view, version)
        return Response(content=b'{"success":true,"data":' + rows[1:-1] + b"}")
    return Response({"success": True, "data": asked_view(world.state, request, entity.table)(record)})


def _validate_contact_sync(world: World, entity: Entity, body: Record) -> None:
    if entity.table == "persons" and not world.settings.contact_sync and not rules.CONTACT_SYNC.isdisjoint(body):
        raise refusals.refuse(403, "Contact Sync is not enabled: its fields cannot be written")


@handles_each(_by("add_key"))
def add_record(world: World, request: Request, entity: Entity) -> Response:
    """A new record."""
    _validate_contact_sync(world, entity, request.body)
    fields = body_fields(world.state, entity.table, request.body, None)
    actor = world.actor(request.user_id, request.correlation_id)
    record = creation.new_record(world.state, entity.table, fields, request.user_id)
    record = world.state.insert(entity.table, record, actor)
    status = 201 if entity.table in _CREATED else 200
    return Response({"success": True, "data": view_of(world.state, entity.table)(record)}, status)


@handles_each(_by("update_key"))
def update_record(world: World, request: Request, entity: Entity) -> Response:
    """A changed record."""
    record = find(world.state, entity.table, request.id, entity.thing)
    if record.get("is_deleted") and request.body.get("is_deleted") is not False:
        raise refusals.not_found(entity.thing)
    _validate_contact_sync(world, entity, request.body)
    fields = body_fields(world.state, entity.table, request.body, record)
    actor = world.actor(request.user_id, request.correlation_id)
    record = creation.change_record(world.state, entity.table, record["id"], fields, actor)
    return Response({"success": True, "data": view_of(world.state, entity.table)(record)})


@handles_each(_by("delete_key"))
def delete_record(world: World, request: Request, entity: Entity) -> Response:
    """A record taken away, with those that do not live without it."""
    record = find_living(world.state, entity.table, request.id, entity.thing)
    actor = world.actor(request.user_id, request.correlation_id)
    if "is_deleted" in record:
        rules.delete(world.state, entity.table, record["id"], actor)
    else:
        world.state.remove(entity.table, record["id"], actor)
    for table, link in _CHILDREN.get(entity.table, ()):
        for child in world.state[table].where(link, record["id"]):
            if not child.get("is_deleted"):
                rules.delete(world.state, table, child["id"], actor)
    return Response({"success": True, "data": {"id": record["id"]}})


_CHILDREN = {"projects": (("tasks", "project_id"),), "pipelines": (("stages", "pipeline_id"),)}


def body_fields(state: State, table: str, body: Record, before: Record | None) -> Record:
    """The body's fields as the table stores them: custom fields validated and merged, flags under their stored names.

    :raises Refusal: 400 for a custom field that does not exist or does not fit
    """
    fields = dict(body)
    if table == "deals" and before and before["is_archived"] and set(fields) != {"is_archived"}:
        raise refusals.refuse(400, "An archived deal cannot be edited: set is_archived to false first")
    if "custom_fields" in fields:
        given = custom_fields.checked(state, table, fields.pop("custom_fields") or {})
        fields["custom_fields"] = custom_fields.merged((before or {}).get("custom_fields"), given)
    if table == "tasks":
        for given_name, stored in (("done", "is_done"), ("milestone", "is_milestone")):
            if given_name in fields:
                fields[stored] = fields.pop(given_name)
        assignee = fields.pop("assignee_id", None)
        if assignee is not None and "assignee_ids" not in fields:
            fields["assignee_ids"] = [assignee]
    if table == "projects":
        fields.pop("template_id", None)
    return fields


@handles("getArchivedDeals")
def _archived_deals(world: World, request: Request) -> Response:
    return list_response(world, request, "deals", filtering.archived_base(world.state, request.args), "archived")


@handles("getArchivedProjects")
def _archived_projects(world: World, request: Request) -> Response:
    return list_response(
        world, request, "projects", lambda r: bool(r.get("is_archived")) and not r.get("is_deleted"), "archived"
    )
