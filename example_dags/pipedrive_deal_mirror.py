"""A mirror of deals in near real time: Pipedrive's webhooks start a run within seconds of a change.

`pipedrive_webhooks` keeps the webhooks on Pipedrive's side. `pipedrive_deal_mirror` then has one JSON file for each
deal: it reads the deals that have changed and writes them whole, so that neither a repeated run nor a repeated delivery
does harm. A deal that was deleted or archived loses its file.

Set up the receiver as docs/webhooks.md says, set the environment variable `PIPEDRIVE_COMPANY` (`acme` for
`acme.pipedrive.com`) for all of Airflow's processes and `PIPEDRIVE_MIRROR` to a folder or a place in object storage,
then unpause both. Where another DAG uses this asset with a watcher, take it from one module (docs/events.md).
"""

from __future__ import annotations

import datetime
import json
import os

from airflow.providers.common.compat.sdk import Asset, dag, task

from airflow_provider_pipedrive.assets import asset_uri, pipedrive_changes
from airflow_provider_pipedrive.operators.webhooks import PipedriveEnsureWebhooksOperator

DEALS = Asset(asset_uri(os.environ.get("PIPEDRIVE_COMPANY", "acme"), "deals"))
FOLDER = os.environ.get("PIPEDRIVE_MIRROR", "file:///tmp/pipedrive_mirror")
IDS_A_REQUEST = 100


@dag(
    dag_id="pipedrive_webhooks",
    schedule="@daily",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    # Two at a time would both make what is missing.
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
)
def pipedrive_webhooks() -> None:
    """Declare the task."""
    PipedriveEnsureWebhooksOperator(task_id="ensure", objects=["deals"], retries=3)


@dag(
    dag_id="pipedrive_deal_mirror",
    schedule=[DEALS],
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    # Two runs at a time would read the same changes.
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
)
def pipedrive_deal_mirror() -> None:
    """Declare the task."""

    @task(inlets=[DEALS], retries=3, retry_delay=datetime.timedelta(seconds=30))
    def mirror() -> dict[str, int]:
        """Write the deals that have changed, and remove those that are gone; how many of each."""
        from airflow.providers.common.compat.sdk import ObjectStoragePath

        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        folder = ObjectStoragePath(FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        hook = PipedriveHook()
        ids = sorted({int(change.id) for change in pipedrive_changes(DEALS)})
        written = 0
        for start in range(0, len(ids), IDS_A_REQUEST):
            wanted = ids[start : start + IDS_A_REQUEST]
            there = {deal["id"]: deal for deal in hook.iterate("getDeals", {"ids": wanted})}
            written += len(there)
            for deal_id in wanted:
                file = folder / f"{deal_id}.json"
                if deal_id in there:
                    with file.open("w") as target:
                        target.write(json.dumps(there[deal_id]))
                else:
                    file.unlink(missing_ok=True)
        return {"written": written, "gone": len(ids) - written}

    mirror()


pipedrive_webhooks()
pipedrive_deal_mirror()
