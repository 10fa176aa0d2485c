"""Talking to Pipedrive, without Airflow.

>>> from airflow_provider_pipedrive.client import PipedriveClient, settings_from
>>> client = PipedriveClient(settings_from(host="acme", extra={"api_token": "..."}))  # doctest: +SKIP
>>> for deal in client.iterate("getDeals", {"status": "open"}):  # doctest: +SKIP
...     print(deal["title"])

The names below are imported when they are first used: checking parameters, all that parsing a DAG needs, must not
load the HTTP libraries.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient
    from airflow_provider_pipedrive.client.settings import ApiToken, OAuth, Settings, settings_from
    from airflow_provider_pipedrive.client.usage import Usage

__all__ = ["ApiToken", "OAuth", "PipedriveClient", "Settings", "Usage", "settings_from"]

_HOMES = {"PipedriveClient": "client", "Usage": "usage"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'settings')}"), name)
