"""What reaches a lineage backend: Airflow runs the tasks, and OpenLineage's provider writes its events to a file.

Every value of a record that the DAG knows has the word ``Kryptonym`` in it.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from importlib import metadata
from typing import Any

import pytest
from environment import clean_environ
from live_sandbox import LiveSandbox

from tests.system.conftest import PYTHON

pytestmark = [
    pytest.mark.airflow,
    *([pytest.mark.long] if metadata.version("apache-airflow").startswith("2.") else []),
]

DAG_IDS = ("crm", "by_hook", "with_a_table")
"""Each tested in a process of its own, as tasks run: Airflow's collector of lineage belongs to a process."""
DAG = """
import os

from airflow.providers.common.compat.sdk import DAG, Asset, task
from airflow.providers.common.compat.lineage.entities import Table

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveNewFileSensor, PipedriveRecordSensor
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveFileOperator,
    PipedriveFileToObjectStorageOperator,
    PipedriveToObjectStorageOperator,
    PipedriveToWarehouseOperator,
)

FOLDER = os.environ["LINEAGE_FOLDER"]

with DAG("crm", schedule=None):

    @task
    def name():
        return "Ada Kryptonym"

    @task
    def terms():
        return [{"term": "Kryptonym"}, {"term": "Kryptonym {{ 7 * 7 }}"}]

    ada, searches = name(), terms()
    add = PipedriveOperator(
        task_id="add",
        action="addPerson",
        parameters={
            "name": ada,
            "emails": [{"value": "kryptonym@{{ 'lineage' }}.example", "label": "work"}],
            "phones": [{"value": "Kryptonym 4711", "primary": True}],
        },
        outlets=[Asset("file:///declared/people")],
    )
    note = PipedriveOperator(
        task_id="note",
        action="addNote",
        parameters={"content": "Kryptonym said", "person_id": "{{ task_instance.xcom_pull('add')['id'] }}"},
    )
    upload = PipedriveOperator(
        task_id="upload", action="addFile", parameters={"file": ("Kryptonym.txt", FOLDER + "/offer.txt"), "deal_id": 1},
    )
    download = PipedriveOperator(
        task_id="download", action="downloadFile",
        parameters={"id": "{{ task_instance.xcom_pull('upload')['id'] }}"}, save_to=FOLDER + "/download.txt",
    )

    mapped = PipedriveOperator.partial(task_id="mapped", action="searchPersons").expand(parameters=searches)
    attach = ObjectStorageToPipedriveFileOperator(
        task_id="attach", path=FOLDER + "/offer.txt", name="Kryptonym.pdf", deal_id=1
    )
    bring = PipedriveFileToObjectStorageOperator(
        task_id="bring", path="file://" + FOLDER + "/files", deal_id=1, after_id=0, names="Kryptonym*",
    )
    waited = PipedriveRecordSensor(
        task_id="waited", action="getPerson", parameters={"id": "{{ task_instance.xcom_pull('add')['id'] }}"},
        success=("name", "==", "Ada Kryptonym"), poke_interval=5, timeout=60,
    )
    file = PipedriveNewFileSensor(
        task_id="file", deal_id=1, names="Kryptonym*", since="2020-01-01T00:00:00Z", poke_interval=5
    )
    extract = PipedriveToObjectStorageOperator(
        task_id="extract", entities=["deals", "persons"], path="file://" + FOLDER + "/crm",
        parameters={"deals": {"status": "open"}},
        outlets=[Asset("file:///declared/crm")],
    )
    load = PipedriveToWarehouseOperator(
        task_id="load", entities=["deals"], destination=f"duckdb:///{FOLDER}/warehouse.duckdb", dataset="crm",
        parameters={"deals": {"status": "won"}},
    )

    # ``airflow dags test`` runs all tasks in one process, and Airflow's collector of lineage belongs to a process: what
    # tells nothing itself comes first, for it would tell what others before it have read.
    [ada, searches] >> add >> note >> upload >> download >> [mapped, attach] >> bring >> waited >> file
    file >> extract >> load

with DAG("by_hook", schedule=None):

    @task(outlets=[Asset("file:///declared/report")])
    def by_hook():
        hook = PipedriveHook()
        hook.request("GET", "/api/v2/organizations", {"limit": 1})
        hook.options("selectDeal", "Kryptonym")
        list(PipedriveHook().iterate("getDeals", max_records=1))
        list(PipedriveHook().iterate("getDeals", max_records=1))

    by_hook()

with DAG("with_a_table", schedule=None):

    @task(outlets=[Table(database="bi", cluster="postgres://bi", name="people")])
    def with_a_table():
        PipedriveHook().run("searchPersons", {"term": "Kryptonym"})

    with_a_table()
"""


@pytest.fixture(scope="module", params=["as usual", pytest.param("full_task_info", marks=pytest.mark.long)])
def events(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The text of all events and, by task, what its last one says was read and written."""
    folder, home = tmp_path_factory.mktemp("lineage"), tmp_path_factory.mktemp("airflow")
    (home / "dags").mkdir()
    (home / "dags" / "crm.py").write_text(DAG)
    (folder / "offer.txt").write_text("Kryptonym's offer")
    sent = home / "events.jsonl"
    with LiveSandbox(PYTHON, deals=20, environ=clean_environ()) as sandbox:
        environ = clean_environ() | {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps({"type": "file", "log_file_path": str(sent), "append": True}),
            "AIRFLOW__OPENLINEAGE__INCLUDE_FULL_TASK_INFO": str(request.param == "full_task_info"),
            "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": sandbox.connection(),
            "LINEAGE_FOLDER": str(folder),
        }
        for command in (["db", "migrate"], *(["dags", "test", dag] for dag in DAG_IDS)):
            done = subprocess.run(
                [PYTHON.parent / "airflow", *command],
                env=environ,
                cwd=home,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=400,
                check=False,
            )
            assert done.returncode == 0, done.stdout[-5000:]
        requests = sandbox.requests()
    return {
        "requests": requests,
        "text": sent.read_text(),
        "secrets": sandbox.secrets,
        "folder": str(folder),
        "output": done.stdout,
    }


def ended(events: dict[str, Any]) -> dict[str, tuple[set[str], set[str]]]:
    """By task: what it has read and written, as its last event says, all of its mapped tasks together."""
    found: dict[str, tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for line in events["text"].splitlines():
        event = json.loads(line)
        if event["eventType"] == "COMPLETE" and "." in event["job"]["name"]:
            for kind, data_sets in zip(
                ("inputs", "outputs"), found[event["job"]["name"].partition(".")[2]], strict=True
            ):
                names = [f"{one['namespace']} {one['name']}" for one in event.get(kind, ())]
                assert len(names) == len(set(names)), event
                data_sets.update(name.replace(events["folder"], "FOLDER") for name in names)
    return found


def test_no_event_has_a_value_of_a_record_or_a_secret(events: dict[str, Any]) -> None:
    text = events["text"]
    assert text.count('"eventType": "COMPLETE"') > 12, events["output"][-3000:]
    hidden = ["ryptonym", "4711", *events["secrets"].values()]
    assert [line[:500] for line in text.splitlines() for word in hidden if word in line] == []


def test_each_task_tells_what_it_has_read_and_written_and_what_its_dag_declares(events: dict[str, Any]) -> None:
    found = ended(events)
    records = {
        name: f"pipedrive://127.0.0.1 {name}" for name in ("deals", "persons", "organizations", "notes", "files")
    }
    assert {name: found[name] for name in sorted(found)} == {
        "add": (set(), {records["persons"], "file /declared/people"}),
        "attach": ({"file FOLDER/offer.txt"}, {records["files"]}),
        "bring": ({records["files"]}, {"file FOLDER/files"}),
        "by_hook": ({records["organizations"], records["deals"]}, {"file /declared/report"}),
        "download": ({records["files"]}, {"file FOLDER/download.txt"}),
        "extract": (
            {records["deals"], records["persons"]},
            {"file FOLDER/crm/deals", "file FOLDER/crm/persons", "file /declared/crm"},
        ),
        "file": ({records["files"]}, set()),
        "load": ({records["deals"]}, {"duckdb://FOLDER/warehouse.duckdb crm.deals"}),
        "mapped": ({records["persons"]}, set()),
        "name": (set(), set()),
        "terms": (set(), set()),
        "note": (set(), {records["notes"]}),
        "upload": ({"file FOLDER/offer.txt"}, {records["files"]}),
        "waited": ({records["persons"]}, set()),
        "with_a_table": (set(), {"postgres://bi bi.people"}),
    }


def test_a_mapped_tasks_parameters_are_no_templates_where_another_task_has_made_them(events: dict[str, Any]) -> None:
    terms = [dict(request["query"])["term"] for request in events["requests"] if "persons/search" in request["path"]]
    assert terms.count("Kryptonym {{ 7 * 7 }}") == 1
