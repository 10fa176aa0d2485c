"""Users, roles, permission sets and teams (v1)."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.shapes import fields_of
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import offset_response

COMPANY = {
    "company_name": "Sandbox Ltd",
    "company_domain": "sandbox",
    "company_country": "EE",
    "company_industry": None,
    "language": {"language_code": "en", "country_code": "US"},
}
_SETTING_KEYS = {
    "deal_default_visibility": 3,
    "lead_default_visibility": 3,
    "org_default_visibility": 3,
    "person_default_visibility": 3,
    "product_default_visibility": 3,
    "deal_access_level": 7,
    "org_access_level": 7,
    "person_access_level": 7,
    "product_access_level": 7,
}

_APPS = ("global", "sales", "campaigns", "projects", "account_settings", "partnership", "nova")


def user_view(world: World, request: Request, record: Record) -> Record:
    """A user as the users' operations show one."""
    times = {name: to_v1(record.get(name)) for name in ("created", "modified", "last_login")}
    blank = dict.fromkeys(fields_of("v1", "BaseUser"))
    return {**blank, **record, **times, "is_you": record["id"] == request.user_id}


def _user(world: World, request: Request) -> Record:
    user = world.state.get("users", request.id)
    if user is None:
        raise refusals.short(404, "User not found")
    return user


@handles("getUsers")
def get_users(world: World, request: Request) -> Response:
    """All users."""
    rows = [user_view(world, request, user) for user in world.state["users"]]
    return ok(rows, additional_data={"company_id": world.state.company_id})


@handles("findUsersByName")
def find_users(world: World, request: Request) -> Response:
    """Users whose name (or e-mail address) has the term in it."""
    field = "email" if request.args.get("search_by_email") else "name"
    term = request.args["term"].lower()
    rows = [user_view(world, request, u) for u in world.state["users"] if term in str(u.get(field) or "").lower()]
    return ok(rows or None, additional_data={"company_id": world.state.company_id})


@handles("getCurrentUser")
def get_me(world: World, request: Request) -> Response:
    """The caller, and the company."""
    user = user_view(world, request, world.state["users"].records[request.user_id])
    return ok({**user, "company_id": world.state.company_id, **COMPANY})


@handles("getUser")
def get_user(world: World, request: Request) -> Response:
    """One user."""
    return ok(user_view(world, request, _user(world, request)), additional_data={"company_id": world.state.company_id})


@handles("addUser")
def add_user(world: World, request: Request) -> Response:
    """A new user."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", request.body["email"]):
        raise refusals.short(400, "The email is not valid")
    if any(user.get("email") == request.body["email"] for user in world.state["users"]):
        raise refusals.short(400, "A user with this email exists already")
    unknown = [app for one in request.body.get("access") or () if (app := one.get("app")) not in _APPS]
    if unknown:
        raise refusals.short(400, f"'{unknown[0]}' is not one of the apps {', '.join(_APPS)}")
    pattern = next(iter(world.state["users"]))
    fields = {
        **{name: value for name, value in pattern.items() if name != "id"},
        "name": request.body["email"],
        "email": request.body["email"],
        "access": request.body.get("access") or [{"app": "sales", "admin": False}],
        "active_flag": request.body.get("active_flag", True) is not False,
        "is_admin": 0,
        "created": world.clock.stamp(),
        "modified": world.clock.stamp(),
        "last_login": None,
        "has_created_company": False,
    }
    record = world.state.insert("users", fields, world.actor(request.user_id, request.correlation_id))
    return ok(user_view(world, request, record))


@handles("updateUser")
def update_user(world: World, request: Request) -> Response:
    """A user switched on or off."""
    user = _user(world, request)
    if user["id"] == world.owner_id and not request.body["active_flag"]:
        raise refusals.short(403, "You cannot deactivate yourself")
    actor = world.actor(request.user_id, request.correlation_id)
    record = world.state.update(
        "users", user["id"], {"active_flag": request.body["active_flag"]}, actor, touch="modified"
    )
    return ok(user_view(world, request, record))


@handles("getUserPermissions")
def get_permissions(world: World, request: Request) -> Response:
    """What a user may do: an administrator all, others all but settings."""
    admin = bool(_user(world, request).get("is_admin"))
    names = fields_of("v1", "GetUserPermissionsResponseAllOfData")
    return ok({name: admin or name not in _ADMIN_ONLY for name in names})


_ADMIN_ONLY = frozenset({"can_delete_custom_fields", "can_edit_custom_fields", "can_see_security_dashboard"})


@handles("getUserRoleAssignments")
def get_user_roles(world: World, request: Request) -> Response:
    """The role of a user, as a list of one."""
    user = _user(world, request)
    return offset_response(request, [_assignment(world, user)] if user.get("role_id") else [])


def _assignment(world: World, user: Record) -> Record:
    role = world.state.get("roles", user["role_id"]) or {}
    return {
        "user_id": user["id"],
        "role_id": user["role_id"],
        "parent_role_id": role.get("parent_role_id"),
        "name": role.get("name"),
        "active_flag": True,
        "type": "1",
    }


@handles("getUserRoleSettings")
def get_user_role_settings(world: World, request: Request) -> Response:
    """The settings of a user's role."""
    role = world.state.get("roles", _user(world, request).get("role_id")) or {}
    return ok(_settings(role))


def _settings(role: Record) -> Record:
    return {**_SETTING_KEYS, **(role.get("settings") or {})}


# Roles


def _role(world: World, request: Request) -> Record:
    role = world.state.get("roles", request.id)
    if role is None or role.get("active_flag") is False:
        raise refusals.not_found("Role")
    return role


def _members(world: World, role: Record) -> list[Record]:
    return world.state["users"].where("role_id", role["id"])


def _role_view(world: World, role: Record) -> Record:
    children = [r for r in world.state["roles"].where("parent_role_id", role["id"]) if r.get("active_flag", True)]
    level, parent = 1, role
    while parent.get("parent_role_id") and (above := world.state.get("roles", parent["parent_role_id"])):
        level, parent = level + 1, above
    return {
        "id": role["id"],
        "parent_role_id": role.get("parent_role_id"),
        "name": role["name"],
        "active_flag": True,
        "assignment_count": str(len(_members(world, role))),
        "sub_role_count": str(len(children)),
        "level": level,
    }


@handles("getRoles")
def get_roles(world: World, request: Request) -> Response:
    """All roles."""
    rows = [role for role in world.state["roles"] if role.get("active_flag", True)]
    return offset_response(request, rows, lambda role: _role_view(world, role))


@handles("getRole")
def get_role(world: World, request: Request) -> Response:
    """One role; its settings stand in ``additional_data``."""
    role = _role(world, request)
    return ok(_role_view(world, role), additional_data={"settings": _settings(role)})


@handles("addRole")
def add_role(world: World, request: Request) -> Response:
    """A new role."""
    parent = request.body.get("parent_role_id")
    if parent is not None:
        rules.need(world.state, "roles", parent, "parent_role_id")
    fields = {"name": request.body["name"], "parent_role_id": parent, "active_flag": True}
    return ok({"id": world.state.insert("roles", fields, world.actor(request.user_id))["id"]})


@handles("updateRole")
def update_role(world: World, request: Request) -> Response:
    """A changed role."""
    role = _role(world, request)
    fields = {name: request.body[name] for name in ("name", "parent_role_id") if name in request.body}
    if fields.get("parent_role_id") == role["id"]:
        raise refusals.bad_request("A role cannot be its own parent.")
    world.state.update("roles", role["id"], fields, world.actor(request.user_id), touch=None)
    return ok({"id": role["id"]})


@handles("deleteRole")
def delete_role(world: World, request: Request) -> Response:
    """A role marked deleted; one that has users cannot be."""
    role = _role(world, request)
    if _members(world, role):
        raise refusals.bad_request("The role has users.")
    world.state.replace("roles", role["id"], {"active_flag": False})
    return ok({"id": role["id"]})


@handles("getRoleAssignments")
def get_role_assignments(world: World, request: Request) -> Response:
    """The users of a role."""
    return offset_response(request, _members(world, _role(world, request)), lambda user: _assignment(world, user))


@handles("addRoleAssignment", "deleteRoleAssignment")
def change_role_assignment(world: World, request: Request) -> Response:
    """A user given a role, or taken out of it."""
    role = _role(world, request)
    user = rules.need(world.state, "users", request.body["user_id"], "user_id")
    if request.method == "POST":
        world.state.update("users", user["id"], {"role_id": role["id"]}, world.actor(request.user_id), touch="modified")
        return ok({"user_id": user["id"], "role_id": role["id"]})
    if user.get("role_id") != role["id"]:
        raise refusals.not_found("Role assignment")
    world.state.update("users", user["id"], {"role_id": None}, world.actor(request.user_id), touch="modified")
    return ok({"id": role["id"]})


@handles("getRolePipelines", "updateRolePipelines")
def role_pipelines(world: World, request: Request) -> Response:
    """Which pipelines a role sees (or with ``visible=false`` does not)."""
    role = _role(world, request)
    hidden = set(role.get("hidden_pipelines") or ())
    if request.method == "PUT":
        given = request.body["visible_pipeline_ids"]
        hidden = (hidden - _keys(given.get("add"))) | _keys(given.get("remove"))
        world.state.replace("roles", role["id"], {"hidden_pipelines": sorted(hidden)})
    visible = request.args.get("visible", True)
    keys = [p["id"] for p in world.state["pipelines"] if not p.get("is_deleted") and (p["id"] in hidden) != visible]
    return ok({"pipeline_ids": keys, "visible": visible})


def _keys(given: Any) -> set[int]:
    """Pipeline ids, as a list or (as Pipedrive documents it) as a text of one."""
    return {int(key) for key in re.findall(r"\d+", str(given or ""))}


@handles("getRoleSettings", "addOrUpdateRoleSetting")
def role_settings(world: World, request: Request) -> Response:
    """A role's settings."""
    role = _role(world, request)
    if request.method == "GET":
        return ok(_settings(role))
    key, value = request.body["setting_key"], int(request.body["value"])
    world.state.replace("roles", role["id"], {"settings": {**(role.get("settings") or {}), key: value}})
    return ok({"id": role["id"], key: value})


# Permission sets


def _assigned(world: World, key: Any) -> list[Record]:
    return [u for u in world.state["users"] if any(a.get("permission_set_id") == key for a in u.get("access") or ())]


def _set_view(world: World, row: Record) -> Record:
    names = ("id", "name", "description", "app", "type")
    return {**{name: row.get(name) for name in names}, "assignment_count": len(_assigned(world, row["id"]))}


def _permission_set(world: World, request: Request) -> Record:
    row = world.state.get("permissionSets", request.id)
    if row is None:
        raise refusals.not_found("Permission set")
    return row


@handles("getPermissionSets")
def get_permission_sets(world: World, request: Request) -> Response:
    """All permission sets, or those of an app."""
    rows = [r for r in world.state["permissionSets"] if request.args.get("app") in (None, r.get("app"))]
    return ok([_set_view(world, row) for row in rows] or None)


@handles("getPermissionSet")
def get_permission_set(world: World, request: Request) -> Response:
    """One permission set with its contents, as a list of one."""
    row = _permission_set(world, request)
    return ok([{**_set_view(world, row), "contents": row.get("contents") or []}])


@handles("getPermissionSetAssignments")
def get_permission_set_assignments(world: World, request: Request) -> Response:
    """Who has a permission set, a page without a word on whether there are more."""
    row = _permission_set(world, request)
    name = row.get("name")
    return offset_response(
        request,
        _assigned(world, row["id"]),
        lambda user: {"user_id": user["id"], "permission_set_id": row["id"], "name": name},
    )


# Teams


def _team_view(request: Request, team: Record) -> Record:
    shown = {name: to_v1(value) if name == "add_time" else value for name, value in team.items()}
    if request.args.get("skip_users"):
        shown.pop("users", None)
    return shown


def _team(world: World, request: Request) -> Record:
    team = world.state.get("teams", request.id)
    if team is None:
        raise refusals.short(404, "Team not found")
    return team


@handles("getTeams", "getUserTeams")
def get_teams(world: World, request: Request) -> Response:
    """All teams, or those of a user."""
    rows = [t for t in world.state["teams"] if "id" not in request.ids or request.id in (t.get("users") or ())]
    order = request.args.get("order_by") or "id"
    rows.sort(key=lambda team: (str(team.get(order)) if order == "name" else team.get(order) or 0, team["id"]))
    return ok([_team_view(request, team) for team in rows] or None)


@handles("getTeam")
def get_team(world: World, request: Request) -> Response:
    """One team."""
    return ok(_team_view(request, _team(world, request)))


@handles("addTeam")
def add_team(world: World, request: Request) -> Response:
    """A new team."""
    rules.need(world.state, "users", request.body["manager_id"], "manager_id")
    fields = {
        "name": request.body["name"],
        "description": request.body.get("description"),
        "manager_id": request.body["manager_id"],
        "users": request.body.get("users") or [],
        "active_flag": 1,
        "deleted_flag": 0,
        "add_time": world.clock.stamp(),
        "created_by_user_id": request.user_id,
    }
    return ok(_team_view(request, world.state.insert("teams", fields, world.actor(request.user_id))))


@handles("updateTeam")
def update_team(world: World, request: Request) -> Response:
    """A changed team."""
    names = ("name", "description", "manager_id", "users", "active_flag", "deleted_flag")
    fields = {name: request.body[name] for name in names if request.body.get(name) is not None}
    fields.update({name: int(fields[name]) for name in ("active_flag", "deleted_flag") if name in fields})
    team = world.state.update("teams", _team(world, request)["id"], fields, world.actor(request.user_id), touch=None)
    return ok(_team_view(request, team))


@handles("getTeamUsers", "addTeamUser", "deleteTeamUser")
def team_users(world: World, request: Request) -> Response:
    """The ids of a team's users, after adding or removing some."""
    team = _team(world, request)
    users = list(team.get("users") or ())
    if request.method == "POST":
        for key in request.body["users"]:
            rules.need(world.state, "users", key, "users")
        users += [key for key in request.body["users"] if key not in users]
    elif request.method == "DELETE":
        users = [key for key in users if key not in request.body["users"]]
    if request.method != "GET":
        world.state.replace("teams", team["id"], {"users": users})
    return ok(users)
