"""Each entity of the CRM as a task of its own, on as many workers as there are: Celery, Kubernetes, or this machine.

The tasks need nothing of each other: each writes below its own name in `folder`, which must be object storage
(`s3://connection@bucket/crm`) where workers share no disk. A task that dies is repeated alone, on any worker, and goes
on where it ended.

All of them share the credential's rate limit, 20 requests in 2 seconds or more. `AT_ONCE` tasks of `CONCURRENCY`
requests each keep below it; a `burst_limit` on the connection, the credential's divided by `AT_ONCE`, makes sure that
they never wait for each other. docs/extraction.md has more.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, task

from airflow_provider_pipedrive.transfers.object_storage import PipedriveToObjectStorageOperator

# docs/entities.md has all entities.
ENTITIES = ["deals", "persons", "organizations", "activities", "products", "notes", "leads", "files", "users"]
AT_ONCE = 4
CONCURRENCY = 4
DEFAULT_FOLDER = str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "pipedrive" / "entities")


@dag(
    dag_id="pipedrive_mapped_entities",
    schedule="@daily",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "folder": Param(DEFAULT_FOLDER, type="string", description="Folder or object storage for the files"),
    },
)
def pipedrive_mapped_entities() -> None:
    """Declare the tasks: one for each entity, then the sum."""
    extract = PipedriveToObjectStorageOperator.partial(
        task_id="extract",
        map_index_template="{{ task.entities[0] }}",
        pipedrive_conn_id="{{ params.connection }}",
        path="{{ params.folder }}",
        format="jsonl.gz",
        concurrency=CONCURRENCY,
        deferrable=True,
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
        max_active_tis_per_dagrun=AT_ONCE,
    ).expand(entities=[[entity] for entity in ENTITIES])

    @task
    def total(receipts: Any) -> dict[str, Any]:
        """What all of them read, and what it cost."""
        receipts = list(receipts)
        rows = {entity: about["rows"] for receipt in receipts for entity, about in receipt["entities"].items()}
        return {"rows": rows, "tokens": sum(receipt["tokens"] for receipt in receipts)}

    total(extract.output)


pipedrive_mapped_entities()
