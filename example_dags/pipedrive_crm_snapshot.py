"""The whole CRM as Parquet files for BI, every night, and a view on each entity.

Every entity is read whole: nothing is missing, nothing is there twice, and each night's files take the place of the
ones before. Beside them lies `crm.sql`: views for DuckDB, which a BI tool or a notebook reads in.

    duckdb -init ~/airflow/pipedrive/crm/crm.sql -c "SELECT stage_id, sum(value) FROM deals GROUP BY stage_id"

Set `folder` to object storage (`s3://connection@bucket/crm`) for workers that share no disk. The workers need the extra
`parquet`. docs/extraction.md has more.
"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath, Param, dag, task

from airflow_provider_pipedrive.transfers.object_storage import PipedriveToObjectStorageOperator

# docs/entities.md has all entities.
ENTITIES = ["deals", "persons", "organizations", "activities", "products", "pipelines", "stages", "users"]
DEFAULT_FOLDER = str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "pipedrive" / "crm")


@dag(
    dag_id="pipedrive_crm_snapshot",
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
def pipedrive_crm_snapshot() -> None:
    """Declare the tasks."""
    snapshot = PipedriveToObjectStorageOperator(
        task_id="snapshot",
        pipedrive_conn_id="{{ params.connection }}",
        entities=ENTITIES,
        path="{{ params.folder }}",
        format="parquet",
        # A try that ends in the middle is taken up by the next; a spent daily budget is waited out without a worker.
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
        deferrable=True,
    )

    @task
    def views(receipt: dict[str, Any]) -> str:
        """Write the views; where they are. Files change their names with each snapshot, views do not."""
        statements = []
        for entity, about in receipt["entities"].items():
            manifest = ObjectStoragePath(about["manifest"])
            parts = [manifest.parent / part["name"] for part in json.loads(manifest.read_bytes())["parts"]]
            files = ", ".join("'" + address(part).replace("'", "''") + "'" for part in parts)
            if files:
                statements.append(f"CREATE OR REPLACE VIEW {entity} AS SELECT * FROM read_parquet([{files}]);\n")
        folder = ObjectStoragePath(receipt["receipt"]).parent.parent.parent
        (folder / ".crm.sql.part").write_text("".join(statements))
        (folder / ".crm.sql.part").rename(folder / "crm.sql")
        return str(folder / "crm.sql")

    views(snapshot.output)  # type: ignore[arg-type]


def address(path: Any) -> str:
    """A path as programs other than Airflow know it: without the connection's name."""
    return str(path.path) if path.protocol in ("", "file") else f"{path.protocol}://{path.path}"


pipedrive_crm_snapshot()
