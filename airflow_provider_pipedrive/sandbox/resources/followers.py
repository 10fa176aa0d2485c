"""Followers of deals, persons, organizations, products and users, in both versions."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.records import find
from airflow_provider_pipedrive.sandbox.resources.registry import HANDLERS, Handler
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_answer, offset_answer, position_answer

_KINDS = {
    "Deal": ("deals", "deal_id"),
    "Person": ("persons", "person_id"),
    "Organization": ("organizations", "org_id"),
    "Product": ("products", "product_id"),
    "User": ("users", "user_id"),
}


def _rows(box: Box, table: str, key: object) -> list[Record]:
    return [row for row in box.state["followers"].where("record_id", key) if row["entity"] == table]


def _change(box: Box, call: Call, row: Record, action: str) -> None:
    change = {
        "of": (row["entity"], row["record_id"]),
        "action": action,
        "actor_user_id": call.user_id,
        "follower_user_id": row["user_id"],
        "time": box.clock.stamp(),
    }
    box.state.insert("followerChanges", change, box.actor(call.user_id))


def _follow(box: Box, call: Call, table: str, key: object) -> Record:
    user = rules.need(box.state, "users", call.body["user_id"], "user_id")
    row = {"entity": table, "record_id": key, "user_id": user["id"], "add_time": box.clock.stamp()}
    row = box.state.insert("followers", row, box.actor(call.user_id))
    _change(box, call, row, "added")
    return row


def _unfollow(box: Box, call: Call, row: Record) -> None:
    box.state.remove("followers", row["id"], box.actor(call.user_id))
    _change(box, call, row, "removed")


def _register(kind: str, table: str, link: str) -> None:
    def owner(box: Box, call: Call) -> Record:
        return find(box.state, table, call.id, kind)

    def view_v1(row: Record) -> Record:
        shown = {"user_id": row["user_id"], "id": row["id"], "add_time": to_v1(row["add_time"])}
        return {**shown, link: row["record_id"]}

    def listing(box: Box, call: Call) -> Answer:
        rows = _rows(box, table, owner(box, call)["id"])
        return cursor_answer(call, rows, lambda row: {"user_id": row["user_id"], "add_time": row["add_time"]})

    def changelog(box: Box, call: Call) -> Answer:
        rows = box.state["followerChanges"].where("of", (table, owner(box, call)["id"]))[::-1]
        return position_answer(call, [{k: v for k, v in row.items() if k not in ("id", "of")} for row in rows])

    def adding(box: Box, call: Call) -> Answer:
        key = owner(box, call)["id"]
        if any(row["user_id"] == call.body["user_id"] for row in _rows(box, table, key)):
            raise refusals.refuse(400, "User is already following")
        row = _follow(box, call, table, key)
        return ok({"user_id": row["user_id"], "add_time": row["add_time"]}, 201)

    def deleting(box: Box, call: Call) -> Answer:
        rows = _rows(box, table, owner(box, call)["id"])
        row = next((row for row in rows if row["user_id"] == call.ids["follower_id"]), None)
        if row is None:
            raise refusals.not_found("Follower")
        _unfollow(box, call, row)
        return ok({"user_id": row["user_id"]})

    def listing_v1(box: Box, call: Call) -> Answer:
        rows = _rows(box, table, owner(box, call)["id"])
        if kind == "User":
            return ok([row["user_id"] for row in rows] or None)
        return offset_answer(call, rows, view_v1)

    def adding_v1(box: Box, call: Call) -> Answer:
        key = owner(box, call)["id"]
        known = next((row for row in _rows(box, table, key) if row["user_id"] == call.body["user_id"]), None)
        row = known or _follow(box, call, table, key)
        return ok(view_v1(row), 201 if kind == "Product" else 200)

    def deleting_v1(box: Box, call: Call) -> Answer:
        rows = _rows(box, table, owner(box, call)["id"])
        row = next((row for row in rows if row["id"] == call.ids["follower_id"]), None)
        if row is None:
            raise refusals.not_found("Follower")
        _unfollow(box, call, row)
        return ok({"id": row["id"]})

    handlers: dict[str, Handler] = {f"get{kind}Followers": listing, f"get{kind}FollowersV1": listing_v1}
    if kind != "User":
        handlers |= {
            f"get{kind}FollowersChangelog": changelog,
            f"add{kind}Follower": adding,
            f"delete{kind}Follower": deleting,
            f"add{kind}FollowerV1": adding_v1,
            f"delete{kind}FollowerV1": deleting_v1,
        }
    HANDLERS.update(handlers)


for _kind, (_table, _link) in _KINDS.items():
    _register(_kind, _table, _link)
