"""What an agent may call: actions of the catalog with the schema of their arguments, and three tools for everything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from airflow_provider_pipedrive.catalog import ACTIONS, get_action
from airflow_provider_pipedrive.catalog.model import Action, Parameter
from airflow_provider_pipedrive.client.fields import DEFINITIONS
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveParameterError

_PAGING: Final = frozenset(("cursor", "start", "limit"))
"""How far a list is read is the toolset's affair; ``limit`` is a number of records."""
_JSON_TYPES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "string": {"type": "string"},
        "integer": {"type": "integer"},
        "number": {"type": "number"},
        "boolean": {"type": "boolean"},
        "flag": {"type": "boolean"},
        "object": {"type": "object"},
        "array": {"type": "array"},
        "date": {"type": "string", "description": "A day: 2026-01-31."},
        "datetime": {"type": "string", "description": "A time with its zone: 2026-01-31T09:00:00Z."},
        "time": {"type": "string", "description": "A time of day: 09:30."},
        "any": {},
    }
)
_FILE: Final = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "text": {"type": "string"}},
    "required": ["name", "text"],
    "description": "A file to be made: its name, and its text.",
}
READS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "deals": "getDeal",
        "persons": "getPerson",
        "organizations": "getOrganization",
        "leads": "getLead",
        "activities": "getActivity",
        "notes": "getNote",
        "products": "getProduct",
    }
)
"""The action that reads one record, by entity."""
_SEARCHED: Final = ("deal", "person", "organization", "lead", "product")
_FIELDS: Final = {name: found.list_action for name, found in DEFINITIONS.items() if found.list_action}
_LIMIT: Final = {"type": "integer", "minimum": 1, "description": "Records to read."}


@dataclass(frozen=True)
class AgentTool:
    """One tool.

    :ivar action: the action that it does; of the general tools, None
    :ivar schema: JSON schema of its arguments
    """

    name: str
    description: str
    schema: Mapping[str, Any]
    action: Action | None = None

    @property
    def is_write(self) -> bool:
        """Whether it changes something in Pipedrive."""
        return self.action is not None and not self.action.is_read

    @property
    def is_destructive(self) -> bool:
        """Whether it removes something for good: no agent does that alone."""
        return self.action is not None and (self.action.method == "DELETE" or self.action.key.startswith("merge"))


def general_tools() -> list[AgentTool]:
    """Search, one record, and the fields that records have."""
    entity = {"type": "string", "enum": list(READS)}
    return [
        AgentTool(
            "search_crm",
            "Search deals, persons, organizations, leads and products for a text of at least two characters.",
            _object(
                {
                    "term": {"type": "string", "minLength": 2},
                    "item_types": {"type": "array", "items": {"type": "string", "enum": list(_SEARCHED)}},
                    "limit": _LIMIT,
                },
                ["term"],
            ),
        ),
        AgentTool(
            "get_record",
            "Read one record with all its fields.",
            _object({"entity": entity, "id": {"description": "Its id."}}, ["entity", "id"]),
        ),
        AgentTool(
            "list_fields",
            "List the fields that records of an entity have in this account, with the labels of their options.",
            _object({"entity": {"type": "string", "enum": sorted(_FIELDS)}, "limit": _LIMIT}, ["entity"]),
        ),
    ]


def action_tools(keys: Sequence[str]) -> list[AgentTool]:
    """Actions of the catalog as tools.

    :raises PipedriveParameterError: an action is not there, or is not for agents
    """
    return [_tool_of(key) for key in dict.fromkeys(keys)]


def _tool_of(key: str) -> AgentTool:
    action = get_action(key)
    if action.lifecycle == "removed":
        raise PipedriveParameterError(f"actions: {action.removed_message()}")
    if action.adapter == "any_request":
        raise PipedriveParameterError(f"actions: {key} sends any request, which is not for agents. Name the actions.")
    if action.result == "binary":
        raise PipedriveParameterError(
            f"actions: {key} downloads a file, which a model cannot read. Download it in a task of its own."
        )
    text = f"{action.summary}. {action.token_cost} API tokens a request."
    return AgentTool(action.key, text, schema_of(action), action)


def schema_of(action: Action) -> dict[str, Any]:
    """The JSON schema of an action's arguments, without paging."""
    given = [parameter for parameter in action.parameters if parameter.name not in _PAGING]
    properties = {parameter.name: _schema(parameter) for parameter in given}
    if action.custom_fields:
        properties["custom_fields"] = {"type": "object", "description": "Values by the field's name, options by label."}
    if action.result == "records" and action.is_read:
        properties["limit"] = dict(_LIMIT)
    required = [parameter.name for parameter in given if parameter.required]
    return _object(properties, required)


def _object(properties: Mapping[str, Any], required: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }


def _schema(parameter: Parameter) -> dict[str, Any]:
    if parameter.type == "file":
        return dict(_FILE)
    found = dict(_JSON_TYPES[parameter.type])
    if parameter.type == "array":
        found["items"] = _enumerated(dict(_JSON_TYPES[parameter.items or "any"]), parameter)
        if parameter.parts:
            found["items"] = _parts(parameter)
    elif parameter.parts:
        found = _parts(parameter)
    else:
        found = _enumerated(found, parameter)
    if parameter.maximum is not None:
        found["maximum"] = parameter.maximum
    return {"anyOf": [found, {"type": "null"}]} if parameter.nullable else found


def _enumerated(found: dict[str, Any], parameter: Parameter) -> dict[str, Any]:
    return {**found, "enum": list(parameter.enum)} if parameter.enum else found


def _parts(parameter: Parameter) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {part.name: _schema(part) for part in parameter.parts},
        "required": [part.name for part in parameter.parts if part.required],
    }


def request_of(tool: AgentTool, arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The action that a call comes to, and its parameters without ``limit``.

    :raises PipedriveParameterError: the arguments name something that is not there
    """
    limit = arguments.get("limit")
    if limit is not None:
        check_count(f"{tool.name}: limit", limit)
    given = {name: value for name, value in arguments.items() if name != "limit" and value is not None}
    if tool.action is not None:
        return tool.action.key, {name: _file_of(tool.action, name, value) for name, value in given.items()}
    if tool.name == "search_crm":
        return "searchItem", given
    wanted = READS if tool.name == "get_record" else _FIELDS
    entity = given.pop("entity", None)
    if entity not in wanted:
        raise PipedriveParameterError(f"entity must be one of {', '.join(wanted)}, not {entity!r}.")
    return str(wanted[entity]), given


def _file_of(action: Action, name: str, value: Any) -> Any:
    """A file is made of what the model has written: it never names one of the worker's."""
    parameter = action.by_name.get(name)
    if parameter is None or parameter.type != "file":
        return value
    if not isinstance(value, Mapping) or not all(isinstance(value.get(part), str) for part in ("name", "text")):
        raise PipedriveParameterError(f"{action.key}: {name} must be an object with name and text, not {value!r:.80}.")
    return value["name"].rpartition("/")[2] or "file.txt", value["text"].encode()


def is_list(action: str) -> bool:
    """Whether an action answers records one after the other."""
    found = ACTIONS[action]
    return found.result == "records" and found.is_read
