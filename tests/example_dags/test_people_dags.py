"""The example DAGs in which people decide, run task by task against the sandbox."""

from __future__ import annotations

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.example_dags.test_writing_dags import loaded
from tests.support.people import AskingTask, asked
from tests.support.people import asking as asking


def test_the_deal_that_a_person_chooses_gets_a_quote_and_a_note(sandbox: Sandbox, asking: AskingTask) -> None:
    made = PipedriveHook().run("addDeal", {"title": "Roof & <tiles>", "value": 1200, "currency": "EUR"})
    dag = loaded("pipedrive_quote").dag
    choose = dag.get_task("choose")
    choose.term = ""  # as the form's field renders, when it is left empty
    parked = asked(choose, asking)
    choice = parked.answered("Choose", choice=str(made["id"]))

    assert dag.get_task("has_chosen").python_callable(choice)
    file = dag.get_task("quote").python_callable(choice)
    assert file == {"id": file["id"], "name": f"quote-{made['id']}.html", "deal_id": made["id"]}
    content = PipedriveHook().run("downloadFile", {"id": file["id"]})
    assert b"<h1>Quote: Roof &amp; &lt;tiles&gt;</h1>" in content
    notes = [note["content"] for note in sandbox.records("notes").values() if note["deal_id"] == made["id"]]
    assert notes == ["Quote attached. Chosen by Eva."]


def test_none_of_these_ends_the_run_without_a_quote(sandbox: Sandbox, asking: AskingTask) -> None:
    dag = loaded("pipedrive_quote").dag
    choose = dag.get_task("choose")
    choose.term = ""
    choice = asked(choose, asking).answered("Choose", choice="none")
    assert not dag.get_task("has_chosen").python_callable(choice)
