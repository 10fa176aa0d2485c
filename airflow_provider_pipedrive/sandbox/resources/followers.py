"""Followers of deals, persons, organizations, products and users, in both versions."""

from __future__ import annotations

from dataclasses import dataclass

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.records import find
from airflow_provider_pipedrive.sandbox.resources.registry import handles_each, keyed
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_response, offset_response, position_response


@dataclass(frozen=True, slots=True)
class _Followed:
    """What can be followed: what Pipedrive calls it, its table, and v1's name of its id."""

    thing: str
    table: str
    link: str


_KINDS = {
    "Deal": _Followed("Deal", "deals", "deal_id"),
    "Person": _Followed("Person", "persons", "person_id"),
    "Organization": _Followed("Organization", "organizations", "org_id"),
    "Product": _Followed("Product", "products", "product_id"),
}
_SEEN = {**_KINDS, "User": _Followed("User", "users", "user_id")}
"""What has followers to be seen; those of a user cannot be changed."""


def _key(world: World, request: Request, of: _Followed) -> object:
    return find(world.state, of.table, request.id, of.thing)["id"]


def _rows(world: World, request: Request, of: _Followed) -> list[Record]:
    rows = world.state["followers"].where("record_id", _key(world, request, of))
    return [row for row in rows if row["entity"] == of.table]


def _change(world: World, request: Request, row: Record, action: str) -> None:
    change = {
        "of": (row["entity"], row["record_id"]),
        "action": action,
        "actor_user_id": request.user_id,
        "follower_user_id": row["user_id"],
        "time": world.clock.stamp(),
    }
    world.state.insert("followerChanges", change, world.actor(request.user_id))


def _follow(world: World, request: Request, of: _Followed) -> Record:
    key = _key(world, request, of)
    user = rules.need(world.state, "users", request.body["user_id"], "user_id")
    row = {"entity": of.table, "record_id": key, "user_id": user["id"], "add_time": world.clock.stamp()}
    row = world.state.insert("followers", row, world.actor(request.user_id))
    _change(world, request, row, "added")
    return row


def _unfollow(world: World, request: Request, of: _Followed, named_by: str) -> Record:
    row = next((row for row in _rows(world, request, of) if row[named_by] == request.ids["follower_id"]), None)
    if row is None:
        raise refusals.not_found("Follower")
    world.state.remove("followers", row["id"], world.actor(request.user_id))
    _change(world, request, row, "removed")
    return row


def _following(world: World, request: Request, of: _Followed) -> Record | None:
    """The row of the user that the request names, who follows already."""
    return next((row for row in _rows(world, request, of) if row["user_id"] == request.body["user_id"]), None)


def _view(row: Record) -> Record:
    return {"user_id": row["user_id"], "add_time": row["add_time"]}


@handles_each(keyed("get{}Followers", _SEEN))
def get_followers(world: World, request: Request, of: _Followed) -> Response:
    """Who follows a record."""
    return cursor_response(request, _rows(world, request, of), _view)


@handles_each(keyed("get{}FollowersChangelog", _KINDS))
def get_changelog(world: World, request: Request, of: _Followed) -> Response:
    """Who began and ceased to follow a record, the newest first."""
    rows = world.state["followerChanges"].where("of", (of.table, _key(world, request, of)))[::-1]
    return position_response(request, [{k: v for k, v in row.items() if k not in ("id", "of")} for row in rows])


@handles_each(keyed("add{}Follower", _KINDS))
def add_follower(world: World, request: Request, of: _Followed) -> Response:
    """A new follower; one that follows already is refused."""
    if _following(world, request, of):
        raise refusals.refuse(400, "User is already following")
    return ok(_view(_follow(world, request, of)), 201)


@handles_each(keyed("delete{}Follower", _KINDS))
def delete_follower(world: World, request: Request, of: _Followed) -> Response:
    """A follower taken away, named by the user's id."""
    return ok({"user_id": _unfollow(world, request, of, "user_id")["user_id"]})


# v1 names a follower by the id of the following, not by the user's.


def _view_v1(of: _Followed, row: Record) -> Record:
    shown = {"user_id": row["user_id"], "id": row["id"], "add_time": to_v1(row["add_time"])}
    return {**shown, of.link: row["record_id"]}


@handles_each(keyed("get{}FollowersV1", _SEEN))
def get_followers_v1(world: World, request: Request, of: _Followed) -> Response:
    """Who follows a record; of a user the ids alone."""
    rows = _rows(world, request, of)
    if of.table == "users":
        return ok([row["user_id"] for row in rows] or None)
    return offset_response(request, rows, lambda row: _view_v1(of, row))


@handles_each(keyed("add{}FollowerV1", _KINDS))
def add_follower_v1(world: World, request: Request, of: _Followed) -> Response:
    """A new follower, or the one that follows already."""
    row = _following(world, request, of) or _follow(world, request, of)
    return ok(_view_v1(of, row), 201 if of.table == "products" else 200)


@handles_each(keyed("delete{}FollowerV1", _KINDS))
def delete_follower_v1(world: World, request: Request, of: _Followed) -> Response:
    """A follower taken away."""
    return ok({"id": _unfollow(world, request, of, "id")["id"]})
