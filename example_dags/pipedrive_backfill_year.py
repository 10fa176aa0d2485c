"""A year of the CRM, month by month, for a fixed number of API tokens a day.

Pipedrive grants a company so many API tokens a day, and all its integrations share them. This DAG spends no more than
`tokens_a_day` of them: a run loads what it can, stops, and the next day's run continues there, in the middle of a month
if need be. When the year is loaded, a run has nothing left to do and spends nothing.

A month holds what was *last* updated in it: what was edited again later is in the later month, so that every record is
there once.

Set `folder` to object storage (`s3://connection@bucket/year`) for workers that share no disk. docs/extraction.md has
more.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    ObjectStoragePath,
    Param,
    dag,
    get_current_context,
    task,
)

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveTokenCapError
from airflow_provider_pipedrive.extraction import ExtractionJob
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

# docs/entities.md has all entities.
ENTITIES = ["deals", "persons", "organizations", "activities"]
DEFAULT_FOLDER = str(Path(os.environ.get("AIRFLOW_HOME", "~/airflow")).expanduser() / "pipedrive" / "year")


@dag(
    dag_id="pipedrive_backfill_year",
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
        "year": Param(2025, type="integer", minimum=2010, maximum=2100, description="The year to load"),
        "tokens_a_day": Param(10_000, type="integer", minimum=1, description="API tokens that a run may spend"),
    },
)
def pipedrive_backfill_year() -> None:
    """Declare the task."""

    # One at a time, in a backfill too, and without retries: each would spend the tokens of a day.
    @task(max_active_tis_per_dag=1)
    def load() -> dict[str, Any]:
        """Load the months that are not there yet, as far as the tokens go; which are still to come."""
        from airflow_provider_pipedrive.extraction import extract

        context = get_current_context()
        params = context["params"]
        client = PipedriveHook(params["connection"]).client
        folder = ObjectStoragePath(params["folder"])
        missing = [m for m in months(params["year"]) if not receipt_of(folder, m[0]).exists()]
        left = params["tokens_a_day"]
        while missing and left > 0:
            since, until = missing[0]
            job = ExtractionJob(
                ENTITIES,
                mode="changes",
                since=since,
                until=until,
                format="jsonl.gz",
                partition=f"month={since:%Y-%m}",
                max_tokens=left,
            )
            try:
                receipt = extract(client, folder, job, run=f"{since:%Y-%m}", owner=context["ti"].dag_id)
            except PipedriveTokenCapError as error:
                print(error)  # noqa: T201 - into the log
                break
            except PipedriveError as error:
                if error.retryable:
                    raise
                raise AirflowFailException(str(error)) from error
            left -= receipt["tokens"]
            missing.pop(0)
        return {"to_come": [f"{since:%Y-%m}" for since, _ in missing], "tokens": client.usage.tokens}

    load()


def months(year: int) -> Iterator[tuple[datetime.datetime, datetime.datetime]]:
    """The months of a year that have passed."""
    first = [datetime.datetime(year + month // 12, month % 12 + 1, 1, tzinfo=datetime.UTC) for month in range(13)]
    for since, until in pairwise(first):
        if until < datetime.datetime.now(datetime.UTC):
            yield since, until


def receipt_of(folder: Any, since: datetime.datetime) -> Any:
    """The receipt of a month, which is there when the month is."""
    return folder / "_pipedrive" / "receipts" / f"{since:%Y-%m}.json"


pipedrive_backfill_year()
