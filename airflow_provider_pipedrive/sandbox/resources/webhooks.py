"""Webhooks: create, list, delete (v1)."""

from __future__ import annotations

from urllib.parse import urlsplit

from airflow_provider_pipedrive.sandbox.control.deliveries import is_loopback
from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_millis
from airflow_provider_pipedrive.sandbox.state.store import Record

MOST = 40


def _view(record: Record) -> Record:
    return {**record, "add_time": to_millis(record["add_time"])}


@handles("getWebhooks")
def get_webhooks(world: World, request: Request) -> Response:
    """The caller's webhooks. An app sees its own only."""
    kind = "application" if request.credential.startswith("oauth:") else "general"
    return ok([_view(row) for row in world.state["webhooks"] if row["type"] == kind])


@handles("addWebhook")
def add_webhook(world: World, request: Request) -> Response:
    """A new webhook. Public https addresses are taken but never called; loopback ones are called, by http too."""
    body = request.body
    url = urlsplit(body["subscription_url"])
    known = url.scheme == "https" or (url.scheme == "http" and is_loopback(body["subscription_url"]))
    if not known or not url.hostname or url.hostname.endswith("pipedrive.com"):
        raise refusals.webhook(400, {"subscription_url": ["is an invalid or non-reachable URL"]})
    if len(body["name"]) > 255:
        raise refusals.webhook(400, {"name": ["is too long"]})
    user_id = body.get("user_id") or request.user_id
    rules.need(world.state, "users", user_id, "user_id")
    if len(world.state["webhooks"].where("owner_id", request.user_id)) >= MOST:
        raise refusals.webhook(422, {"webhooks": [f"the limit of {MOST} webhooks is reached"]})
    record = {
        "company_id": world.state.company_id,
        "owner_id": request.user_id,
        "user_id": user_id,
        "admin_id": request.user_id,
        "name": body["name"],
        "event_action": body["event_action"],
        "event_object": body["event_object"],
        "subscription_url": body["subscription_url"],
        "version": str(body.get("version") or "2.0"),
        "is_active": 1,
        "add_time": world.clock.stamp(),
        "remove_time": None,
        "type": "application" if request.credential.startswith("oauth:") else "general",
        "http_auth_user": body.get("http_auth_user"),
        "http_auth_password": body.get("http_auth_password"),
        "remove_reason": None,
        "last_delivery_time": None,
        "last_http_status": None,
    }
    return ok(_view(world.state.insert("webhooks", record, world.actor(request.user_id))), 201)


@handles("deleteWebhook")
def delete_webhook(world: World, request: Request) -> Response:
    """A webhook taken away."""
    if world.state.get("webhooks", request.id) is None:
        raise refusals.webhook(404, {"id": ["not found"]})
    world.state["webhooks"].remove(request.id)
    return Response({"success": True, "status": "ok"})
