"""A webhook in a real Airflow 3: Pipedrive delivers to the web server, and a DAG runs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from environment import clean_environ
from live_airflow import LiveAirflow
from live_sandbox import LiveSandbox

from tests.system.conftest import EXAMPLE_DAGS, PYTHON, files_with

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.skipif(metadata.version("apache-airflow").startswith("2."), reason="the receiver needs Airflow 3.1"),
]
SECRET = "UnguessablePartOfTheAddress0123"
PASSWORD = "WebhookPasswordOfTheTests0123"


@pytest.fixture(scope="module")
def small_sandbox() -> Iterator[LiveSandbox]:
    with LiveSandbox(PYTHON, deals=30, environ=clean_environ()) as sandbox:
        yield sandbox


def test_a_change_in_pipedrive_starts_a_dag_that_mirrors_the_deal(small_sandbox: LiveSandbox, tmp_path: Path) -> None:
    airflow = LiveAirflow(PYTHON, tmp_path / "airflow", EXAMPLE_DAGS, clean_environ())
    connection = json.loads(small_sandbox.connection())
    connection["extra"] |= {
        "webhook_url": f"{airflow.url}/pipedrive/webhook/{SECRET}",
        "webhook_user": "pipedrive",
        "webhook_password": PASSWORD,
    }
    airflow.environ |= {
        "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": json.dumps(connection),
        "PIPEDRIVE_COMPANY": "127.0.0.1",
        "PIPEDRIVE_MIRROR": f"file://{tmp_path}/mirror",
    }
    with airflow:
        airflow.unpause("pipedrive_deal_mirror")
        airflow.unpause("pipedrive_webhooks")
        made = airflow.trigger("pipedrive_webhooks")
        airflow.wait_for_run(made)
        assert airflow.xcom(made, "ensure")["created"] in (["deal *"], [])  # its schedule may have been first
        deal = min(small_sandbox.ids("deals"))
        small_sandbox.update("deals", deal, {"title": "Told by a webhook"})
        run = airflow.wait_for_a_run_of("pipedrive_deal_mirror")
        airflow.wait_for_run(run)
        assert airflow.xcom(run, "mirror") == {"written": 1, "gone": 0}
    assert json.loads((tmp_path / "mirror" / f"{deal}.json").read_text())["title"] == "Told by a webhook"
    assert [path for secret in (SECRET, PASSWORD) for path in files_with(secret, airflow.home)] == []
