"""A webhook's delivery as a change. Pure.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import (
    CREATED,
    DELETED,
    Change,
    kinds_of_edit,
    make_change,
    values_of,
)
from airflow_provider_pipedrive.events.waits.times import moment
from airflow_provider_pipedrive.events.webhooks import parse_webhook

ENTITY_OF: Final[Mapping[str, str]] = {
    "activity": "activities",
    "deal": "deals",
    "lead": "leads",
    "note": "notes",
    "organization": "organizations",
    "person": "persons",
    "pipeline": "pipelines",
    "product": "products",
    "stage": "stages",
    "user": "users",
    "project": "projects",
    "task": "tasks",
    "board": "boards",
    "phase": "phases",
    "deal_product": "deal_products",
    "deal_installment": "installments",
}
"""The entity, as this package calls it, by what webhooks call it.
https://pipedrive.readme.io/docs/list-of-webhooks-v2"""
LONGEST_VALUE: Final = 1000
"""Characters of JSON. A longer value, such as a note's content, does not travel: the record has it."""


class OldPayloadError(PipedriveParameterError):
    """The payload is of version 1, which tells too little: no id of the event, no time below a second."""


def change_of(payload: Mapping[str, Any]) -> Change | None:
    """What a delivery tells of; ``None`` where it is about something that this package has no name for.

    The values are those of a polled change and, beside them, of the fields that have changed; custom fields stand under
    their keys and look as the API's version 2 shows them. A deletion by a merge says ``merged_to_id``, the edit of the
    survivor ``merged_from_id``.

    :raises OldPayloadError: it is of version 1
    :raises PipedriveParameterError: it is no delivery of Pipedrive's
    """
    event = parse_webhook(payload)
    if event.version == "v1":
        raise OldPayloadError(
            "This webhook sends payloads of version 1. Only version 2.0 is taken: remove the webhook and let "
            "`airflow pipedrive webhooks ensure` make it anew."
        )
    entity = ENTITY_OF.get(event.entity)
    if entity is None:
        return None
    meta = payload["meta"]
    after, before = (_flat(payload.get(name)) for name in ("data", "previous"))
    gone = event.action == "delete"
    record = before if gone else after
    changed = before if event.action == "change" else {}
    values = values_of(entity, record, changed)
    values |= {name: meta[name] for name in ("merged_to_id", "merged_from_id") if meta.get(name) is not None}
    told = moment(meta.get("timestamp"))
    edited = moment(record.get("update_time")) or moment(record.get("add_time"))
    return make_change(
        entity,
        _id(event.id),
        _kinds(event.action, changed),
        (told or edited) if gone else (edited or told),
        _short(values),
        previous=_short(changed),
        source="webhook",
        occurrence=str(meta.get("id") or ""),
        received=told.isoformat(timespec="milliseconds").replace("+00:00", "Z") if told else None,
    )


def _id(text: str) -> int | str:
    """A record's id: a number, but for leads."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,40}", text):
        raise PipedriveParameterError("The payload's entity_id is no id of Pipedrive's.")
    return int(text) if text.isdigit() else text


def _kinds(action: str, changed: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = {"create": (CREATED,), "change": kinds_of_edit(changed), "delete": (DELETED,)}
    if action not in kinds:
        raise PipedriveParameterError("The payload's action is none of create, change and delete.")
    return kinds[action]


def _flat(state: Any) -> dict[str, Any]:
    """A record with its custom fields beside the others."""
    if not isinstance(state, Mapping):
        return {}
    custom = state.get("custom_fields")
    found = {name: value for name, value in state.items() if name != "custom_fields"}
    return found | ({key: _plain(value) for key, value in custom.items()} if isinstance(custom, Mapping) else {})


def _plain(value: Any) -> Any:
    """A custom field's value as the API's version 2 shows it; webhooks name its type beside it."""
    if not isinstance(value, Mapping) or "type" not in value:
        return value
    rest = {name: part for name, part in value.items() if name != "type"}
    if rest.keys() == {"id"} or rest.keys() == {"value"}:
        return next(iter(rest.values()))
    if isinstance(rest.get("values"), list):
        return [item.get("id") if isinstance(item, Mapping) else item for item in rest["values"]]
    if "from" in rest and "value" not in rest:
        rest = {"value": rest.pop("from"), **rest}
    return rest


def _short(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without the long ones, of which there are only the names: a change must stay small."""
    return {name: value if len(json.dumps(value)) <= LONGEST_VALUE else _LEFT_OUT for name, value in values.items()}


_LEFT_OUT: Final = "(long: read the record)"
