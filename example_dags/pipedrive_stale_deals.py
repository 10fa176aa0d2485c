"""A digest of the deals that nobody has touched for weeks, by owner.

Once a week. A deal is stale when it is open, was last changed more than `days` days ago, and no activity is planned for
it. The digest goes to the log and to XCom: hand it to whatever sends your mails or messages.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, get_current_context, task

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

MOST_DEALS = 20
"""So many of each owner are named, the ones of most value; the rest is counted."""


@dag(
    dag_id="pipedrive_stale_deals",
    schedule="@weekly",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "days": Param(30, type="integer", minimum=1, description="Days without a change after which a deal is stale"),
    },
)
def pipedrive_stale_deals() -> None:
    """Declare the tasks."""

    @task(retries=3, retry_delay=datetime.timedelta(minutes=5))
    def digest() -> list[dict[str, Any]]:
        """The stale deals by owner, read page by page: only they are kept in memory."""
        params = get_current_context()["params"]
        hook = PipedriveHook(params["connection"])
        border = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=params["days"])
        asked = {"status": "open", "sort_by": "update_time", "include_fields": "next_activity_id"}
        by_owner: dict[int, list[dict[str, Any]]] = defaultdict(list)
        for deal in hook.iterate("getDeals", asked):
            touched = datetime.datetime.fromisoformat(deal["update_time"] or deal["add_time"])
            if touched >= border:
                break  # they come the longest untouched first
            if not deal.get("next_activity_id"):
                by_owner[deal["owner_id"]].append(deal)
        names = {user["id"]: user["name"] for user in hook.run("getUsers")}
        return [
            {
                "owner": names.get(owner_id, f"user {owner_id}"),
                "deals": len(deals),
                "value": {
                    currency: round(sum(deal["value"] for deal in deals if deal["currency"] == currency), 2)
                    for currency in sorted({deal["currency"] for deal in deals})
                },
                "first": [
                    {"id": deal["id"], "title": deal["title"], "untouched_since": deal["update_time"]}
                    for deal in sorted(deals, key=lambda deal: -deal["value"])[:MOST_DEALS]
                ],
            }
            for owner_id, deals in sorted(by_owner.items(), key=lambda item: -len(item[1]))
        ]

    @task
    def tell(owners: list[dict[str, Any]]) -> str:
        """The digest as text."""
        lines = []
        for owner in owners:
            worth = ", ".join(f"{value:,.2f} {currency}" for currency, value in owner["value"].items())
            lines.append(f"{owner['owner']}: {owner['deals']} deals, {worth}")
            lines += [f"  {deal['title']} ({deal['id']})" for deal in owner["first"]]
        text = "\n".join(lines) or "No stale deals."
        print(text)  # noqa: T201 - into the log of the task
        return text

    tell(digest())


pipedrive_stale_deals()
