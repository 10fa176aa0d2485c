"""Every action under its key, and by its resource."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Final

from airflow_provider_pipedrive.catalog.advice import nearest, own_command
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.errors import PipedriveParameterError

_RESOURCES = (
    "activities",
    "activity_fields",
    "activity_types",
    "billing",
    "call_logs",
    "channels",
    "currencies",
    "deal_fields",
    "deal_installments",
    "deal_products",
    "deals",
    "files",
    "filters",
    "goals",
    "item_search",
    "lead_fields",
    "lead_labels",
    "lead_sources",
    "leads",
    "legacy_teams",
    "mailbox",
    "meetings",
    "note_fields",
    "notes",
    "organization_fields",
    "organization_relationships",
    "organizations",
    "permission_sets",
    "person_fields",
    "persons",
    "pipelines",
    "product_fields",
    "products",
    "project_boards",
    "project_fields",
    "project_phases",
    "project_templates",
    "projects",
    "raw",
    "recents",
    "roles",
    "stages",
    "subscriptions",
    "tasks",
    "user_connections",
    "user_settings",
    "users",
    "webhooks",
)
RESOURCES: Final[Mapping[str, tuple[Action, ...]]] = MappingProxyType(
    {name: import_module(f"{__package__}.{name}").ACTIONS for name in _RESOURCES}
)
"""The actions of each resource, in Pipedrive's order."""

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {action.key: action for actions in RESOURCES.values() for action in actions}
)
"""Every action by its key."""


def get_action(key: str) -> Action:
    """The action with this key.

    :raises PipedriveParameterError: there is none; the message names the nearest keys
    """
    if isinstance(key, str) and key in ACTIONS:
        return ACTIONS[key]
    if isinstance(key, str) and key.strip().startswith("/"):
        raise PipedriveParameterError(
            f"{key!r} is a path, and not the key of an action: the hook's request() and the action rawRequest take "
            f"paths. {own_command('actions')} lists all keys."
        )
    there = [known for known, action in ACTIONS.items() if action.lifecycle != "removed"]
    near = nearest(key, there, most=3)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"{own_command('actions')} lists all keys."
    raise PipedriveParameterError(f"Pipedrive has no action {key!r}. {hint}")
