"""Write to Pipedrive: a person, a deal for it, a note, a stage further, a file; then read the deal back.

Trigger it by hand. It creates records in the account and leaves them there.

Every task is the same operator: `action` says what to do, `parameters` with what, named as Pipedrive names them
(docs/actions.md has them all). A task's result is what Pipedrive answers, so a later task can take the new record's id
from it by a template. Numbers may come as text, as templates give them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.common.compat.sdk import dag, task

from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator

# A path on the worker. Object storage ("s3://bucket/offer.txt") works as well.
OFFER = str(Path(__file__).with_name("offer.txt"))

PERSON_ID = "{{ ti.xcom_pull(task_ids='add_person')['id'] }}"
DEAL_ID = "{{ ti.xcom_pull(task_ids='add_deal')['id'] }}"


@dag(dag_id="pipedrive_write", schedule=None, tags=["pipedrive", "example"], doc_md=__doc__)
def pipedrive_write() -> None:
    """Declare the tasks."""
    add_person = PipedriveOperator(
        task_id="add_person",
        action="addPerson",
        parameters={
            "name": "Example Person",
            "emails": [{"value": "person@example.com", "primary": True, "label": "work"}],
        },
    )

    add_deal = PipedriveOperator(
        task_id="add_deal",
        action="addDeal",
        parameters={
            "title": "Example deal of {{ run_id }}",
            "value": 1200,
            "currency": "EUR",
            "person_id": PERSON_ID,
        },
    )

    add_note = PipedriveOperator(
        task_id="add_note",
        action="addNote",
        parameters={"content": "Created by Airflow, run {{ run_id }}.", "deal_id": DEAL_ID},
    )

    get_stages = PipedriveOperator(
        task_id="get_stages",
        action="getStages",
        parameters={"pipeline_id": "{{ ti.xcom_pull(task_ids='add_deal')['pipeline_id'] }}"},
    )

    @task
    def next_stage(deal: dict[str, Any], stages: list[dict[str, Any]]) -> int:
        """The id of the stage after the deal's own (its own, if that is the last one)."""
        ids = [stage["id"] for stage in sorted(stages, key=lambda stage: stage["order_nr"])]
        return ids[min(ids.index(deal["stage_id"]) + 1, len(ids) - 1)]

    move_deal = PipedriveOperator(
        task_id="move_deal",
        action="updateDeal",
        parameters={"id": DEAL_ID, "stage_id": next_stage(add_deal.output, get_stages.output)},
    )

    add_file = PipedriveOperator(
        task_id="add_file",
        action="addFile",
        parameters={"file": OFFER, "deal_id": DEAL_ID},
    )

    get_deal = PipedriveOperator(task_id="get_deal", action="getDeal", parameters={"id": DEAL_ID})

    @task
    def check(deal: dict[str, Any], person: dict[str, Any], moved: dict[str, Any]) -> None:
        """Fail if the deal that was read back is not the one that was written."""
        found = (deal["person_id"], deal["stage_id"], deal["currency"])
        wanted = (person["id"], moved["stage_id"], "EUR")
        if found != wanted:
            raise ValueError(f"Deal {deal['id']} reads back as {found}, written was {wanted}")

    # Airflow sees no dependency in a template: say which task comes after which.
    add_person >> add_deal >> [add_note, get_stages, add_file]
    [add_note, move_deal, add_file] >> get_deal
    check(get_deal.output, add_person.output, move_deal.output)


pipedrive_write()
