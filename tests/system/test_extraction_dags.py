"""The example DAGs that extract, by Airflow's own ``airflow dags test``, one of 20 requests failing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from environment import clean_environ
from live_sandbox import LiveSandbox

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction.output.formats import read_rows
from tests.system.conftest import EXAMPLE_DAGS, PYTHON, files_with

pytestmark = [pytest.mark.airflow, pytest.mark.long]
Command = Callable[..., None]


@pytest.fixture(scope="module")
def company() -> Iterator[LiveSandbox]:
    """A company whose deals fill several pages; every 20th request fails."""
    with LiveSandbox(PYTHON, deals=5_000, environ=clean_environ()) as sandbox:
        sandbox.fail_one_in(20)
        yield sandbox


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Airflow keeps its database and logs."""
    return tmp_path_factory.mktemp("airflow")


@pytest.fixture(scope="module")
def airflow(company: LiveSandbox, home: Path) -> Command:
    """The ``airflow`` command with a database of its own."""
    environ = clean_environ() | {
        "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": company.connection(),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLE_DAGS),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
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


def run_dag(airflow: Command, dag: str, folder: Path, **params: Any) -> None:
    airflow("dags", "test", dag, "2026-03-01", "--conf", json.dumps({"folder": str(folder), **params}))


def tokens(company: LiveSandbox) -> int:
    """What all requests so far have cost."""
    return sum(request["tokens"] for request in company.requests())


def rows(folder: Path) -> list[dict[str, Any]]:
    manifest = json.loads((folder / "_manifest.json").read_text())
    return [row for part in manifest["parts"] for row in read_rows(folder / part["name"], manifest["format"])]


def ids(folder: Path) -> list[Any]:
    return sorted(row["id"] for row in rows(folder))


@pytest.fixture(scope="module")
def crm(airflow: Command, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a snapshot."""
    folder = tmp_path_factory.mktemp("crm")
    run_dag(airflow, "pipedrive_crm_snapshot", folder)
    return folder


@pytest.mark.parametrize("entity", ["deals", "persons", "organizations", "activities", "stages"])
def test_the_snapshot_holds_every_record_once(entity: str, crm: Path, company: LiveSandbox) -> None:
    assert ids(crm / entity) == sorted(company.ids(entity))


def test_the_snapshots_views_can_be_queried(crm: Path, company: LiveSandbox) -> None:
    duckdb = pytest.importorskip("duckdb")
    connection = duckdb.connect()
    connection.execute((crm / "crm.sql").read_text())
    question = "SELECT count(*), count(DISTINCT deals.id) FROM deals JOIN stages ON deals.stage_id = stages.id"
    assert connection.execute(question).fetchone() == (len(company.ids("deals")),) * 2


def test_the_mapped_tasks_land_each_entity(airflow: Command, company: LiveSandbox, tmp_path: Path) -> None:
    run_dag(airflow, "pipedrive_mapped_entities", tmp_path)
    for entity in ("deals", "persons", "notes", "leads", "files"):
        assert ids(tmp_path / entity) == sorted(company.ids(entity))
    assert len(list((tmp_path / "_pipedrive" / "receipts").iterdir())) == 9


def test_the_year_is_loaded_over_days_and_then_nothing_more_is_spent(
    airflow: Command, company: LiveSandbox, tmp_path: Path
) -> None:
    settings = settings_from(host=company.url, extra={"api_token": company.secrets["api-token"], "burst_limit": 400})
    with PipedriveClient(settings) as client:
        times = {deal["id"]: deal["update_time"] or deal["add_time"] for deal in client.iterate("getDeals")}
    year = int(max(times.values())[:4]) - 1
    spent: list[int] = []
    for _ in range(8):
        before = tokens(company)
        run_dag(airflow, "pipedrive_backfill_year", tmp_path, year=year, tokens_a_day=900)
        spent.append(tokens(company) - before)
        if not spent[-1]:
            break
    assert spent[-1] == 0
    assert len(spent) > 2
    assert max(spent) <= 900
    deals = [row["id"] for month in (tmp_path / "deals").iterdir() for row in rows(month)]
    assert {number for number, time in times.items() if time.startswith(str(year))} <= set(deals)
    assert len(deals) == len(set(deals))


def test_no_secret_stands_in_any_log_nor_in_airflows_database(
    airflow: Command, home: Path, company: LiveSandbox
) -> None:
    assert [path for secret in company.secrets.values() for path in files_with(secret, home)] == []
