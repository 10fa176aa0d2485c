"""What files are attached to: a record that a task was given by its id."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.events.waits.arguments import record_id
from airflow_provider_pipedrive.files.listing import LINKS
from airflow_provider_pipedrive.operators.record_links import record_url
from airflow_provider_pipedrive.operators.task_support import is_templated

if TYPE_CHECKING:
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

_PAGES = {"deal_id": "getDeal", "person_id": "getPerson", "org_id": "getOrganization", "lead_id": "getLead"}
"""Reads of what has a page in Pipedrive's web app."""


def check_links(task: Any) -> list[str]:
    """The links that a task was given, their ids checked as far as they are known."""
    given = [name for name in LINKS if getattr(task, name) is not None]
    for name in given:
        value = getattr(task, name)
        if not is_templated(value):
            record_id(name, value)
    return given


def url_of_link(task: Any, hook: PipedriveHook) -> str:
    """The page in Pipedrive's web app of the record that files are attached to, or an empty text."""
    for name, action in _PAGES.items():
        if getattr(task, name) is not None:
            return record_url(action, {"id": getattr(task, name)}, None, hook.client.origin) or ""
    return ""
