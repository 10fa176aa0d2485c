"""From a flat dict of parameters to a request, everything checked before anything is sent. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote, urlencode

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import nearest, same_words
from airflow_provider_pipedrive.catalog.model import Action, Parameter, TimeFormat
from airflow_provider_pipedrive.client.named_references import without_names
from airflow_provider_pipedrive.client.values import InvalidValue, convert, plain
from airflow_provider_pipedrive.errors import PipedriveParameterError

# 40 hexadecimal digits, with a companion's suffix in v1 (facts of the Custom fields page).
# https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
_CUSTOM_FIELD = re.compile(r"[0-9a-f]{40}(_[a-z0-9_]+)?")
_ARGUMENTS = ("max_records", "readable", "pipedrive_conn_id")
"""Arguments of operators and of the hook, which have no place among Pipedrive's parameters."""
NOTHING: Any = object()
"""Stands for "no body", where ``None`` would be JSON's null."""


@dataclass(frozen=True)
class Request:
    """What goes over the wire, apart from host and credential.

    ``query`` is a list of pairs; ``json`` the JSON body or :data:`NOTHING`; ``form`` the fields of a form body or
    ``None``; ``file`` the name and content of a multipart body's file.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    json: Any = NOTHING
    form: tuple[tuple[str, str], ...] | None = None
    file: tuple[str, Any] | None = field(default=None, repr=False)

    def target(self, **paging: str | int | None) -> str:
        """Path and query, with the paging parameters of one page put in."""
        given = {name: str(value) for name, value in paging.items() if value is not None}
        pairs = [pair for pair in self.query if pair[0] not in given] + list(given.items())
        return self.path + (f"?{urlencode(pairs)}" if pairs else "")


def as_dict(action: str, parameters: Any) -> dict[str, Any]:
    """A copy of the parameters that a caller gave.

    :raises PipedriveParameterError: they are no dict
    """
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping):
        raise PipedriveParameterError(
            f"{action}: parameters must be a dict, not {type(parameters).__name__}.", action=str(action)
        )
    return dict(parameters)


def check(
    action: Action, parameters: Mapping[str, Any], resolved_later: Callable[[Any], bool] = lambda value: False
) -> None:
    """Find what is wrong with ``parameters`` without making a request of them.

    :param resolved_later: tells which values cannot be judged yet (templates, results of other tasks)
    :raises PipedriveParameterError: naming every fault found
    """
    if action.custom_fields == "flat" and isinstance(parameters.get("custom_fields"), Mapping):
        # What names fields there is put next to the other parameters once their keys are known.
        parameters = {name: value for name, value in parameters.items() if name != "custom_fields"}
    _bound(action, without_names(action, parameters), resolved_later)


def bind(action: Action, parameters: Mapping[str, Any]) -> Request:
    """The request that ``parameters`` make of ``action``.

    :raises PipedriveParameterError: naming every fault found
    """
    values = _bound(action, parameters, lambda value: False)
    if action.adapter == "one_person_field":
        action, values = _person_patch(action, values)
    in_place: dict[str, dict[str, Any]] = {place: {} for place in ("path", "query", "body", "form", "file")}
    for name, value in values.items():
        # What the action does not declare and was let through is a flat custom field.
        in_place[action.by_name[name].place if name in action.by_name else "body"][name] = value
    return Request(
        method=action.method,
        path=_path(action, in_place["path"]),
        query=tuple(_query(action, in_place["query"])),
        json=_json(action, in_place["body"]),
        form=_form(action, in_place["form"]),
        file=next(iter(in_place["file"].items()), None),
    )


def _bound(action: Action, given: Mapping[str, Any], resolved_later: Callable[[Any], bool]) -> dict[str, Any]:
    """The converted values by Pipedrive's own names, all faults collected into one error."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    named: dict[str, str] = {}
    for spelling, value in given.items():
        parameter = action.by_name.get(spelling)
        if parameter is None:
            if _is_flat_custom_field(action, spelling):
                _take_flat(action, spelling, value, resolved_later, values, faults)
            else:
                faults.append(_unknown(action, spelling, value))
        elif parameter.name in named and not resolved_later(value):
            faults.append(f"{spelling} and {named[parameter.name]} mean the same: give one of them")
        else:
            named[parameter.name] = spelling
            _take(action, parameter, spelling, value, resolved_later, values, faults)
    faults += _missing(action, named, given)
    faults += _contradictions(action, {name: named[name] for name in values if name in named})
    if faults:
        raise PipedriveParameterError(f"{action.key}: {'; '.join(faults)}.", action=action.key)
    return values


def _take(
    action: Action,
    parameter: Parameter,
    spelling: str,
    value: Any,
    resolved_later: Callable[[Any], bool],
    values: dict[str, Any],
    faults: list[str],
) -> None:
    """Convert one value into ``values``, or say in ``faults`` why not."""
    partly_open = parameter.parts and isinstance(value, Mapping | list | tuple)
    if (resolved_later(value) and not partly_open) or parameter.type == "file":
        if value is None:
            faults.append(f"{spelling} must be a file: a path, bytes or a file object")
        else:
            values[parameter.name] = value
        return
    if value is None:
        if parameter.place == "path" or (parameter.required and not parameter.nullable):
            faults.append(f"{spelling} must not be null")
        elif parameter.place == "query" and parameter.items == "integer":
            # Unlike other conditions, which null leaves out, these name the records that are wanted.
            faults.append(f"{spelling} must not be null, which names no record: leave it out to read all of them")
        elif parameter.place == "body":  # null clears a field
            values[parameter.name] = None
        return
    try:
        converted = convert(parameter, value, _time_format(action, parameter), resolved_later)
        _refuse_bounds(parameter, converted)
    except InvalidValue as invalid:
        faults.append(invalid.about(spelling))
        return
    if parameter.name == "custom_fields" and parameter.place == "body":
        _take_custom_fields(converted, values, faults)
    else:
        values[parameter.name] = converted


def _take_flat(
    action: Action,
    name: str,
    value: Any,
    resolved_later: Callable[[Any], bool],
    values: dict[str, Any],
    faults: list[str],
) -> None:
    try:
        values[name] = value if resolved_later(value) else plain(value, action.version)
    except InvalidValue as invalid:
        faults.append(invalid.about(name))


def _take_custom_fields(converted: dict[str, Any], values: dict[str, Any], faults: list[str]) -> None:
    empty = [key for key, value in converted.items() if value == []]
    if empty:
        # https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide
        faults.append(f"custom_fields {', '.join(empty)}: an empty list is refused, null clears a field")
    elif converted:  # an empty object says nothing, and was seen to clear fields: it is not sent
        values["custom_fields"] = converted


def _refuse_bounds(parameter: Parameter, value: Any) -> None:
    if parameter.maximum is not None and not 1 <= value <= parameter.maximum:
        raise InvalidValue(f"from 1 to {parameter.maximum}, not {value}")
    if isinstance(value, int) and value < 0 and (parameter.place == "path" or parameter.name == "start"):
        raise InvalidValue(f"0 or more, not {value}")
    if parameter.place == "path" and (str(value).strip() == "" or str(value) in (".", "..")):
        raise InvalidValue(f"an id, not {value!r}")
    if parameter.place in ("path", "query", "form") and isinstance(value, str) and "\x00" in value:
        raise InvalidValue("text without zero bytes")


def _time_format(action: Action, parameter: Parameter) -> TimeFormat:
    return parameter.time_format or action.version


def _is_flat_custom_field(action: Action, name: Any) -> bool:
    return action.custom_fields == "flat" and bool(_CUSTOM_FIELD.fullmatch(str(name)))


def _unknown(action: Action, name: Any, value: Any) -> str:
    """What is wrong with a name that the action does not have, and the one that it may stand for."""
    if action.custom_fields == "nested" and _CUSTOM_FIELD.fullmatch(str(name)):
        return f"{name} is a custom field: put it into custom_fields={{{str(name)[:6]!r}...: ...}}"
    if action.custom_fields == "flat" and name == "custom_fields":
        return "custom fields of leads are given next to the other parameters, not in custom_fields"
    here = f"there is no parameter {name!r}"
    if name in _ARGUMENTS:
        return f"{here} (it is an argument of its own: give it next to parameters)"
    near = _own_id(action, name) or next(iter(nearest(name, action.by_name)), None)
    is_named = isinstance(name, str) and action.custom_fields
    custom = f"custom_fields={{{name!r}: {_briefly(value)}}}" if is_named else ""
    if near and not (custom and _reads_like_a_label(name)):
        return f"{here} (did you mean {near}?)"
    if custom:
        also = f" or {near}" if near else f"; the parameters are {_listed(action)}"
        return f"{here} (a custom field is given as {custom}{also})"
    return f"{here} (it takes: {_listed(action)})"


def _own_id(action: Action, name: Any) -> str | None:
    """``id``, where ``deal_id`` was given for ``/deals/{id}``; a follower's is the user's in v2."""
    if action.version == "v2" and "follower_id" in action.by_name and same_words(name, "user_id"):
        return "follower_id"
    found = re.search(r"/([^/]+)/\{(\w+)\}", action.path)
    return found[2] if found and same_words(name, f"{found[1]}_id") else None


def _reads_like_a_label(name: Any) -> bool:
    """Whether people write a field's name so, as no parameter of Pipedrive's is called."""
    return bool(re.search(r"[^\w]", str(name))) or str(name)[:1].isupper()


def _listed(action: Action) -> str:
    return ", ".join(sorted(action.by_name)) or "none"


def _briefly(value: Any) -> str:
    return repr(value) if isinstance(value, int | float | str) and len(repr(value)) <= 30 else "..."


def _missing(action: Action, named: Mapping[str, str], given: Mapping[str, Any]) -> list[str]:
    required = [parameter.name for parameter in action.parameters if parameter.required]
    missing = [name for name in required if name not in named]
    faults = [f"{' and '.join(missing)} must be given"] if missing else []
    if action.one_of and not any(given.get(name) is not None for name in action.one_of):
        faults.append(f"one of {', '.join(action.one_of)} must be given")
    return faults


def _contradictions(action: Action, named: Mapping[str, str]) -> list[str]:
    ignored = [named[name] for name in action.filter_overrides if name in named] if "filter_id" in named else []
    if not ignored:
        return []
    return [f"filter_id makes Pipedrive ignore {', '.join(ignored)}: put the conditions into the filter, or drop it"]


def _person_patch(action: Action, values: Mapping[str, Any]) -> tuple[Action, dict[str, Any]]:
    """One field as the update of a person: a person's own columns at the root, custom fields below."""
    update = replace(ACTIONS[str(action.alias_of)], key=action.key)
    code, value = values["field_code"], values["value"]
    patch = {code: value} if code in update.by_name else {"custom_fields": {code: value}}
    return update, _bound(update, patch | {"id": values["id"]}, lambda value: False)


def _path(action: Action, values: Mapping[str, Any]) -> str:
    return re.sub(r"\{([^}]+)\}", lambda match: quote(str(values[match[1]]), safe=""), action.path)


def _query(action: Action, values: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        repeated = action.by_name[name].repeated and isinstance(value, list)
        pairs += [(name, query_text(item)) for item in (value if repeated else [value])]
    return pairs


def query_text(value: Any) -> str:
    """A value as it is in a query: lists comma separated, booleans as Pipedrive writes them."""
    if isinstance(value, list):
        return ",".join(map(query_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(action: Action, values: Mapping[str, Any]) -> Any:
    if action.body_is_array:
        return values["body"]
    if values:
        return dict(values)
    takes_a_body = any(parameter.place == "body" for parameter in action.parameters)
    return {} if takes_a_body and action.method != "DELETE" else NOTHING


def _form(action: Action, values: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    if not any(parameter.place in ("form", "file") for parameter in action.parameters):
        return None
    return tuple((name, str(int(value)) if isinstance(value, bool) else str(value)) for name, value in values.items())
