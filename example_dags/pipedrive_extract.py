"""Read a Pipedrive account into JSON lines, one file an entity.

Trigger it by hand. Each entity is a task of its own: it walks through all pages, one page in memory at a time, and
writes ``<folder>/<run>/<entity>.jsonl``. A file gets its name only when it is whole. At the end ``summary.json`` next
to the files tells what was read and what it cost.
"""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, Param, dag, get_current_context, task

from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

# What is read: a name for the file, and the action that lists it. docs/actions.md has all actions.
ENTITIES = [
    {"entity": "deals", "action": "getDeals"},
    {"entity": "persons", "action": "getPersons"},
    {"entity": "organizations", "action": "getOrganizations"},
    {"entity": "activities", "action": "getActivities"},
    {"entity": "pipelines", "action": "getPipelines"},
]

DEFAULT_FOLDER = str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "pipedrive")


def run_folder() -> Path:
    """The folder of this run. Run ids have signs (``:``, ``+``) that not every file system takes."""
    context = get_current_context()
    folder = Path(context["params"]["folder"]) / re.sub(r"[^A-Za-z0-9._-]", "_", context["run_id"])
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@dag(
    dag_id="pipedrive_extract",
    schedule=None,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "folder": Param(DEFAULT_FOLDER, type="string", description="Folder on the worker to write into"),
    },
)
def pipedrive_extract() -> None:
    """Declare the tasks: one for each entity, then the summary."""

    @task(retries=2, retry_delay=timedelta(seconds=30), map_index_template="{{ task.op_kwargs['entity'] }}")
    def extract(entity: str, action: str) -> dict[str, Any]:
        """Write all records of one entity, and return a small receipt (never the records: XCom is no place for them).

        A retry starts the file again, so no record is there twice. What a retry cannot cure, a wrong credential for
        one, fails at once.
        """
        hook = PipedriveHook(get_current_context()["params"]["connection"])
        final = run_folder() / f"{entity}.jsonl"
        partial = final.with_suffix(".jsonl.part")
        records = 0
        try:
            with partial.open("w", encoding="utf-8") as lines:
                for record in hook.iterate(action):
                    lines.write(json.dumps(record, ensure_ascii=False) + "\n")
                    records += 1
        except PipedriveError as error:
            if error.retryable:
                raise
            raise AirflowFailException(str(error)) from error
        partial.replace(final)
        usage = hook.usage
        return {
            "entity": entity,
            "records": records,
            "pages": usage.pages,
            "tokens": usage.tokens,
            "seconds": round(usage.seconds, 2),
            "file": str(final),
        }

    @task
    def summarize(receipts: Any) -> dict[str, Any]:
        """Write ``summary.json`` and return it."""
        entities = sorted(receipts, key=lambda receipt: receipt["entity"])
        summary = {
            "entities": entities,
            **{name: sum(receipt[name] for receipt in entities) for name in ("records", "pages", "tokens")},
            "seconds": round(sum(receipt["seconds"] for receipt in entities), 2),
            "files": [receipt["file"] for receipt in entities],
        }
        final = run_folder() / "summary.json"
        partial = final.with_suffix(".json.part")
        partial.write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
        partial.replace(final)
        return summary

    summarize(extract.expand_kwargs(ENTITIES))


pipedrive_extract()
