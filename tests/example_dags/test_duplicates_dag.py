"""The example DAG that merges duplicates, run task by task: nothing is merged before somebody has said so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowSkipException

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.example_dags.test_writing_dags import loaded
from tests.support.people import AskingTask, asked
from tests.support.people import asking as asking

RUN: Any = {"ti": AskingTask(), "run_id": "run"}


def add(mail: str) -> int:
    body = {"name": "Zoltan Quast", "emails": [{"value": mail, "primary": True}]}
    return int(PipedriveHook().run("addPerson", body)["id"])


def is_there(sandbox: Sandbox, identity: int) -> bool:
    person = sandbox.records("persons").get(identity)
    return person is not None and not person["is_deleted"]


def planned(module: Any, folder: Path) -> Any:
    """The tasks of the DAG up to the question: the groups, and what is asked."""
    dag = module.dag
    params = {"connection": "pipedrive_default", "folder": str(folder), "least_score": 0.9}
    find = dag.get_task("find").python_callable
    find.__globals__["get_current_context"] = lambda: {"params": params}
    groups = find()
    for name in ("plan", "merge"):
        task = dag.get_task(name)
        task.groups, task.folder, task.pipedrive_conn_id = groups, str(folder / name), "pipedrive_default"
    approval = dag.get_task("approval")
    approval.plan = dag.get_task("plan").execute(RUN)
    return approval


def test_duplicates_are_found_shown_and_merged_after_approval(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    ids = [add("zq@x.example"), add("zq+crm@x.example")]
    module = loaded("pipedrive_merge_duplicates")

    waiting = asked(planned(module, tmp_path), asking)

    assert [is_there(sandbox, identity) for identity in ids] == [True, True]
    assert f"{ids[0]}, {ids[1]}" in waiting.question.body.replace("\\", "")
    assert "zq+crm@x.example" in (tmp_path / "review.csv").read_text(encoding="utf-8")
    assert waiting.answered("Approve")["by"]["name"] == "Eva"
    receipt = module.dag.get_task("merge").execute(RUN)
    assert receipt["merged"] >= 1
    assert [is_there(sandbox, identity) for identity in ids] == [True, False]


def test_a_refusal_merges_nothing(sandbox: Sandbox, asking: AskingTask, tmp_path: Path) -> None:
    ids = [add("zq@x.example"), add("zq+crm@x.example")]
    module = loaded("pipedrive_merge_duplicates")
    waiting = asked(planned(module, tmp_path), asking)

    with pytest.raises(AirflowSkipException, match="Refused by Eva: nothing was written"):
        waiting.answered("Refuse")

    assert [is_there(sandbox, identity) for identity in ids] == [True, True]
    assert module.dag.get_task("approval").downstream_task_ids == {"merge"}
