"""Followers of deals, persons, organizations, products and users, in both versions."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.records import find
from airflow_provider_pipedrive.sandbox.resources.registry import Handler, handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_response, offset_response, position_response

_KINDS = {
    "Deal": ("deals", "deal_id"),
    "Person": ("persons", "person_id"),
    "Organization": ("organizations", "org_id"),
    "Product": ("products", "product_id"),
    "User": ("users", "user_id"),
}


def _rows(world: World, table: str, key: object) -> list[Record]:
    return [row for row in world.state["followers"].where("record_id", key) if row["entity"] == table]


def _change(world: World, request: Request, row: Record, action: str) -> None:
    change = {
        "of": (row["entity"], row["record_id"]),
        "action": action,
        "actor_user_id": request.user_id,
        "follower_user_id": row["user_id"],
        "time": world.clock.stamp(),
    }
    world.state.insert("followerChanges", change, world.actor(request.user_id))


def _follow(world: World, request: Request, table: str, key: object) -> Record:
    user = rules.need(world.state, "users", request.body["user_id"], "user_id")
    row = {"entity": table, "record_id": key, "user_id": user["id"], "add_time": world.clock.stamp()}
    row = world.state.insert("followers", row, world.actor(request.user_id))
    _change(world, request, row, "added")
    return row


def _unfollow(world: World, request: Request, row: Record) -> None:
    world.state.remove("followers", row["id"], world.actor(request.user_id))
    _change(world, request, row, "removed")


def _register(kind: str, table: str, link: str) -> None:
    def owner(world: World, request: Request) -> Record:
        return find(world.state, table, request.id, kind)

    def view_v1(row: Record) -> Record:
        shown = {"user_id": row["user_id"], "id": row["id"], "add_time": to_v1(row["add_time"])}
        return {**shown, link: row["record_id"]}

    def listing(world: World, request: Request) -> Response:
        rows = _rows(world, table, owner(world, request)["id"])
        return cursor_response(request, rows, lambda row: {"user_id": row["user_id"], "add_time": row["add_time"]})

    def changelog(world: World, request: Request) -> Response:
        rows = world.state["followerChanges"].where("of", (table, owner(world, request)["id"]))[::-1]
        return position_response(request, [{k: v for k, v in row.items() if k not in ("id", "of")} for row in rows])

    def adding(world: World, request: Request) -> Response:
        key = owner(world, request)["id"]
        if any(row["user_id"] == request.body["user_id"] for row in _rows(world, table, key)):
            raise refusals.refuse(400, "User is already following")
        row = _follow(world, request, table, key)
        return ok({"user_id": row["user_id"], "add_time": row["add_time"]}, 201)

    def unfollow(world: World, request: Request, named_by: str) -> Record:
        rows = _rows(world, table, owner(world, request)["id"])
        row = next((row for row in rows if row[named_by] == request.ids["follower_id"]), None)
        if row is None:
            raise refusals.not_found("Follower")
        _unfollow(world, request, row)
        return row

    def deleting(world: World, request: Request) -> Response:
        return ok({"user_id": unfollow(world, request, "user_id")["user_id"]})

    def listing_v1(world: World, request: Request) -> Response:
        rows = _rows(world, table, owner(world, request)["id"])
        if kind == "User":
            return ok([row["user_id"] for row in rows] or None)
        return offset_response(request, rows, view_v1)

    def adding_v1(world: World, request: Request) -> Response:
        key = owner(world, request)["id"]
        known = next((row for row in _rows(world, table, key) if row["user_id"] == request.body["user_id"]), None)
        row = known or _follow(world, request, table, key)
        return ok(view_v1(row), 201 if kind == "Product" else 200)

    def deleting_v1(world: World, request: Request) -> Response:
        return ok({"id": unfollow(world, request, "id")["id"]})

    handlers: dict[str, Handler] = {f"get{kind}Followers": listing, f"get{kind}FollowersV1": listing_v1}
    if kind != "User":
        handlers |= {
            f"get{kind}FollowersChangelog": changelog,
            f"add{kind}Follower": adding,
            f"delete{kind}Follower": deleting,
            f"add{kind}FollowerV1": adding_v1,
            f"delete{kind}FollowerV1": deleting_v1,
        }
    for key, handler in handlers.items():
        handles(key)(handler)


for _kind, (_table, _link) in _KINDS.items():
    _register(_kind, _table, _link)
