"""Loads extracted Parquet parts into a warehouse, by dlt, and writes what dlt reads back. Works in a plain script.

dlt and pyarrow are the extra ``warehouse`` of this package, and are imported only when a warehouse is used.
"""

from airflow_provider_pipedrive.warehouse.destination import Destination
from airflow_provider_pipedrive.warehouse.entity_load import EntityLoad, Lists, Loaded, Write
from airflow_provider_pipedrive.warehouse.scope import Scope
from airflow_provider_pipedrive.warehouse.warehouse import Warehouse
from airflow_provider_pipedrive.warehouse.write_back import pipedrive_destination

__all__ = ["Destination", "EntityLoad", "Lists", "Loaded", "Scope", "Warehouse", "Write", "pipedrive_destination"]
