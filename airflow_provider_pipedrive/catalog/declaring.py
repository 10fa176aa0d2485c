"""How the files of the resources declare an action: what follows from something else is not said again."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_pipedrive.catalog.model import Action, Paging, Parameter, Result, query
from airflow_provider_pipedrive.catalog.model import path as placeholder

_SPECIFICATIONS = {
    "v1": "https://developers.pipedrive.com/docs/api/v1/openapi.yaml",
    "v2": "https://developers.pipedrive.com/docs/api/v1/openapi-v2.yaml",
}
_SHAPING = ("include_fields", "custom_fields", "include_option_labels", "include_labels", "limit", "cursor")


@dataclass(frozen=True, slots=True)
class Route:
    """Where an action's request goes, what it needs and what it costs: see :class:`Action`."""

    method: str
    path: str
    scopes: tuple[str, ...]
    tokens: int


def get(path: str, scopes: tuple[str, ...], tokens: int) -> Route:
    """A GET of this path."""
    return Route("GET", path, scopes, tokens)


def post(path: str, scopes: tuple[str, ...], tokens: int) -> Route:
    """A POST to this path."""
    return Route("POST", path, scopes, tokens)


def put(path: str, scopes: tuple[str, ...], tokens: int) -> Route:
    """A PUT to this path."""
    return Route("PUT", path, scopes, tokens)


def patch(path: str, scopes: tuple[str, ...], tokens: int) -> Route:
    """A PATCH of this path."""
    return Route("PATCH", path, scopes, tokens)


def delete(path: str, scopes: tuple[str, ...], tokens: int) -> Route:
    """A DELETE of this path."""
    return Route("DELETE", path, scopes, tokens)


def action(
    key: str, summary: str, route: Route, *parameters: Parameter, result: Result = "record", **more: Any
) -> Action:
    """An action, completed with what follows from the rest of its declaration.

    - A placeholder of the path is an integer unless ``parameters`` say otherwise.
    - A list that is paged takes the parameters of its paging.
    - What is not a POST is idempotent, unless ``idempotent`` says otherwise, as of a merge.
    - A field that may be named by its numeric id in v1 has its field code looked up.
    - A body that is an array is the parameter ``body``; custom fields are nested where the body has ``custom_fields``.
    - What is deprecated is called so in Pipedrive's specification.

    :param more: other attributes of :class:`Action`
    """
    by_name = {parameter.name: parameter for parameter in parameters}
    names = re.findall(r"\{([^}]+)\}", route.path)
    in_path = [by_name.pop(name) if name in by_name else placeholder(name) for name in names]
    spellings = {(parameter.name, parameter.also) for parameter in in_path}
    paging: Paging | None = more.get("paging")
    bodies = {(parameter.name, parameter.type) for parameter in parameters if parameter.place == "body"}
    derived: dict[str, Any] = {
        "idempotent": route.method in ("GET", "PUT", "PATCH", "DELETE"),
        "body_is_array": ("body", "array") in bodies,
        "adapter": "numeric_field_id" if ("field_code", "id") in spellings else None,
        "custom_fields": "nested" if ("custom_fields", "object") in bodies else None,
    }
    if more.get("lifecycle") == "deprecated":
        derived["source"] = _SPECIFICATIONS["v2" if route.path.startswith("/api/v2/") else "v1"]
    return Action(
        key=key,
        summary=summary,
        method=route.method,
        path=route.path,
        scopes=route.scopes,
        token_cost=route.tokens,
        result=result,
        parameters=(*in_path, *by_name.values(), *(paging.parameters if paging else ())),
        **(derived | more),
    )


def alias(of: Action, key: str, summary: str, *, by: str | None = None, **changes: Any) -> Action:
    """Another key for what an action does.

    :param by: the parameter that this key cannot do without; it may be called ``id``, too
    :param changes: attributes of :class:`Action` that differ from those of ``of``
    """
    same = tuple(replace(each, required=True, also="id") if each.name == by else each for each in of.parameters)
    return replace(of, key=key, summary=summary, alias_of=of.key, **({"parameters": same} | changes))


def select(of: Action, key: str, summary: str) -> Action:
    """Another key for a list, which offers its records as options: to be narrowed down and sorted, not shaped."""
    narrowing = tuple(each for each in of.parameters if each.name not in _SHAPING)
    return alias(of, key, summary, result="options", parameters=(query("term", "string"), *narrowing))
