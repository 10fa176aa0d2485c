"""The example DAGs on Airflow 2, run by its own ``airflow dags test``, one of 20 requests failing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from landed import differences
from live_sandbox import LiveSandbox

from tests.system.conftest import EXAMPLE_DAGS, INBOUND, PYTHON, files_with, secrets_of

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Airflow keeps its database and logs."""
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="module")
def airflow(home: Path, environ: dict[str, str]) -> Callable[..., None]:
    """The ``airflow`` command with a database of its own. What it prints goes into a log in its home."""
    environ = environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE_DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "PIPEDRIVE_EXAMPLE_DROP": str(home / "drop"),
    }

    def command(*arguments: str) -> None:
        done = subprocess.run(
            [PYTHON.parent / "airflow", *arguments],
            env=environ,
            cwd=home,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=300,
            check=False,
        )
        with (home / "commands.log").open("a") as log:
            log.write(done.stdout)
        assert done.returncode == 0, done.stdout[-5000:]

    command("db", "migrate")
    return command


def test_the_write_dag_sends_its_writes_once_each_and_reads_back_last(airflow, live_sandbox: LiveSandbox):
    airflow("dags", "test", "pipedrive_write")
    requests = [request for request in live_sandbox.requests() if not request["path"].startswith("/oauth")]
    assert all(200 <= request["status"] < 300 for request in requests)
    sent = [(request["method"], request["path"]) for request in requests]
    assert sorted(request for request in sent if request[0] != "GET") == [
        ("PATCH", "/api/v2/deals/20001"),
        ("POST", "/api/v2/deals"),
        ("POST", "/api/v2/persons"),
        ("POST", "/v1/files"),
        ("POST", "/v1/notes"),
    ]
    assert sent[-1] == ("GET", "/api/v2/deals/20001")


def test_rows_of_a_csv_file_become_persons_organizations_and_leads_each_once(
    airflow, home: Path, live_sandbox: LiveSandbox
):
    (home / "drop").mkdir()
    (home / "drop" / "monday.csv").write_text(INBOUND)
    before = len(live_sandbox.requests())
    airflow("dags", "test", "pipedrive_inbound_leads")
    sent = [(request["method"], request["path"]) for request in live_sandbox.requests()[before:]]
    assert sorted(request for request in sent if request[0] == "POST" and not request[1].startswith("/oauth")) == [
        ("POST", "/api/v2/organizations"),
        ("POST", "/api/v2/persons"),
        ("POST", "/api/v2/persons"),
        ("POST", "/v1/leads"),
        ("POST", "/v1/leads"),
    ]


def test_every_record_lands_exactly_once_although_requests_fail(airflow, live_sandbox: LiveSandbox, tmp_path):
    live_sandbox.fail_one_in(20)
    conf = {"connection": "pipedrive_by_token", "folder": str(tmp_path)}
    airflow("dags", "test", "pipedrive_extract", "--conf", json.dumps(conf))
    (summary,) = tmp_path.glob("*/summary.json")
    receipts = json.loads(summary.read_text())["entities"]
    wrong = [fault for receipt in receipts for fault in differences(receipt, live_sandbox.ids(receipt["entity"]))]
    assert wrong == []
    assert len(receipts) == 5
    assert set(live_sandbox.failures()) >= {"503", "429", "reset"}


def test_no_secret_stands_in_any_log_nor_in_airflows_database(airflow, home, live_sandbox: LiveSandbox):
    secrets = secrets_of(live_sandbox)
    assert len(secrets) >= 4, "API token, client secret, refresh token and at least one access token"
    assert [path for secret in secrets for path in files_with(secret, home)] == []
