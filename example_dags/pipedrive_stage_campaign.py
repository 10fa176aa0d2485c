"""A deal comes to a stage: its contact enters a step of a campaign. Which step, the event decides.

A watcher asks Pipedrive once a minute which deals have moved and wakes this DAG. `moves` reads every move since the
run before, none left out and none twice; `choose` lets only those steps run that a deal has come to. A step puts the
contact under a key made of the move, so that a repeated run sends nothing twice.

Name your stages and steps in `STEPS`, fill in `campaign` (an HTTP service that takes `PUT <campaign>/<step>/<key>`),
set the environment variable `PIPEDRIVE_COMPANY` (`acme` for `acme.pipedrive.com`) for all of Airflow's processes, then
unpause it. Where another DAG uses this asset too, as `pipedrive_deal_mirror` does, take it from one module, watcher
included: docs/events.md says why. Airflow 2.11 has no watchers: there the DAG looks by itself every five minutes.
"""

from __future__ import annotations

import datetime
import os
from typing import Any

from airflow.providers.common.compat.sdk import Param, dag, get_current_context, task

from airflow_provider_pipedrive.assets import changes_of, pipedrive_changes, watched_asset
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

STEPS = {"Proposal made": "send_case_studies", "Negotiation": "invite_to_call"}
"""The step of the campaign that each stage leads to."""

DEALS = watched_asset(os.environ.get("PIPEDRIVE_COMPANY", "acme"), "deals", "stage_moved", interval=60)
HAS_WATCHERS = bool(getattr(DEALS, "watchers", ()))


@dag(
    dag_id="pipedrive_stage_campaign",
    schedule=[DEALS] if HAS_WATCHERS else "*/5 * * * *",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    # Changes are claimed by one run after another.
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    default_args={"retries": 5, "retry_delay": datetime.timedelta(minutes=1)},
    params={
        "campaign": Param("https://campaign.example.com/steps", type="string", description="Where contacts are put"),
    },
)
def pipedrive_stage_campaign() -> None:
    """Declare the tasks."""
    moves = pipedrive_changes(DEALS, kinds="stage_moved", task_id="moves")

    @task
    def by_step(batches: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        """The contacts for each step, told apart by the stage that the deal has come to."""
        names = {stage["id"]: stage["name"] for stage in PipedriveHook().iterate("getStages")}
        found: dict[str, list[dict[str, Any]]] = {}
        for batch in batches:
            for move in changes_of(batch):
                step = STEPS.get(names.get(move.values["stage_id"], ""))
                if step and move.values.get("person_id"):
                    contact = {"person_id": move.values["person_id"], "deal": move.values["title"]}
                    found.setdefault(step, []).append({"key": move.event_id.replace("/", "-"), **contact})
        return found

    @task.branch
    def choose(contacts: dict[str, list[dict[str, Any]]]) -> list[str]:
        """Run the steps that somebody has come to."""
        return list(contacts)

    @task
    def enter(step: str, contacts: dict[str, list[dict[str, Any]]]) -> int:
        """Put the contacts into a step of the campaign."""
        import requests

        address = get_current_context()["params"]["campaign"]
        for contact in contacts[step]:
            answer = requests.put(f"{address}/{step}/{contact['key']}", json=contact, timeout=30)
            answer.raise_for_status()
        return len(contacts[step])

    contacts = by_step(moves)
    chosen = choose(contacts)
    for step in STEPS.values():
        chosen >> enter.override(task_id=step)(step, contacts)


pipedrive_stage_campaign()
