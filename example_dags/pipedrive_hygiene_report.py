"""Once a week, a report on how clean the CRM is: what is missing in which list, with a picture, as one page of HTML.

It counts persons whom nobody can reach, organizations without an address, open deals without a next activity, and
duplicates. The lists are read page by page, and the report goes to a folder, local or in object storage.
"""

from __future__ import annotations

import datetime
from html import escape
from typing import Any

from airflow.providers.common.compat.sdk import ObjectStoragePath, Param, dag, get_current_context, task

from airflow_provider_pipedrive.bulk import find_duplicates
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

WIDTH, LINE = 360, 26
"""Pixels of the longest bar, and from one bar to the next."""


@dag(
    dag_id="pipedrive_hygiene_report",
    schedule="@weekly",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "folder": Param("/tmp/pipedrive-hygiene", type="string", description="Where the report goes"),
    },
)
def pipedrive_hygiene_report() -> None:
    """Declare the tasks."""

    @task(retries=3, retry_delay=datetime.timedelta(minutes=5))
    def count() -> list[dict[str, Any]]:
        """What is missing: ``what``, how ``many``, and ``of`` how many."""
        hook = PipedriveHook(get_current_context()["params"]["connection"])
        lists = {
            "Persons without e-mail and phone": ("getPersons", {}, lambda one: not (one["emails"] or one["phones"])),
            "Organizations without an address": ("getOrganizations", {}, lambda one: not one["address"]),
            "Open deals without a next activity": (
                "getDeals",
                {"status": "open", "include_fields": "next_activity_id"},
                lambda one: not one.get("next_activity_id"),
            ),
        }
        found = []
        for what, (action, parameters, is_missing) in lists.items():
            verdicts = [is_missing(record) for record in hook.iterate(action, parameters)]
            found.append({"what": what, "many": sum(verdicts), "of": len(verdicts)})
        for entity in ("persons", "organizations"):
            extra = sum(len(group["ids"]) - 1 for group in find_duplicates(hook.client, entity))
            whole = found[0 if entity == "persons" else 1]["of"]
            found.append({"what": f"{entity.title()} too many: duplicates", "many": extra, "of": whole})
        return found

    @task
    def draw(counts: list[dict[str, Any]]) -> str:
        """The page with its picture; returns its path."""
        folder = ObjectStoragePath(get_current_context()["params"]["folder"])
        folder.mkdir(parents=True, exist_ok=True)
        bars = "".join(
            f"<g transform='translate(0 {number * LINE})'><text y='16'>{escape(each['what'])}</text>"
            f"<rect x='250' y='4' width='{WIDTH * each['many'] / max(each['of'], 1):.0f}' height='16'/>"
            f"<text x='{256 + WIDTH}' y='16'>{each['many']} of {each['of']}</text></g>"
            for number, each in enumerate(counts)
        )
        picture = (
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{WIDTH + 360}' height='{len(counts) * LINE}' "
            f"font-family='sans-serif' font-size='13' fill='#26a69a'><g>{bars}</g></svg>"
        )
        page = folder / f"hygiene-{datetime.datetime.now(datetime.UTC):%Y-%m-%d}.html"
        page.write_text(
            f"<!doctype html><meta charset='utf-8'><h1>Pipedrive, this week</h1>{picture}", encoding="utf-8"
        )
        return str(page)

    draw(count())


pipedrive_hygiene_report()
