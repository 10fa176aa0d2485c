"""Payment status back to won deals: what the ledger knows of an invoice, in a field of its deal.

A deal is found by the contract number that both systems have. Deals that the ledger does not name are left alone.
"""

from __future__ import annotations

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_pipedrive.transfers import SqlToPipedriveOperator

with DAG("pipedrive_payment_status", schedule=None, tags=["pipedrive", "example"], doc_md=__doc__) as dag:
    SqlToPipedriveOperator(
        task_id="payments",
        sql="SELECT contract, paid_on FROM invoices WHERE paid_on IS NOT NULL",
        sql_conn_id="warehouse",
        entity="deals",
        mode="update",
        match_on="Contract number",
        mapping={"contract": "Contract number", "paid_on": "Renewal date"},
        max_rejects=50,
    )
