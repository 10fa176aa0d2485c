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
    "upload": "added",
    "update": "updated",
    "put": "updated",
    "delete": "deleted",
    "duplicate": "copied",
    "archive": "archived",
    "get": "read",
}
"""By the first word of an action's key."""


def done_to_record(action: str, parameters: Mapping[str, Any], result: Any) -> str:
    """What was done to which record, such as ``added deal 51`` or ``deleted follower 3 of deal 51``; empty where it is
    not about one that has an id."""
    from airflow_provider_pipedrive.catalog import ACTIONS

    verb = next((done for word, done in _DONE.items() if re.match(rf"{word}(?=[A-Z])", action)), "")
    if action not in ACTIONS or not (isinstance(result, Mapping) or verb == "deleted"):
        return ""
    answer = result if isinstance(result, Mapping) else {}
    parts = [part for part in ACTIONS[action].path.split("/") if part not in ("", "api", "v1", "v2", "mailbox")]
    ids = [parameters.get(part[1:-1]) for part in parts if part.startswith("{")]
    kind = _noun(parts[0])
    if action.startswith("merge"):
        survivor = parameters.get("merge_with_id")
        return f"merged {kind} {ids[0]} into {kind} {survivor}, which survives"
    record = answer.get("id", ids[-1] if parts[-1].startswith("{") else None)
    if parts[1:] in ([], parts[-1:]):
        return f"{verb} {kind} {record}" if verb and record is not None else ""
    if verb == "copied":
        return f"copied {kind} {ids[0]} to {kind} {record}"
    if not ids or record is None or verb not in ("added", "updated", "deleted"):
        return ""
    part = next(part for part in reversed(parts) if not part.startswith("{"))
    return f"{verb} {_noun(part)} {record} of {kind} {ids[0]}"


def _noun(part: str) -> str:
    """A step of a path as one says it: ``dealFields`` is a deal field."""
    words = re.sub(r"(?=[A-Z])", " ", part).lower()
    return re.sub(r"(?<!s)s$", "", re.sub(r"ies$", "y", words))
