"""From Pipedrive's envelopes to what a caller gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_pipedrive.catalog.model import Action


def data_of(action: Action, envelope: dict[str, Any]) -> Any:
    """The envelope's ``data``; a record without an envelope (permission sets) as it is.

    Pipedrive describes a permission set as that, and shows it as a list of one: either is the record.
    https://developers.pipedrive.com/docs/api/v1/openapi.yaml
    """
    if "data" in envelope or action.result == "nothing":
        data = envelope.get("data")
        return data[0] if isinstance(data, list) and len(data) == 1 and _reads_one(action) else data
    rest = {key: value for key, value in envelope.items() if key not in ("success", "additional_data")}
    return rest or None


def _reads_one(action: Action) -> bool:
    """Whether it reads the one record that its path names in the end."""
    return action.is_read and action.result == "record" and action.path.endswith("}")


def deleted(action: Action, given: Mapping[str, Any]) -> Any:
    """What a deletion that found nothing any more returns: like Pipedrive's answers, what is gone.

    That is named by the list of a body or query where there is one, else by the last part of the path.
    """
    if action.result == "nothing":
        return None
    if action.body_is_array:
        return given["body"]
    named = [parameter for parameter in action.parameters if parameter.name in given or parameter.also in given]
    last = next((one for one in named if one.name == "ids"), None) or next(
        one for one in reversed(named) if one.place == "path"
    )
    value = given.get(last.name, given.get(last.also or ""))
    as_named = {"field_code": "field_code"} | (
        {"ids": "ids", "follower_id": "user_id"} if action.version == "v2" else {}
    )
    return {as_named.get(last.name, "id"): value}


def joined(action: Action, pages: Iterable[tuple[dict[str, Any], list[Any]]]) -> Any:
    """All records of the pages as a list.

    Where Pipedrive says something next to the records (``related_items`` of a search), the whole ``data`` with its
    lists joined; where it answers one object instead of a list, that object.
    """
    records: list[Any] = []
    next_to_them: dict[str, list[Any]] = {}
    for page, fresh in pages:
        data = page.get("data")
        if isinstance(data, Mapping) and action.records_path is None:
            return data
        records += fresh
        if isinstance(data, Mapping):
            for name, value in data.items():
                if name != action.records_path and value:
                    next_to_them.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    return {action.records_path: records, **next_to_them} if next_to_them else records
