"""A deal is won: have an invoice written, and note its number on the deal. Each deal once, whatever fails in between.

The sensor hands over every deal that was won since the run before began. Runs overlap by that: none is left out, and a
deal that is won while a run waits comes again in the run after it. Both writes are harmless a second time: the invoice
is put under a key made of the deal and the moment it was won, and the number is written into a field of the deal.

Fill in `invoices` (an HTTP service that takes `PUT <invoices>/<key>` and answers `{"number": ...}`) and `field` (the
key of a text field of deals), then unpause it.
"""

from __future__ import annotations

import datetime
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, get_current_context, task

from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveDealStageSensor

RETRIES: dict[str, Any] = {
    "retries": 5,
    "retry_delay": datetime.timedelta(minutes=1),
    "retry_exponential_backoff": True,
}


@dag(
    dag_id="pipedrive_deal_won",
    # One run waits, the next one begins when it has ended: two at a time would do the same work.
    schedule="@continuous",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    max_active_runs=1,
    catchup=False,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    default_args=RETRIES,
    params={
        "invoices": Param("https://invoices.example.com/invoices", type="string", description="Where invoices are put"),
        "field": Param("", type="string", description="Key of the deal field that gets the invoice's number"),
    },
)
def pipedrive_deal_won() -> None:
    """Declare the tasks."""
    won = PipedriveDealStageSensor(
        task_id="won",
        status="won",
        since="{{ prev_start_date_success or dag_run.start_date }}",
        deferrable=True,
        timeout=datetime.timedelta(days=1),
        # A day without a won deal is no failure, and an hour without Pipedrive no reason to give up.
        soft_fail=True,
        silent_fail=True,
    )

    @task
    def write_invoice(deal: dict[str, Any]) -> dict[str, Any]:
        """Put the invoice, and return what is to be written to the deal."""
        import requests

        params = get_current_context()["params"]
        key = f"pipedrive-{deal['deal_id']}-{deal['time']}"
        invoice = {"customer": deal["org_id"] or deal["person_id"], "text": deal["title"]}
        amount = {"amount": deal["value"], "currency": deal["currency"]}
        answer = requests.put(f"{params['invoices']}/{key}", json={**invoice, **amount}, timeout=30)
        answer.raise_for_status()
        return {"id": deal["deal_id"], "custom_fields": {params["field"]: answer.json()["number"]}}

    PipedriveOperator.partial(task_id="write_back", action="updateDeal").expand(
        parameters=write_invoice.expand(deal=won.output)
    )


pipedrive_deal_won()
