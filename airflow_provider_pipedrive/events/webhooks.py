"""What a webhook's delivery is about.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from airflow_provider_pipedrive.errors import PipedriveParameterError

_V1_ACTIONS = {"added": "create", "updated": "change", "merged": "change", "deleted": "delete"}


@dataclass(frozen=True)
class WebhookEvent:
    """One change that Pipedrive tells of.

    ``version``: of the payload. ``entity``: ``deal``, ``person``, ... ``action``: ``create``, ``change`` or
    ``delete``, whatever the payload's version calls it. ``id``: of the record, as text.
    """

    version: Literal["v1", "v2"]
    entity: str
    action: str
    id: str


def parse_webhook(payload: Mapping[str, Any]) -> WebhookEvent:
    """Read a delivery's payload, version 2 or 1.

    :raises PipedriveParameterError: it is no payload of Pipedrive's
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
    return WebhookEvent(version, str(entity), _V1_ACTIONS.get(action, action), found)
