"""``pipedrive_changes`` in a DAG's body, on every Airflow."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, Asset

from airflow_provider_pipedrive.assets import PipedriveChangesOperator, changes_of, pipedrive_changes
from airflow_provider_pipedrive.errors import PipedriveParameterError

DEALS = Asset("pipedrive://acme/deals")


def test_in_a_dags_body_it_is_a_task_whose_output_is_mapped_over():
    with DAG("mirror", schedule=None, max_active_runs=1) as dag:
        output = pipedrive_changes(DEALS, kinds="created")
    assert isinstance(dag.get_task("pipedrive_changes"), PipedriveChangesOperator)
    assert output.operator.kinds == "created"
    assert DEALS in output.operator.inlets


def test_a_dag_that_may_run_twice_at_a_time_is_refused_when_it_is_parsed():
    with DAG("mirror", schedule=None, max_active_runs=2):
        with pytest.raises(
            PipedriveParameterError, match="'mirror' reads Pipedrive's changes: give it max_active_runs=1"
        ):
            pipedrive_changes(DEALS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"asset": Asset("s3://bucket/key")}, "asset must be one of Pipedrive's"),
        ({"asset": DEALS, "kinds": "moved"}, "There is no kind of change 'moved'. There are created"),
        ({"asset": DEALS, "batch_size": 0}, "batch_size must be a whole number from 1 on"),
    ],
)
def test_wrong_arguments_are_refused_when_the_dag_is_parsed(arguments: dict[str, Any], message: str):
    with pytest.raises(PipedriveParameterError, match=message):
        PipedriveChangesOperator(task_id="read", **arguments)


def test_what_is_no_batch_is_refused():
    with pytest.raises(PipedriveParameterError, match="neither 'changes' nor 'file'"):
        list(changes_of({"id": 7}))
