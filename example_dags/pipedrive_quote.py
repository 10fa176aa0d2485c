"""A quote for a deal that a person chooses: the run waits, without a worker, until somebody has picked one.

Started from the form with a search term, or without: then the newest open deals are listed. The quote is a page of HTML
made of the deal's products, and is attached to the deal; a note says who asked for it. If nothing is made of it, the
deal's owner gets a task. Airflow asks people since version 3.1: on older versions there is no such DAG.
"""

from __future__ import annotations

from datetime import timedelta
from html import escape
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.notifications.pipedrive import PipedriveNotifier
from airflow_provider_pipedrive.operators.choices import PipedriveChoiceOperator

FAILED = PipedriveNotifier(
    deal_id="{{ ti.xcom_pull('choose')['key'] }}",
    activity={"subject": "The quote could not be made: see {{ dag.dag_id }} in Airflow", "type": "task"},
)


@task(on_failure_callback=FAILED)
def quote(choice: dict[str, Any]) -> dict[str, Any]:
    """Make the quote and attach it; the file, as Pipedrive has it."""
    hook = PipedriveHook()
    (deal,) = choice["records"]
    products = hook.run("getDealProducts", {"id": deal["id"]})
    lines = "".join(
        f"<tr><td>{escape(each['name'])}</td><td>{each['quantity']}</td><td>{each['item_price']}</td></tr>"
        for each in products
    )
    page = (
        f"<!doctype html><meta charset='utf-8'><h1>Quote: {escape(deal['title'])}</h1><table>{lines}</table>"
        f"<p>{deal['value']} {escape(deal['currency'])}</p>"
    )
    file = hook.run("addFile", {"deal_id": deal["id"], "file": (f"quote-{deal['id']}.html", page.encode())})
    by = (choice["by"] or {}).get("name", "nobody: time was up")
    hook.run("addNote", {"deal_id": deal["id"], "content": f"Quote attached. Chosen by {escape(by)}."})
    return {"id": file["id"], "name": file["name"], "deal_id": deal["id"]}


@task.short_circuit
def has_chosen(choice: dict[str, Any]) -> bool:
    """Go on, unless it was "None of these"."""
    return choice["key"] is not None


if AIRFLOW_V_3_1_PLUS:
    with DAG(
        "pipedrive_quote",
        schedule=None,
        params={"term": Param("", type="string", description="Search for this text in the titles of deals")},
        tags=["pipedrive", "example"],
        doc_md=__doc__,
    ) as dag:
        choose = PipedriveChoiceOperator(
            task_id="choose",
            source="selectDeal",
            subject="Which deal gets a quote?",
            text="The quote is made of the deal's **products**, and attached to it.",
            term="{{ params.term }}",
            parameters={"status": "open"},
            record=True,
            timeout=timedelta(days=2),
        )
        has_chosen(choose.output) >> quote(choose.output)  # type: ignore[arg-type]
