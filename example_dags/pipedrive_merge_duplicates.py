"""Once a quarter, the persons who are there twice are found, shown to somebody, and merged after approval.

A merge cannot be undone, so nothing happens before an answer: the page shows which records become one, what is written
to the one that stays, and which values are lost. A refusal skips the merge. The groups are kept in a review file, for
whoever wants to go through them one by one. Airflow asks people since version 3.1: on older versions there is no such
DAG.
"""

from __future__ import annotations

import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param, get_current_context, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.bulk import DuplicateRules, find_duplicates, write_review
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.approval import PipedriveApprovalOperator
from airflow_provider_pipedrive.operators.merge import PipedriveMergeOperator

MOST_GROUPS = 200
"""Groups of one run: what one person can look through."""


@task
def find() -> list[dict[str, Any]]:
    """The groups, the surest first: ids alone, and everything else in the review."""
    params = get_current_context()["params"]
    client = PipedriveHook(params["connection"]).client
    found = find_duplicates(client, "persons", DuplicateRules(least_score=params["least_score"]))
    groups = list(islice(found, MOST_GROUPS))
    Path(params["folder"]).mkdir(parents=True, exist_ok=True)
    write_review(groups, Path(params["folder"]) / "review.csv")
    return [{"ids": group["ids"]} for group in groups]


if AIRFLOW_V_3_1_PLUS:
    with DAG(
        "pipedrive_merge_duplicates",
        schedule="0 6 1 1,4,7,10 *",
        start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        catchup=False,
        is_paused_upon_creation=True,
        tags=["pipedrive", "example"],
        doc_md=__doc__,
        params={
            "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
            "folder": Param("/tmp/pipedrive-duplicates", type="string", description="Where review and journals are"),
            "least_score": Param(0.9, type="number", description="How sure a group must be, from 0 to 1"),
        },
    ) as dag:
        groups = find()
        plan = PipedriveMergeOperator(
            task_id="plan",
            groups=groups,
            entity="persons",
            survivor="most_deals",
            dry_run=True,
            folder="{{ params.folder }}/plan-{{ run_id }}",
            pipedrive_conn_id="{{ params.connection }}",
        )
        approval = PipedriveApprovalOperator(
            task_id="approval",
            subject="Merge duplicates in Pipedrive?",
            plan=plan.output,
            text="Merges cannot be undone. The file review.csv says why these records are taken for one.",
            timeout=datetime.timedelta(days=14),
        )
        merge = PipedriveMergeOperator(
            task_id="merge",
            groups=groups,
            entity="persons",
            survivor="most_deals",
            folder="{{ params.folder }}/merge-{{ run_id }}",
            pipedrive_conn_id="{{ params.connection }}",
            retries=3,
        )
        approval >> merge
