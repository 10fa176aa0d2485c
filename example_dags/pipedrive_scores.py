"""Scores from a database to deals: a number and a label of each deal, written by the fields' names.

Every row names its deal by Pipedrive's id. Only deals whose score has changed are written; a score that cannot be
written is set aside, up to one in a hundred.

Set the connection `warehouse` (any database), and the names of the fields below to your own.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_pipedrive.transfers import SqlToPipedriveOperator

with DAG("pipedrive_scores", schedule=None, tags=["pipedrive", "example"], doc_md=__doc__) as dag:
    SqlToPipedriveOperator(
        task_id="scores",
        sql="SELECT deal_id, seats, segment FROM deal_scores",
        sql_conn_id="warehouse",
        entity="deals",
        mode="update",
        match_on="id",
        mapping={"deal_id": "id", "seats": "Seats", "segment": "Segment"},
        max_rejects=0.01,
    )
