"""Pipedrive's actions as tools of agents, for Airflow's AI provider (extra ``ai``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.toolsets.pipedrive import PipedriveToolset

__all__ = ["PipedriveToolset"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.pipedrive"), name)
