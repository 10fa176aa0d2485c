"""The operator that keeps webhooks as a DAG declares them."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveServerError
from airflow_provider_pipedrive.operators.webhooks import PipedriveEnsureWebhooksOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection

WEBHOOK = {
    "webhook_url": "https://airflow.example.com/pipedrive/webhook/UnguessablePartOfTheAddress0123",
    "webhook_user": "airflow",
    "webhook_password": "WebhookPasswordOfTheTests0123",
}


@pytest.fixture(autouse=True)
def connection(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1, **WEBHOOK))


def run(**arguments: Any) -> dict[str, Any]:
    return PipedriveEnsureWebhooksOperator(task_id="task", **arguments).execute({})


def test_the_first_run_makes_them_and_the_next_ones_do_nothing() -> None:
    assert run(objects=["deals"]) == {"kept": 0, "created": ["deal *"], "removed": [], "notices": []}
    assert run(objects=["deals"]) == {"kept": 1, "created": [], "removed": [], "notices": []}


def test_a_webhook_that_pipedrive_has_deleted_is_made_again(sandbox: Sandbox) -> None:
    run(objects=["deals", "persons"])
    sandbox.delete("webhooks", next(iter(sandbox.records("webhooks"))))
    assert run(objects=["deals", "persons"])["created"] == ["deal *"]


def test_a_wrong_name_is_found_when_the_dag_is_parsed() -> None:
    with pytest.raises(PipedriveParameterError, match="Did you mean 'deal'"):
        PipedriveEnsureWebhooksOperator(task_id="task", objects=["deels"])
    PipedriveEnsureWebhooksOperator(task_id="task", objects="{{ params.objects }}")


def test_a_permanent_error_fails_at_once_and_a_passing_one_is_left_to_airflow(sandbox: Sandbox) -> None:
    sandbox.fault("/v1/webhooks", "403")
    with pytest.raises(AirflowFailException, match="scope admin"):
        run(objects=["deals"])
    sandbox.fault("/v1/webhooks", "503")
    with pytest.raises(PipedriveServerError):
        run(objects=["deals"])
