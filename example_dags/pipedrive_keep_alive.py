"""Keep an OAuth connection alive that no other DAG uses for weeks.

Pipedrive's refresh token dies after 60 days without use. One task a month uses it: a new process has no access token
yet, so it renews (unless another one of the machine has within the hour), and asks who it is (2 API tokens). Unpause
it for connections that would idle.
"""

from __future__ import annotations

import datetime

from airflow.providers.common.compat.sdk import dag

from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator


@dag(
    dag_id="pipedrive_keep_alive",
    schedule="@monthly",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
)
def pipedrive_keep_alive() -> None:
    """Declare the task."""
    PipedriveOperator(task_id="who_am_i", action="getCurrentUser", pipedrive_conn_id="pipedrive_default", retries=3)


pipedrive_keep_alive()
