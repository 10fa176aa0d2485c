"""The example DAGs in a real Airflow 3: web server, scheduler, worker processes, one of 20 requests failing."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from landed import differences
from live_airflow import LiveAirflow, Run
from live_sandbox import LiveSandbox

from tests.system.conftest import EXAMPLE_DAGS, INBOUND, PYTHON, ask, files_with, secrets_of

pytestmark = pytest.mark.airflow

USERS = {"admin": "admin", "eva": "user", "bo": "user", "vi": "viewer"}
ASKING = """
from datetime import timedelta

from airflow.sdk import DAG

from airflow_provider_pipedrive.operators.approval import PipedriveApprovalOperator
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.choices import PipedriveChoiceOperator
from airflow_provider_pipedrive.operators.conversions import PipedriveConvertDealOperator, PipedriveConvertLeadOperator

PLAN = [{"id": 1, "key": 1, "action": "update", "before": {"title": "One"}, "after": {"title": "Two"}}]

with DAG("asking", schedule=None):
    choose = PipedriveChoiceOperator(task_id="choose", source="selectDeal", parameters={"status": "open"}, record=True)
    row = {"id": "{{ ti.xcom_pull('choose')['key'] }}", "title": "Chosen by {{ ti.xcom_pull('choose')['by']['name'] }}"}
    choose >> PipedriveBulkOperator(
        task_id="write", rows=[row], entity="deals", mode="update", match_on="id", approval=True
    )
    PipedriveApprovalOperator(task_id="refused", subject="Another title?", plan=PLAN)

with DAG("unanswered", schedule=None):
    PipedriveApprovalOperator(task_id="nobody", subject="Nobody looks", plan=PLAN, timeout=timedelta(seconds=3))

with DAG("there_and_back", schedule=None, params={"lead": ""}):
    to_deal = PipedriveConvertLeadOperator(task_id="to_deal", lead_id="{{ params.lead }}")
    to_deal >> PipedriveConvertDealOperator(
        task_id="to_lead", deal_id="{{ ti.xcom_pull('to_deal')['deal_id'] }}"
    )
"""
"""Questions to people, answered, refused, and not answered; conversions."""


@dataclass(frozen=True)
class Finished:
    """An Airflow in which three example DAGs have run to success, and people were asked.

    :ivar posted: the paths of what was created for the rows of a file
    :ivar asking: a run whose questions people have answered
    :ivar unanswered: a run whose question nobody answered
    :ivar chosen: the id of the deal that eva chose
    :ivar statuses: Airflow's answers to those who have answered
    :ivar written: the title of that deal afterwards
    :ivar lead: the id of a lead that was converted, and the deal again
    :ivar converted: the run that did so
    """

    airflow: LiveAirflow
    write: Run
    extract: Run
    inbound: Run
    posted: list[str]
    asking: Run
    unanswered: Run
    chosen: int
    statuses: dict[str, int]
    written: str
    lead: str
    converted: Run


@pytest.fixture(scope="module")
def finished(
    live_sandbox: LiveSandbox, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """The DAGs, triggered as a person would; a run that fails is an error with the ends of its tasks' logs."""
    home, drop = tmp_path_factory.mktemp("airflow"), tmp_path_factory.mktemp("drop")
    (drop / "monday.csv").write_text(INBOUND)
    dags = Path(shutil.copytree(EXAMPLE_DAGS, tmp_path_factory.mktemp("example") / "dags"))
    (dags / "asking.py").write_text(ASKING)
    environ = environ | {"PIPEDRIVE_EXAMPLE_DROP": str(drop)}
    with LiveAirflow(PYTHON, home, dags, environ, users=USERS) as airflow:
        asking, unanswered = airflow.trigger("asking"), airflow.trigger("unanswered")
        lead = ask(live_sandbox, "/v1/leads", {"title": "There and back", "person_id": 1})["id"]
        converted = airflow.trigger("there_and_back", {"lead": lead})
        write = airflow.trigger("pipedrive_write")
        airflow.wait_for_run(write)
        before = len(live_sandbox.requests())
        inbound = airflow.trigger("pipedrive_inbound_leads")
        airflow.wait_for_run(inbound)
        posted = [sent["path"] for sent in live_sandbox.requests()[before:] if sent["method"] == "POST"]
        chosen, statuses = answered(airflow, asking)
        for run in (asking, converted):
            airflow.wait_for_run(run)
        airflow.wait_for_states(unanswered, {"nobody": "failed"})
        written = ask(live_sandbox, f"/api/v2/deals/{chosen}")["title"]
        live_sandbox.fail_one_in(20)
        folder = tmp_path_factory.mktemp("landed")
        extract = airflow.trigger("pipedrive_extract", {"connection": "pipedrive_by_token", "folder": str(folder)})
        airflow.wait_for_run(extract)
        people = (asking, unanswered, chosen, statuses, written, lead, converted)
        yield Finished(airflow, write, extract, inbound, posted, *people)


def answered(airflow: LiveAirflow, run: Run) -> tuple[int, dict[str, int]]:
    """The deal that is chosen, and what each of those is answered who answer one after the other."""
    (field,) = airflow.wait_for_question(run, "choose")["params"].values()
    last = [key for key in field["schema"]["enum"] if key != "none"][-1]
    statuses = {
        "viewer": airflow.answer("vi", run, "choose", "Choose", choice=last),
        "first": airflow.answer("eva", run, "choose", "Choose", choice=last),
        "second": airflow.answer("bo", run, "choose", "Choose", choice="none"),
    }
    airflow.wait_for_question(run, "refused")
    statuses["refusal"] = airflow.answer("bo", run, "refused", "Refuse")
    airflow.wait_for_question(run, "write")
    statuses["approval"] = airflow.answer("eva", run, "write", "Approve")
    return int(last), statuses


@pytest.mark.parametrize("entity", ["deals", "persons", "organizations", "activities", "pipelines"])
def test_every_record_lands_exactly_once_although_requests_fail(entity, finished, live_sandbox):
    receipts = finished.airflow.xcom(finished.extract, "summarize")["entities"]
    (receipt,) = [receipt for receipt in receipts if receipt["entity"] == entity]
    assert differences(receipt, live_sandbox.ids(entity)) == []


def test_requests_did_fail_during_the_extract(finished, live_sandbox):
    assert set(live_sandbox.failures()) >= {"503", "429", "reset"}


def test_the_summary_lies_beside_the_files_and_no_unfinished_file_is_left(finished):
    summary = finished.airflow.xcom(finished.extract, "summarize")
    folder = Path(summary["files"][0]).parent
    assert json.loads((folder / "summary.json").read_text()) == summary
    assert sorted(path.name for path in folder.iterdir()) == [
        "activities.jsonl",
        "deals.jsonl",
        "organizations.jsonl",
        "persons.jsonl",
        "pipelines.jsonl",
        "summary.json",
    ]


def test_the_write_dag_moves_the_new_deal_one_stage_further(finished):
    added, read_back = (finished.airflow.xcom(finished.write, task) for task in ("add_deal", "get_deal"))
    assert read_back["id"] == added["id"]
    assert read_back["title"] == f"Example deal of {finished.write.run_id}"
    assert read_back["stage_id"] == finished.airflow.xcom(finished.write, "next_stage") != added["stage_id"]


def test_the_write_dag_uploads_the_file_to_the_deal(finished):
    file = finished.airflow.xcom(finished.write, "add_file")
    assert (file["name"], file["deal_id"]) == ("offer.txt", finished.airflow.xcom(finished.write, "add_deal")["id"])


def test_rows_of_a_csv_file_become_persons_an_organization_and_leads_each_once(finished):
    meanwhile = re.compile("/oauth/|.*/convert/")  # authorizations and conversions
    assert sorted(path for path in finished.posted if not meanwhile.match(path)) == [
        "/api/v2/organizations",
        "/api/v2/persons",
        "/api/v2/persons",
        "/v1/leads",
        "/v1/leads",
    ]
    receipts = [finished.airflow.xcom(finished.inbound, task) for task in ("people", "leads")]
    assert [(receipt["created"], receipt["rejected"]) for receipt in receipts] == [(2, 0), (2, 0)]


def test_a_task_links_to_the_record_that_it_wrote(finished, live_sandbox):
    deal = finished.airflow.xcom(finished.write, "add_deal")["id"]
    links = finished.airflow.links(finished.write, "add_deal")
    assert links == {"Pipedrive record": f"{live_sandbox.url}/deal/{deal}"}


def test_of_two_people_the_first_decides_and_a_viewer_may_not(finished):
    assert finished.statuses == {"viewer": 403, "first": 200, "second": 409, "refusal": 200, "approval": 200}


def test_the_deal_that_somebody_chose_is_written_as_somebody_approved(finished):
    choice, receipt = (finished.airflow.xcom(finished.asking, task) for task in ("choose", "write"))
    assert (int(choice["key"]), choice["outcome"], choice["by"]["name"]) == (finished.chosen, "chosen", "eva")
    assert (receipt["updated"], receipt["approval"]["by"]["name"]) == (1, "eva")
    assert finished.written == "Chosen by eva"


def test_what_somebody_refused_is_skipped_and_what_nobody_answered_fails(finished):
    states = {
        task["task_id"]: task["state"]
        for run in (finished.asking, finished.unanswered)
        for task in finished.airflow.tasks(run)
    }
    assert states == {"choose": "success", "write": "success", "refused": "skipped", "nobody": "failed"}


def test_a_lead_becomes_a_deal_and_a_lead_again_in_the_triggerer(finished):
    to_deal, to_lead = (finished.airflow.xcom(finished.converted, task) for task in ("to_deal", "to_lead"))
    assert (to_deal["lead_id"], to_deal["converted"]) == (finished.lead, True)
    assert (to_lead["deal_id"], to_lead["converted"]) == (to_deal["deal_id"], True)


def test_no_secret_stands_in_any_log_nor_in_airflows_database(finished, live_sandbox):
    assert finished.airflow.log_files(finished.extract)
    secrets = secrets_of(live_sandbox)
    assert len(secrets) >= 4, "API token, client secret, refresh token and at least one access token"
    assert [path for secret in secrets for path in files_with(secret, finished.airflow.home)] == []
