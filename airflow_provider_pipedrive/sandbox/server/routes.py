"""From a method and a path to an action of the catalog."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.sandbox.server.old_reads import OLD_READS

OUT_OF_SUPPORT: dict[str, str] = {
    "/v1/activities": "GET POST DELETE",
    "/v1/activities/collection": "GET",
    "/v1/activities/{id}": "GET PUT DELETE",
    "/v1/activityTypes": "DELETE",
    "/v1/deals": "GET POST DELETE",
    "/v1/deals/collection": "GET",
    "/v1/deals/search": "GET",
    "/v1/deals/{id}": "GET PUT DELETE",
    "/v1/deals/{id}/activities": "GET",
    "/v1/deals/{id}/persons": "GET",
    "/v1/deals/{id}/products": "GET POST",
    "/v1/deals/{id}/products/{product_attachment_id}": "PUT DELETE",
    "/v1/itemSearch": "GET",
    "/v1/itemSearch/field": "GET",
    "/v1/organizations": "GET POST DELETE",
    "/v1/organizations/collection": "GET",
    "/v1/organizations/search": "GET",
    "/v1/organizations/{id}": "GET PUT DELETE",
    "/v1/organizations/{id}/activities": "GET",
    "/v1/organizations/{id}/deals": "GET",
    "/v1/organizations/{id}/persons": "GET",
    "/v1/persons": "GET POST DELETE",
    "/v1/persons/collection": "GET",
    "/v1/persons/search": "GET",
    "/v1/persons/{id}": "GET PUT DELETE",
    "/v1/persons/{id}/activities": "GET",
    "/v1/persons/{id}/deals": "GET",
    "/v1/pipelines": "GET POST",
    "/v1/pipelines/{id}": "GET PUT DELETE",
    "/v1/products": "GET POST",
    "/v1/products/search": "GET",
    "/v1/products/{id}": "GET PUT DELETE",
    "/v1/stages": "GET POST DELETE",
    "/v1/stages/{id}": "GET PUT DELETE",
}
"""v1 operations that Pipedrive has taken out of support on 2026-08-01. The sandbox answers them with 410, so that
nothing is built on them; a setting lets reads be answered all the same.

https://developers.pipedrive.com/changelog/post/deprecated-apiv1-endpoints-become-out-of-support
"""


_WHY = "This v1 operation is out of support since 2026-08-01. Use API v2."


@dataclass(frozen=True, slots=True)
class Gone:
    """An operation that no longer exists, and why; ``still`` is what answers where the settings want it."""

    why: str
    still: Action | None = None


Target = Action | Gone


@dataclass(frozen=True, slots=True)
class Match:
    """Where a request leads: the target of its method (None: the path has it not), the path's values, the methods."""

    target: Target | None
    values: dict[str, str]
    methods: list[str]


class _Node:
    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.open: _Node | None = None
        self.targets: dict[str, tuple[Target, list[str]]] = {}

    def grow(self, path: str, method: str, target: Target) -> None:
        node, names = self, []
        for part in path.strip("/").split("/"):
            if part.startswith("{"):
                names.append(part[1:-1])
                node.open = node = node.open or _Node()
            else:
                node = node.fixed.setdefault(part, _Node())
        node.targets.setdefault(method, (target, names))

    def find(self, parts: list[str], values: list[str]) -> tuple[_Node, list[str]] | None:
        if not parts:
            return (self, values) if self.targets else None
        head, rest = parts[0], parts[1:]
        if head in self.fixed and (found := self.fixed[head].find(rest, values)):
            return found
        return self.open.find(rest, [*values, head]) if self.open and head else None


def operations() -> list[Action]:
    """The catalog's own operations: no aliases, no raw request, and not those that Pipedrive has removed."""
    return [a for a in ACTIONS.values() if not a.alias_of and a.lifecycle != "removed" and a.path.startswith("/")]


@cache
def _tree() -> _Node:
    tree = _Node()
    for action in operations():
        tree.grow(action.path, action.method, action)
    for action in ACTIONS.values():
        if action.lifecycle == "removed":
            tree.grow(action.path, action.method, Gone(action.removed_message()))
    for path, methods in OUT_OF_SUPPORT.items():
        for method in methods.split():
            still = OLD_READS.get(path) if method == "GET" else None
            tree.grow(path, method, Gone(_WHY, still))
    return tree


def match(method: str, path: str) -> Match | None:
    """The operation behind a path, or None where no operation has the path. ``/api/v1`` is ``/v1``."""
    if path.startswith("/api/v1/"):
        path = path[4:]
    found = _tree().find(path.strip("/").split("/"), [])
    if found is None:
        return None
    node, values = found
    target, names = node.targets.get(method, (None, []))
    matched: dict[str, Any] = dict(zip(names, values, strict=False))
    return Match(target, matched, list(node.targets))
