"""New documents out of Pipedrive into a folder or object storage, every day, and a word on each.

The first run brings what was added since `first_day`, every later run what was added since the run before began: runs
that failed, were late or were started by hand leave no gap. What lies there already is not fetched again. Each document
has its metadata next to it (which deal, which person, who added it), ready for a search index or a language model.

Set `folder` to object storage (`s3://connection@bucket/documents`) for workers that share no disk. docs/files.md has
more.
"""

from __future__ import annotations

import datetime
import json
import os
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath, Param, dag, task

from airflow_provider_pipedrive.transfers.file_to_object_storage import PipedriveFileToObjectStorageOperator

DOCUMENTS = ["*.pdf", "*.doc", "*.docx", "*.odt", "*.xls", "*.xlsx", "*.csv", "*.ppt", "*.pptx", "*.txt", "*.md"]
DEFAULT_FOLDER = str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "pipedrive" / "documents")


@dag(
    dag_id="pipedrive_new_documents",
    schedule="@daily",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    # A run takes up where the one before began.
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "folder": Param(DEFAULT_FOLDER, type="string", description="Folder or object storage for the documents"),
        "first_day": Param("2026-01-01", type="string", format="date", description="Where the first run begins"),
    },
)
def pipedrive_new_documents() -> None:
    """Declare the tasks."""
    documents = PipedriveFileToObjectStorageOperator(
        task_id="documents",
        pipedrive_conn_id="{{ params.connection }}",
        path="{{ params.folder }}",
        since="{{ prev_start_date_success or params.first_day }}",
        names=DOCUMENTS,
        mail_attachments=True,
        max_bytes=50 * 1024 * 1024,
        # A try that ends in the middle is taken up by the next.
        retries=3,
        retry_delay=datetime.timedelta(minutes=5),
    )

    @task
    def tell(receipt: dict[str, Any]) -> int:
        """Say what has come, each with what Pipedrive knows of it; how many they are."""
        manifest, folder = (ObjectStoragePath(receipt[name]) for name in ("manifest", "path"))
        # Those of its earlier tries too, and those of a run that is cleared.
        landed = [entry for entry in map(json.loads, manifest.read_bytes().splitlines()) if entry.get("by_this_run")]
        for entry in landed:
            about = json.loads((folder / f"{entry['stored_as']}.json").read_bytes())
            belongs = about["deal_name"] or about["person_name"] or about["org_name"] or "nothing"
            print(f"{entry['stored_as']} ({entry['bytes']} bytes) belongs to {belongs}")  # noqa: T201 - into the log
        return len(landed)

    tell(documents.output)  # type: ignore[arg-type]


pipedrive_new_documents()
