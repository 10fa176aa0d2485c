"""Loads extracted Parquet parts into a warehouse, by dlt, and writes what dlt reads back. Works in a plain script.

dlt and pyarrow are the extra ``warehouse`` of this package, and are imported only when a warehouse is used. The names
below are imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse.delta import DeltaLake
    from airflow_provider_pipedrive.warehouse.destination import Destination
    from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad, Lists, Loaded, Write
    from airflow_provider_pipedrive.warehouse.iceberg import IcebergLake
    from airflow_provider_pipedrive.warehouse.scope import Scope
    from airflow_provider_pipedrive.warehouse.table_store import TableStore
    from airflow_provider_pipedrive.warehouse.warehouse import Warehouse
    from airflow_provider_pipedrive.warehouse.write_back import pipedrive_destination

__all__ = [
    "DeltaLake",
    "Destination",
    "EntityLoad",
    "IcebergLake",
    "Lists",
    "Loaded",
    "Scope",
    "TableStore",
    "Warehouse",
    "Write",
    "pipedrive_destination",
]

_HOMES = {
    "Destination": "destination",
    "DeltaLake": "delta",
    "IcebergLake": "iceberg",
    **dict.fromkeys(("EntityLoad", "Lists", "Loaded", "Write"), "entity_load"),
    "Scope": "scope",
    "TableStore": "table_store",
    "Warehouse": "warehouse",
    "pipedrive_destination": "write_back",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
