"""Users, roles, permission sets and teams (v1)."""

from __future__ import annotations

import re
from typing import Any

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.shapes import fields_of
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import offset_answer

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


def user_view(box: Box, call: Call, record: Record) -> Record:
    """A user as the users' operations show one."""
    times = {name: to_v1(record.get(name)) for name in ("created", "modified", "last_login")}
    blank = dict.fromkeys(fields_of("v1", "BaseUser"))
    return {**blank, **record, **times, "is_you": record["id"] == call.user_id}


def _user(box: Box, call: Call) -> Record:
    user = box.state.get("users", call.id)
    if user is None:
        raise refusals.short(404, "User not found")
    return user


@answers("getUsers")
def get_users(box: Box, call: Call) -> Answer:
    """All users."""
    rows = [user_view(box, call, user) for user in box.state["users"]]
    return ok(rows, additional_data={"company_id": box.state.company_id})


@answers("findUsersByName")
def find_users(box: Box, call: Call) -> Answer:
    """Users whose name (or e-mail address) has the term in it."""
    field = "email" if call.args.get("search_by_email") else "name"
    term = call.args["term"].lower()
    rows = [user_view(box, call, u) for u in box.state["users"] if term in str(u.get(field) or "").lower()]
    return ok(rows or None, additional_data={"company_id": box.state.company_id})


@answers("getCurrentUser")
def get_me(box: Box, call: Call) -> Answer:
    """The caller, and the company."""
    user = user_view(box, call, box.state["users"].records[call.user_id])
    return ok({**user, "company_id": box.state.company_id, **COMPANY})


@answers("getUser")
def get_user(box: Box, call: Call) -> Answer:
    """One user."""
    return ok(user_view(box, call, _user(box, call)), additional_data={"company_id": box.state.company_id})


@answers("addUser")
def add_user(box: Box, call: Call) -> Answer:
    """A new user."""
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", call.body["email"]):
        raise refusals.short(400, "The email is not valid")
    if any(user.get("email") == call.body["email"] for user in box.state["users"]):
        raise refusals.short(400, "A user with this email exists already")
    unknown = [app for one in call.body.get("access") or () if (app := one.get("app")) not in _APPS]
    if unknown:
        raise refusals.short(400, f"'{unknown[0]}' is not one of the apps {', '.join(_APPS)}")
    pattern = next(iter(box.state["users"]))
    fields = {
        **{name: value for name, value in pattern.items() if name != "id"},
        "name": call.body["email"],
        "email": call.body["email"],
        "access": call.body.get("access") or [{"app": "sales", "admin": False}],
        "active_flag": call.body.get("active_flag", True) is not False,
        "is_admin": 0,
        "created": box.clock.stamp(),
        "modified": box.clock.stamp(),
        "last_login": None,
        "has_created_company": False,
    }
    record = box.state.insert("users", fields, box.actor(call.user_id, call.correlation_id))
    return ok(user_view(box, call, record))


@answers("updateUser")
def update_user(box: Box, call: Call) -> Answer:
    """A user switched on or off."""
    user = _user(box, call)
    if user["id"] == box.owner_id and not call.body["active_flag"]:
        raise refusals.short(403, "You cannot deactivate yourself")
    actor = box.actor(call.user_id, call.correlation_id)
    record = box.state.update("users", user["id"], {"active_flag": call.body["active_flag"]}, actor, touch="modified")
    return ok(user_view(box, call, record))


@answers("getUserPermissions")
def get_permissions(box: Box, call: Call) -> Answer:
    """What a user may do: an administrator all, others all but settings."""
    admin = bool(_user(box, call).get("is_admin"))
    names = fields_of("v1", "GetUserPermissionsResponseAllOfData")
    return ok({name: admin or name not in _ADMIN_ONLY for name in names})


_ADMIN_ONLY = frozenset({"can_delete_custom_fields", "can_edit_custom_fields", "can_see_security_dashboard"})


@answers("getUserRoleAssignments")
def get_user_roles(box: Box, call: Call) -> Answer:
    """The role of a user, as a list of one."""
    user = _user(box, call)
    return offset_answer(call, [_assignment(box, user)] if user.get("role_id") else [])


def _assignment(box: Box, user: Record) -> Record:
    role = box.state.get("roles", user["role_id"]) or {}
    return {
        "user_id": user["id"],
        "role_id": user["role_id"],
        "parent_role_id": role.get("parent_role_id"),
        "name": role.get("name"),
        "active_flag": True,
        "type": "1",
    }


@answers("getUserRoleSettings")
def get_user_role_settings(box: Box, call: Call) -> Answer:
    """The settings of a user's role."""
    role = box.state.get("roles", _user(box, call).get("role_id")) or {}
    return ok(_settings(role))


def _settings(role: Record) -> Record:
    return {**_SETTING_KEYS, **(role.get("settings") or {})}


# Roles


def _role(box: Box, call: Call) -> Record:
    role = box.state.get("roles", call.id)
    if role is None or role.get("active_flag") is False:
        raise refusals.not_found("Role")
    return role


def _members(box: Box, role: Record) -> list[Record]:
    return box.state["users"].where("role_id", role["id"])


def _role_view(box: Box, role: Record) -> Record:
    children = [r for r in box.state["roles"].where("parent_role_id", role["id"]) if r.get("active_flag", True)]
    level, parent = 1, role
    while parent.get("parent_role_id") and (above := box.state.get("roles", parent["parent_role_id"])):
        level, parent = level + 1, above
    return {
        "id": role["id"],
        "parent_role_id": role.get("parent_role_id"),
        "name": role["name"],
        "active_flag": True,
        "assignment_count": str(len(_members(box, role))),
        "sub_role_count": str(len(children)),
        "level": level,
    }


@answers("getRoles")
def get_roles(box: Box, call: Call) -> Answer:
    """All roles."""
    rows = [role for role in box.state["roles"] if role.get("active_flag", True)]
    return offset_answer(call, rows, lambda role: _role_view(box, role))


@answers("getRole")
def get_role(box: Box, call: Call) -> Answer:
    """One role; its settings stand in ``additional_data``."""
    role = _role(box, call)
    return ok(_role_view(box, role), additional_data={"settings": _settings(role)})


@answers("addRole")
def add_role(box: Box, call: Call) -> Answer:
    """A new role."""
    parent = call.body.get("parent_role_id")
    if parent is not None:
        rules.need(box.state, "roles", parent, "parent_role_id")
    fields = {"name": call.body["name"], "parent_role_id": parent, "active_flag": True}
    return ok({"id": box.state.insert("roles", fields, box.actor(call.user_id))["id"]})


@answers("updateRole")
def update_role(box: Box, call: Call) -> Answer:
    """A changed role."""
    role = _role(box, call)
    fields = {name: call.body[name] for name in ("name", "parent_role_id") if name in call.body}
    if fields.get("parent_role_id") == role["id"]:
        raise refusals.bad_request("A role cannot be its own parent.")
    box.state.update("roles", role["id"], fields, box.actor(call.user_id), touch=None)
    return ok({"id": role["id"]})


@answers("deleteRole")
def delete_role(box: Box, call: Call) -> Answer:
    """A role marked deleted; one that has users cannot be."""
    role = _role(box, call)
    if _members(box, role):
        raise refusals.bad_request("The role has users.")
    box.state.replace("roles", role["id"], {"active_flag": False})
    return ok({"id": role["id"]})


@answers("getRoleAssignments")
def get_role_assignments(box: Box, call: Call) -> Answer:
    """The users of a role."""
    return offset_answer(call, _members(box, _role(box, call)), lambda user: _assignment(box, user))


@answers("addRoleAssignment", "deleteRoleAssignment")
def change_role_assignment(box: Box, call: Call) -> Answer:
    """A user given a role, or taken out of it."""
    role = _role(box, call)
    user = rules.need(box.state, "users", call.body["user_id"], "user_id")
    if call.method == "POST":
        box.state.update("users", user["id"], {"role_id": role["id"]}, box.actor(call.user_id), touch="modified")
        return ok({"user_id": user["id"], "role_id": role["id"]})
    if user.get("role_id") != role["id"]:
        raise refusals.not_found("Role assignment")
    box.state.update("users", user["id"], {"role_id": None}, box.actor(call.user_id), touch="modified")
    return ok({"id": role["id"]})


@answers("getRolePipelines", "updateRolePipelines")
def role_pipelines(box: Box, call: Call) -> Answer:
    """Which pipelines a role sees (or with ``visible=false`` does not)."""
    role = _role(box, call)
    hidden = set(role.get("hidden_pipelines") or ())
    if call.method == "PUT":
        given = call.body["visible_pipeline_ids"]
        hidden = (hidden - _keys(given.get("add"))) | _keys(given.get("remove"))
        box.state.replace("roles", role["id"], {"hidden_pipelines": sorted(hidden)})
    visible = call.args.get("visible", True)
    keys = [p["id"] for p in box.state["pipelines"] if not p.get("is_deleted") and (p["id"] in hidden) != visible]
    return ok({"pipeline_ids": keys, "visible": visible})


def _keys(given: Any) -> set[int]:
    """Pipeline ids, as a list or (as Pipedrive documents it) as a text of one."""
    return {int(key) for key in re.findall(r"\d+", str(given or ""))}


@answers("getRoleSettings", "addOrUpdateRoleSetting")
def role_settings(box: Box, call: Call) -> Answer:
    """A role's settings."""
    role = _role(box, call)
    if call.method == "GET":
        return ok(_settings(role))
    key, value = call.body["setting_key"], int(call.body["value"])
    box.state.replace("roles", role["id"], {"settings": {**(role.get("settings") or {}), key: value}})
    return ok({"id": role["id"], key: value})


# Permission sets


def _assigned(box: Box, key: Any) -> list[Record]:
    return [u for u in box.state["users"] if any(a.get("permission_set_id") == key for a in u.get("access") or ())]


def _set_view(box: Box, row: Record) -> Record:
    names = ("id", "name", "description", "app", "type")
    return {**{name: row.get(name) for name in names}, "assignment_count": len(_assigned(box, row["id"]))}


def _permission_set(box: Box, call: Call) -> Record:
    row = box.state.get("permissionSets", call.id)
    if row is None:
        raise refusals.not_found("Permission set")
    return row


@answers("getPermissionSets")
def get_permission_sets(box: Box, call: Call) -> Answer:
    """All permission sets, or those of an app."""
    rows = [r for r in box.state["permissionSets"] if call.args.get("app") in (None, r.get("app"))]
    return ok([_set_view(box, row) for row in rows] or None)


@answers("getPermissionSet")
def get_permission_set(box: Box, call: Call) -> Answer:
    """One permission set with its contents, as a list of one."""
    row = _permission_set(box, call)
    return ok([{**_set_view(box, row), "contents": row.get("contents") or []}])


@answers("getPermissionSetAssignments")
def get_permission_set_assignments(box: Box, call: Call) -> Answer:
    """Who has a permission set, a page without a word on whether there are more."""
    row = _permission_set(box, call)
    name = row.get("name")
    return offset_answer(
        call,
        _assigned(box, row["id"]),
        lambda user: {"user_id": user["id"], "permission_set_id": row["id"], "name": name},
    )


# Teams


def _team_view(call: Call, team: Record) -> Record:
    shown = {name: to_v1(value) if name == "add_time" else value for name, value in team.items()}
    if call.args.get("skip_users"):
        shown.pop("users", None)
    return shown


def _team(box: Box, call: Call) -> Record:
    team = box.state.get("teams", call.id)
    if team is None:
        raise refusals.short(404, "Team not found")
    return team


@answers("getTeams", "getUserTeams")
def get_teams(box: Box, call: Call) -> Answer:
    """All teams, or those of a user."""
    rows = [t for t in box.state["teams"] if "id" not in call.ids or call.id in (t.get("users") or ())]
    order = call.args.get("order_by") or "id"
    rows.sort(key=lambda team: (str(team.get(order)) if order == "name" else team.get(order) or 0, team["id"]))
    return ok([_team_view(call, team) for team in rows] or None)


@answers("getTeam")
def get_team(box: Box, call: Call) -> Answer:
    """One team."""
    return ok(_team_view(call, _team(box, call)))


@answers("addTeam")
def add_team(box: Box, call: Call) -> Answer:
    """A new team."""
    rules.need(box.state, "users", call.body["manager_id"], "manager_id")
    fields = {
        "name": call.body["name"],
        "description": call.body.get("description"),
        "manager_id": call.body["manager_id"],
        "users": call.body.get("users") or [],
        "active_flag": 1,
        "deleted_flag": 0,
        "add_time": box.clock.stamp(),
        "created_by_user_id": call.user_id,
    }
    return ok(_team_view(call, box.state.insert("teams", fields, box.actor(call.user_id))))


@answers("updateTeam")
def update_team(box: Box, call: Call) -> Answer:
    """A changed team."""
    names = ("name", "description", "manager_id", "users", "active_flag", "deleted_flag")
    fields = {name: call.body[name] for name in names if call.body.get(name) is not None}
    fields.update({name: int(fields[name]) for name in ("active_flag", "deleted_flag") if name in fields})
    team = box.state.update("teams", _team(box, call)["id"], fields, box.actor(call.user_id), touch=None)
    return ok(_team_view(call, team))


@answers("getTeamUsers", "addTeamUser", "deleteTeamUser")
def team_users(box: Box, call: Call) -> Answer:
    """The ids of a team's users, after adding or removing some."""
    team = _team(box, call)
    users = list(team.get("users") or ())
    if call.method == "POST":
        for key in call.body["users"]:
            rules.need(box.state, "users", key, "users")
        users += [key for key in call.body["users"] if key not in users]
    elif call.method == "DELETE":
        users = [key for key in users if key not in call.body["users"]]
    if call.method != "GET":
        box.state.replace("teams", team["id"], {"users": users})
    return ok(users)
