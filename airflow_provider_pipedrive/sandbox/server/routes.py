"""From a method and a path to an action of the catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import count

from starlette.routing import compile_path

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


_PARAMETER = re.compile(r"\{([^}]+)\}")
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


@dataclass(frozen=True, slots=True)
class _Route:
    """A path with what answers each of its methods, and how that method calls the path's parameters."""

    pattern: re.Pattern[str]
    targets: dict[str, tuple[Target, list[str]]] = field(default_factory=dict)


def operations() -> list[Action]:
    """The catalog's own operations: no aliases, no raw request, and not those that Pipedrive has removed."""
    return [a for a in ACTIONS.values() if not a.alias_of and a.lifecycle != "removed" and a.path.startswith("/")]


def _targets() -> Iterator[tuple[str, str, Target]]:
    """Each path and method with what answers it; the first one counts."""
    for action in operations():
        yield action.path, action.method, action
    for action in ACTIONS.values():
        if action.lifecycle == "removed":
            yield action.path, action.method, Gone(action.removed_message())
    for path, methods in OUT_OF_SUPPORT.items():
        for method in methods.split():
            yield path, method, Gone(_WHY, OLD_READS.get(path) if method == "GET" else None)


def _group(path: str) -> tuple[str, int]:
    """The version and resource of a path, and its number of parts: few routes have the same."""
    parts = path.removeprefix("/api").strip("/").split("/")
    return "/".join(parts[:2]), len(parts)


@cache
def _routes() -> dict[tuple[str, int], list[_Route]]:
    """The routes by group, fixed parts before open ones.

    Starlette's own router tries one route after the other, which takes longer than the rest of a request.
    """
    routes: dict[str, _Route] = {}
    for path, method, target in _targets():
        numbers = count()
        shape = _PARAMETER.sub(lambda _: f"{{p{next(numbers)}}}", path)  # noqa: B023 - used at once
        if shape not in routes:
            routes[shape] = _Route(compile_path(shape)[0])
        routes[shape].targets.setdefault(method, (target, _PARAMETER.findall(path)))
    groups: dict[tuple[str, int], list[_Route]] = {}
    for shape in sorted(routes, key=lambda shape: [part.startswith("{") for part in shape.split("/")]):
        groups.setdefault(_group(shape), []).append(routes[shape])
    return groups


def match(method: str, path: str) -> Match | None:
    """The operation behind a path, or None where no operation has the path. ``/api/v1`` is ``/v1``."""
    if path.startswith("/api/v1/"):
        path = path[4:]
    path = path.rstrip("/")
    for route in _routes().get(_group(path), ()):
        if found := route.pattern.match(path):
            target, names = route.targets.get(method, (None, []))
            return Match(target, dict(zip(names, found.groups(), strict=False)), list(route.targets))
    return None
