"""The example DAGs in a real Airflow 3: web server, scheduler, worker processes, one of 20 requests failing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from landed import differences
from live_airflow import LiveAirflow, Run
from live_sandbox import LiveSandbox

from tests.system.conftest import EXAMPLE_DAGS, INBOUND, PYTHON, files_with, secrets_of

pytestmark = pytest.mark.airflow


@dataclass(frozen=True)
class Finished:
    """An Airflow in which three example DAGs have run to success.

    :ivar posted: the paths of what was created for the rows of a file
    """

    airflow: LiveAirflow
    write: Run
    extract: Run
    inbound: Run
    posted: list[str]


@pytest.fixture(scope="module")
def finished(
    live_sandbox: LiveSandbox, environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Finished]:
    """The DAGs, triggered as a person would; a run that fails is an error with the ends of its tasks' logs."""
    home, drop = tmp_path_factory.mktemp("airflow"), tmp_path_factory.mktemp("drop")
    (drop / "monday.csv").write_text(INBOUND)
    with LiveAirflow(PYTHON, home, EXAMPLE_DAGS, environ | {"PIPEDRIVE_EXAMPLE_DROP": str(drop)}) as airflow:
        write = airflow.trigger("pipedrive_write")
        airflow.wait_for_run(write)
        before = len(live_sandbox.requests())
        inbound = airflow.trigger("pipedrive_inbound_leads")
        airflow.wait_for_run(inbound)
        posted = [sent["path"] for sent in live_sandbox.requests()[before:] if sent["method"] == "POST"]
        live_sandbox.fail_one_in(20)
        folder = tmp_path_factory.mktemp("landed")
        extract = airflow.trigger("pipedrive_extract", {"connection": "pipedrive_by_token", "folder": str(folder)})
        airflow.wait_for_run(extract)
        yield Finished(airflow, write, extract, inbound, posted)


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
    assert sorted(path for path in finished.posted if not path.startswith("/oauth")) == [
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


def test_no_secret_stands_in_any_log_nor_in_airflows_database(finished, live_sandbox):
    assert finished.airflow.log_files(finished.extract)
    secrets = secrets_of(live_sandbox)
    assert len(secrets) >= 4, "API token, client secret, refresh token and at least one access token"
    assert [path for secret in secrets for path in files_with(secret, finished.airflow.home)] == []
