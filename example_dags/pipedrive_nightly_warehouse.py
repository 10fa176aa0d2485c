"""The CRM in a warehouse, every night: what changed since the last load, deleted records taken out, views on top.

DuckDB in a file needs nothing else. For Postgres, set `destination` to `postgres` and `destination_conn_id` to an
Airflow connection; any other of dlt's destinations works by its name.
"""

from __future__ import annotations

import datetime

from airflow.providers.common.compat.sdk import Param, dag

from airflow_provider_pipedrive.transfers.warehouse import PipedriveToWarehouseOperator

ENTITIES = ["deals", "persons", "organizations", "activities", "products", "users", "pipelines", "stages"]


@dag(
    dag_id="pipedrive_nightly_warehouse",
    schedule="@daily",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "destination": Param("duckdb:////tmp/crm.duckdb", type="string", description="The warehouse"),
    },
)
def pipedrive_nightly_warehouse() -> None:
    """Declare the task."""
    PipedriveToWarehouseOperator(
        task_id="load",
        pipedrive_conn_id="{{ params.connection }}",
        entities=ENTITIES,
        destination="{{ params.destination }}",
        views=True,
        retries=3,
        retry_delay=datetime.timedelta(minutes=10),
    )


pipedrive_nightly_warehouse()
