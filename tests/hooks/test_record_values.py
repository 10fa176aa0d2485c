"""What an operator is given of records' values: Airflow renders and shows it, lineage gets none of it."""

from __future__ import annotations

import copy
import json
from typing import Any

import jinja2
import pytest
from airflow.providers.common.compat.sdk import DAG, BaseOperator

from airflow_provider_pipedrive.hooks.record_values import RecordValues
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveNewFileSensor, PipedriveRecordSensor
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveFileOperator,
    PipedriveFileToObjectStorageOperator,
    PipedriveToObjectStorageOperator,
    PipedriveToWarehouseOperator,
)

OPERATORS = {
    "a person": PipedriveOperator(
        task_id="add",
        action="addPerson",
        parameters={"name": "Ada Hidden", "emails": [{"value": "hidden@acme.example", "label": "work"}]},
    ),
    "a note from a template": PipedriveOperator(
        task_id="note", action="addNote", parameters={"content": "Hidden {{ run_id }}", "deal_id": 1}
    ),
    "bytes of a file": PipedriveOperator(
        task_id="upload", action="addFile", parameters={"file": ("Hidden.txt", b"Hidden"), "deal_id": 1}
    ),
    "a download": PipedriveOperator(
        task_id="download",
        action="downloadFile",
        parameters={"id": 1},
        save_to="s3://HiddenConnection@crm/contract.pdf",
    ),
    "all parameters from a template": PipedriveOperator(
        task_id="all", action="addPerson", parameters="{{ dict(name='Hidden') }}"
    ),
    "a record that is waited for": PipedriveRecordSensor(
        task_id="wait", action="getPerson", parameters={"id": 1}, success=("name", "==", "Hidden"), failure=[]
    ),
    "a file that is waited for": PipedriveNewFileSensor(task_id="file", deal_id=1, names=["Hidden*.pdf"]),
    "a part of the deals": PipedriveToObjectStorageOperator(
        task_id="extract",
        entities=["deals"],
        path="s3://HiddenConnection@crm/deals",
        parameters={"deals": {"filter_id": "{{ 'Hidden' }}"}},
    ),
    "a warehouse": PipedriveToWarehouseOperator(
        task_id="load",
        entities=["deals"],
        destination="duckdb:////data/warehouse.duckdb?memory_limit=Hidden",
        parameters={"deals": {"filter_id": "{{ 'Hidden' }}"}},
    ),
    "files": PipedriveFileToObjectStorageOperator(
        task_id="files", path="/data/files", file_id=[{"id": 7, "name": "Hidden.pdf"}]
    ),
    "a file": ObjectStorageToPipedriveFileOperator(
        task_id="attach", path="s3://HiddenConnection@crm/Hidden.pdf", name="Hidden.pdf", deal_id=1
    ),
}


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("operator", OPERATORS.values(), ids=OPERATORS.keys())
def test_lineage_is_told_names_but_no_value(operator: BaseOperator, full: bool) -> None:
    provider = pytest.importorskip("airflow.providers.openlineage.utils.utils")
    serde = pytest.importorskip("openlineage.client.serde").Serde
    info = (provider.TaskInfoComplete if full else provider.TaskInfo)(operator)
    event = serde.to_json(dict(info))
    assert "Hidden" not in event
    assert operator.task_id in event


def test_values_read_and_compare_like_the_dict_that_was_given() -> None:
    operator = PipedriveOperator(task_id="add", action="addPerson", parameters={"name": "Ada", "owner_id": 7})
    assert operator.parameters == {"name": "Ada", "owner_id": 7}
    assert dict(operator.parameters) == {"name": "Ada", "owner_id": 7}
    assert (operator.parameters["name"], len(operator.parameters)) == ("Ada", 2)
    assert PipedriveOperator(task_id="none", action="getCurrentUser").parameters == None  # noqa: E711


def test_what_prints_them_prints_their_names() -> None:
    operator = PipedriveOperator(task_id="add", action="addPerson", parameters={"name": "Ada", "owner_id": 7})
    assert f"{operator.parameters!r}" == "<RecordValues: name, owner_id>"


def rendered(operator: Any, **context: Any) -> Any:
    """A copy of the operator as a worker has it."""
    running = operator.prepare_for_execution()
    running.render_template_fields(context, jinja2.Environment())
    return running


def test_templates_in_them_are_rendered_and_the_dag_keeps_its_own() -> None:
    operator = PipedriveOperator(
        task_id="add",
        action="addPerson",
        parameters={"name": "{{ who }}", "emails": [{"value": "{{ who }}@b.example"}]},
    )
    running = rendered(operator, who="ada")
    assert running.parameters == {"name": "ada", "emails": [{"value": "ada@b.example"}]}
    assert operator.parameters["name"] == "{{ who }}"
    assert rendered(operator, who="eva").parameters["name"] == "eva"
    assert copy.deepcopy(operator).parameters == operator.parameters


def test_airflow_shows_what_was_rendered() -> None:
    helpers = pytest.importorskip("airflow.serialization.helpers")
    running = rendered(
        PipedriveOperator(task_id="add", action="addPerson", parameters={"name": "{{ who }}", "owner_id": 7}), who="ada"
    )
    shown = helpers.serialize_template_field(running.parameters, "parameters")
    assert (json.loads(shown) if isinstance(shown, str) else shown) == {"name": "ada", "owner_id": 7}


def test_another_tasks_result_in_them_makes_that_task_come_first() -> None:
    with DAG("crm", schedule=None):
        me = PipedriveOperator(task_id="me", action="getCurrentUser")
        add = PipedriveOperator(task_id="add", action="addPerson", parameters={"name": "Ada", "owner_id": me.output})
        later = PipedriveOperator(task_id="later", action="addPerson", parameters={"name": "Ada"})
        later.parameters = {"name": me.output}
    assert add.upstream_task_ids == {"me"}
    assert later.upstream_task_ids == {"me"}


def test_what_is_no_dict_is_refused_as_before() -> None:
    with pytest.raises(Exception, match="parameters must be a dict, not list"):
        PipedriveOperator(task_id="add", action="addPerson", parameters=["name"])  # type: ignore[arg-type]


def test_values_are_pickled_with_their_operator() -> None:
    assert copy.copy(RecordValues({"name": "Ada"})) == {"name": "Ada"}
