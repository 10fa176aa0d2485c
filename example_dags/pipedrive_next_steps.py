"""Once a week, an agent drafts the next step for deals that nobody has touched for weeks; approved, they become notes.

The agent can only look: its tools read deals, activities and notes, and it is told ids, not titles, so that all text of
the CRM reaches it marked as data. What it drafts is checked (only deals that it was asked about, plain text), shown on
Airflow's page of required actions, and written as one note a deal after approval. It needs the extra `ai`, a connection
to a language model, and Airflow 3.1 or later, which asks people: elsewhere there is no such DAG.
"""

from __future__ import annotations

import datetime
from html import escape
from importlib.util import find_spec
from itertools import islice, takewhile
from typing import Any

from airflow.providers.common.compat.sdk import DAG, Param, get_current_context, task
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS
from pydantic import BaseModel

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.approval import Approval
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator

CONNECTION = "pipedrive_default"
"""Of the file and not of the form: who starts a run does not choose whose CRM an agent reads."""
PROMPT = """These open deals have been left alone for weeks; their ids: {{ ti.xcom_pull('stale') | join(', ') }}.
For each, read the deal, its activities and its notes, and draft the next step for the deal's owner: one or two
sentences, concrete, in the language of the notes. Leave out a deal that needs nothing."""


class NextStep(BaseModel):
    """What should happen next with a deal."""

    deal_id: int
    text: str


class Drafts(BaseModel):
    """What the agent hands back."""

    steps: list[NextStep]


@task.short_circuit
def stale() -> list[int]:
    """Open deals without a planned activity that were last changed long ago; if there are none, the run ends here."""
    params = get_current_context()["params"]
    border = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=params["days"])
    asked = {"status": "open", "sort_by": "update_time", "include_fields": "next_activity_id"}
    oldest_first = PipedriveHook(CONNECTION).iterate("getDeals", asked)
    untouched = takewhile(lambda deal: datetime.datetime.fromisoformat(deal["update_time"]) < border, oldest_first)
    return list(islice((deal["id"] for deal in untouched if not deal.get("next_activity_id")), params["most"]))


@task
def notes(asked: list[int], drafts: dict[str, Any]) -> list[dict[str, Any]]:
    """The drafts as rows, one a deal; a model can make up a deal, and can write markup."""
    texts = {step["deal_id"]: step["text"] for step in drafts["steps"]}
    return [
        {"deal_id": deal_id, "content": f"Suggested next step: {escape(texts[deal_id])}"}
        for deal_id in asked
        if texts.get(deal_id)
    ]


if AIRFLOW_V_3_1_PLUS and find_spec("airflow.providers.common.ai"):
    from airflow.providers.common.ai.operators.agent import AgentOperator

    from airflow_provider_pipedrive.toolsets import PipedriveToolset

    with DAG(
        "pipedrive_next_steps",
        schedule="@weekly",
        start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        catchup=False,
        is_paused_upon_creation=True,
        tags=["pipedrive", "example"],
        doc_md=__doc__,
        params={
            "days": Param(30, type="integer", minimum=1, description="Days without a change after which a deal counts"),
            "most": Param(20, type="integer", minimum=1, description="Deals of one run, the longest untouched first"),
        },
    ) as dag:
        deals = stale()
        draft = AgentOperator(
            task_id="draft",
            llm_conn_id="pydanticai_default",
            prompt=PROMPT,
            output_type=Drafts,
            serialize_output=True,
            toolsets=[
                PipedriveToolset(
                    CONNECTION,
                    actions=["getDeal", "getActivities", "getNotes"],
                    max_tokens=2_000,
                    max_records=20,
                )
            ],
        )
        deals >> draft
        PipedriveBulkOperator(
            task_id="write",
            rows=notes(deals, draft.output),
            entity="notes",
            mode="create",
            approval=Approval(timeout=datetime.timedelta(days=3), on_timeout="skip"),
            pipedrive_conn_id=CONNECTION,
        )
