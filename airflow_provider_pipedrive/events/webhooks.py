"""What a webhook's delivery is about, and the change that it reports. Pure.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import (
    CHANGED,
    CREATED,
    DELETED,
    Change,
    Origin,
    kinds_of_edit,
    make_change,
    times_of,
    values_of,
)

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
"""Characters of JSON. A longer value, such as a note's content, is left out: the record has it."""


OLD_PAYLOAD: Final = (
    "This webhook sends payloads of version 1. Only version 2.0 is read: remove the webhook and let "
    "`airflow pipedrive webhooks ensure` create it again."
)
"""Version 1 has no id of the event and no time below a second."""
_V1_ACTIONS: Final = {"added": "create", "updated": "change", "merged": "change", "deleted": "delete"}
_LEFT_OUT: Final = "(long: read the record)"


@dataclass(frozen=True)
class WebhookEvent:
    """What a delivery is about.

    :ivar version: of the payload
    :ivar entity: ``deal``, ``person``, ...
    :ivar action: ``create``, ``change`` or ``delete``, in both versions of the payload
    :ivar id: of the record, as text
    :ivar payload: the whole delivery
    """

    version: Literal["v1", "v2"]
    entity: str
    action: str
    id: str
    payload: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


def parse_webhook(payload: Mapping[str, Any]) -> WebhookEvent:
    """Read a delivery's payload, version 2 or 1.

    :raises PipedriveParameterError: Pipedrive does not send such a payload
    """
    meta = payload.get("meta") if isinstance(payload, Mapping) else None
    if not isinstance(meta, Mapping):
        raise PipedriveParameterError("The payload has no meta object: it does not come from Pipedrive's webhooks.")
    version: Literal["v1", "v2"] = "v2" if "entity" in meta else "v1"
    entity = meta.get("entity") if version == "v2" else meta.get("object")
    action = meta.get("action")
    states = (payload.get("data"), payload.get("current"), payload.get("previous"))
    ids = [meta.get("entity_id" if version == "v2" else "id")]
    ids += [state.get("id") for state in states if isinstance(state, Mapping)]
    found = next((str(value) for value in ids if value is not None), None)
    if not entity or found is None or not isinstance(action, str):
        raise PipedriveParameterError("The payload does not say what happened to which record.")
    return WebhookEvent(version, str(entity), _V1_ACTIONS.get(action, action), found, payload)


def change_of(event: WebhookEvent) -> Change | None:
    """The change that an event reports; ``None`` where this package has no name for the entity.

    The values are those of a polled change, and those of the fields that have changed. Custom fields have their keys
    as names, and look as version 2 of the API shows them. A deletion by a merge has ``merged_to_id``, the edit of the
    survivor ``merged_from_id``.

    :raises PipedriveParameterError: the payload is of version 1, or Pipedrive does not send such a payload
    """
    if event.version == "v1":
        raise PipedriveParameterError(OLD_PAYLOAD)
    entity = ENTITY_OF.get(event.entity)
    if entity is None:
        return None
    meta = event.payload["meta"]
    after, before = (_flat(event.payload.get(name)) for name in ("data", "previous"))
    is_deletion = event.action == "delete"
    record = before if is_deletion else after
    changed = before if event.action == "change" else {}
    values = values_of(entity, record, changed)
    values |= {name: meta[name] for name in ("merged_to_id", "merged_from_id") if meta.get(name) is not None}
    sent = read_time(meta.get("timestamp"))
    times = times_of(record)
    edited, kinds = times.pop(CHANGED, None), _kinds(event.action, changed)
    return make_change(
        entity,
        _id(event.id),
        kinds,
        (sent or edited) if is_deletion else (edited or sent),
        _short(values),
        previous=_short(changed),
        source="webhook",
        occurrence=str(meta.get("id") or ""),
        received=sent.isoformat(timespec="milliseconds").replace("+00:00", "Z") if sent else None,
        origin=Origin.of(meta.get("user_id"), meta.get("change_source")),
        earlier=[time for kind, time in times.items() if kind in kinds],
    )


def _id(text: str) -> int | str:
    """A record's id: a number, but for leads."""
    if not re.fullmatch(r"[0-9A-Za-z-]{1,40}", text):
        raise PipedriveParameterError("The payload's entity_id is not a valid id.")
    return int(text) if text.isdigit() else text


def _kinds(action: str, changed: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = {"create": (CREATED,), "change": kinds_of_edit(changed), "delete": (DELETED,)}
    if action not in kinds:
        raise PipedriveParameterError("The payload's action is none of create, change and delete.")
    return kinds[action]


def _flat(state: Any) -> dict[str, Any]:
    """A record with its custom fields among the others."""
    if not isinstance(state, Mapping):
        return {}
    custom = state.get("custom_fields")
    found = {name: value for name, value in state.items() if name != "custom_fields"}
    return found | ({key: _plain(value) for key, value in custom.items()} if isinstance(custom, Mapping) else {})


def _plain(value: Any) -> Any:
    """A custom field's value as version 2 of the API shows it; webhooks add its type."""
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
