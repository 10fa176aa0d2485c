"""A price list, mirrored every night: the database has the last word, and a dry run comes first.

Products of the unit "piece" that the list no longer has are removed, ten at the most. The first task shows in its log
what the second will write, and what it costs.
"""

from __future__ import annotations

from typing import Any

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_pipedrive.transfers import SqlToPipedriveOperator

PRICES: dict[str, Any] = {
    "sql": "SELECT code, name, 'piece' AS unit FROM price_list",
    "sql_conn_id": "warehouse",
    "entity": "products",
    "mode": "mirror",
    "match_on": "code",
    "within": {"unit": "piece"},
    "max_deletes": 10,
}

with DAG("pipedrive_price_list", schedule=None, tags=["pipedrive", "example"], doc_md=__doc__) as dag:
    look = SqlToPipedriveOperator(task_id="look", dry_run=True, **PRICES)
    write = SqlToPipedriveOperator(task_id="write", **PRICES)
    look >> write
