"""The record that a task read or wrote: its page in Pipedrive, and what was done to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airflow.providers.common.compat.sdk import BaseOperator, BaseOperatorLink, XCom


class PipedriveRecordLink(BaseOperatorLink):
    """Opens the record that a task read or wrote in Pipedrive."""

    name = "Pipedrive record"
    xcom_key = "pipedrive_record_url"

    def get_link(self, operator: BaseOperator, *, ti_key: Any) -> str:
        """The record's address, or an empty text where the task had none."""
        return XCom.get_value(key=self.xcom_key, ti_key=ti_key) or ""


def record_url(action: str, parameters: Mapping[str, Any], result: Any, origin: str) -> str | None:
    """The address of the record in Pipedrive's web app, where the action is about one that has a page there.

    A connection without the company's host, and without OAuth to tell it, gives no address.
    """
    from airflow_provider_pipedrive.catalog import ACTIONS
    from airflow_provider_pipedrive.client import record_links

    parts = ACTIONS[action].path.split("/") if action in ACTIONS else []
    entity = next((part for part in parts if part in record_links.PAGES), None)
    survivor = "merge_with_id" if parts[-1:] == ["merge"] else "id"
    named = parameters.get(survivor) if "{id}" in parts else None
    found = result.get("id") if isinstance(result, Mapping) and parts and parts[-1] in record_links.PAGES else None
    record = named if named is not None else found
    return record_links.record_url(entity, record, origin) if entity else None


_DONE = {
    "add": "added",
    "post": "added",
    "update": "updated",
    "put": "updated",
    "delete": "deleted",
    "duplicate": "copied to",
    "archive": "archived",
    "get": "read",
}
"""By the first word of an action's key."""


def done_to_record(action: str, parameters: Mapping[str, Any], result: Any) -> str:
    """What was done to which record, such as ``added deal 51``; empty where it is not about one that has an id."""
    from airflow_provider_pipedrive.catalog import ACTIONS

    if action not in ACTIONS or not isinstance(result, Mapping):
        return ""
    parts = [part for part in ACTIONS[action].path.split("/") if part not in ("", "api", "v1", "v2")]
    kind = re.sub(r"(?<!s)s$", "", re.sub(r"ies$", "y", parts[0]))
    if action.startswith("merge"):
        survivor = parameters.get("merge_with_id")
        return f"merged {kind} {parameters.get('id')} into {kind} {survivor}, which survives"
    verb = next((done for word, done in _DONE.items() if re.match(rf"{word}(?=[A-Z])", action)), None)
    own = parts[1:] in ([], ["{id}"])  # deeper paths are about parts of the record, with ids of their own
    record = result.get("id", parameters.get("id")) if own else None
    return f"{verb} {kind} {record}" if verb and record is not None else ""
