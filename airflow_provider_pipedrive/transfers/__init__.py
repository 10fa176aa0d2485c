"""Whole loads between Pipedrive and elsewhere, as tasks. Each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.transfers.file_to_object_storage import PipedriveFileToObjectStorageOperator
    from airflow_provider_pipedrive.transfers.object_storage import PipedriveToObjectStorageOperator
    from airflow_provider_pipedrive.transfers.object_storage_to_file import ObjectStorageToPipedriveFileOperator
    from airflow_provider_pipedrive.transfers.object_storage_to_pipedrive import ObjectStorageToPipedriveOperator
    from airflow_provider_pipedrive.transfers.sql_to_pipedrive import SqlToPipedriveOperator
    from airflow_provider_pipedrive.transfers.warehouse import PipedriveToWarehouseOperator

__all__ = [
    "ObjectStorageToPipedriveFileOperator",
    "ObjectStorageToPipedriveOperator",
    "PipedriveFileToObjectStorageOperator",
    "PipedriveToObjectStorageOperator",
    "PipedriveToWarehouseOperator",
    "SqlToPipedriveOperator",
]

_HOMES = {
    "ObjectStorageToPipedriveFileOperator": "object_storage_to_file",
    "ObjectStorageToPipedriveOperator": "object_storage_to_pipedrive",
    "PipedriveFileToObjectStorageOperator": "file_to_object_storage",
    "PipedriveToObjectStorageOperator": "object_storage",
    "PipedriveToWarehouseOperator": "warehouse",
    "SqlToPipedriveOperator": "sql_to_pipedrive",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
