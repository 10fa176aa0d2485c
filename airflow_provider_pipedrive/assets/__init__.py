"""Assets named ``pipedrive://company/entity``, and what their events carry. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.assets.changes import (
        PipedriveChangesOperator,
        changes_of,
        pipedrive_changes,
    )
    from airflow_provider_pipedrive.assets.uris import asset_uri, create_asset
    from airflow_provider_pipedrive.assets.watched import watched_asset
    from airflow_provider_pipedrive.events.changes.model import Change

__all__ = [
    "Change",
    "PipedriveChangesOperator",
    "asset_uri",
    "changes_of",
    "create_asset",
    "pipedrive_changes",
    "watched_asset",
]

_HOMES = {
    "Change": "events.changes.model",
    "PipedriveChangesOperator": "assets.changes",
    "asset_uri": "assets.uris",
    "changes_of": "assets.changes",
    "create_asset": "assets.uris",
    "pipedrive_changes": "assets.changes",
    "watched_asset": "assets.watched",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"airflow_provider_pipedrive.{_HOMES[name]}"), name)
