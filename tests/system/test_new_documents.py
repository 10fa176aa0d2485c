"""The example DAG for documents by Airflow's own ``airflow dags test``, one of 20 requests failing."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from environment import clean_environ
from live_sandbox import LiveSandbox

from tests.system.conftest import EXAMPLE_DAGS, PYTHON, files_with

pytestmark = [pytest.mark.airflow, pytest.mark.long]


@pytest.fixture(scope="module")
def company() -> Iterator[LiveSandbox]:
    """A company with some hundred files, whatever came with mails included."""
    with LiveSandbox(PYTHON, deals=600, environ=clean_environ()) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def home(company: LiveSandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of an Airflow that has run the DAG twice; the documents are in ``documents``."""
    home = tmp_path_factory.mktemp("airflow")
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
        (home / "commands.log").open("a").write(done.stdout)
        assert done.returncode == 0, done.stdout[-5000:]

    command("db", "migrate")
    company.fail_one_in(20)
    conf = json.dumps({"folder": str(home / "documents"), "first_day": "2000-01-01"})
    for day in ("2026-03-01", "2026-03-02"):
        command("dags", "test", "pipedrive_new_documents", day, "--conf", conf)
    return home


def entries(home: Path) -> list[list[dict[str, object]]]:
    """What the manifests of the runs say, in the order of the runs."""
    manifests = sorted((home / "documents" / "_pipedrive" / "files").iterdir(), key=lambda path: path.stat().st_mtime)
    return [[json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] for path in manifests]


def test_the_first_run_accounts_for_every_file_once_although_requests_fail(home: Path, company: LiveSandbox) -> None:
    first = entries(home)[0]
    assert sorted(entry["id"] for entry in first) == sorted(company.ids("files"))
    assert company.failures()


def test_every_document_lies_in_the_folder_and_nothing_unfinished_beside_it(home: Path) -> None:
    first = entries(home)[0]
    landed = {entry["stored_as"]: entry["bytes"] for entry in first if entry["outcome"] == "landed"}
    assert len(landed) > 100
    lying = {path.name: path.stat().st_size for path in (home / "documents").iterdir() if path.is_file()}
    assert {name: size for name, size in lying.items() if name in landed} == landed
    assert lying.keys() - landed.keys() == {f"{name}.json" for name in landed}


def test_the_second_run_fetches_nothing_again(home: Path) -> None:
    assert {entry["outcome"] for entry in entries(home)[1]} <= {"already there", "skipped"}


def test_no_secret_stands_in_any_log_nor_in_airflows_database(home: Path, company: LiveSandbox) -> None:
    assert [path for secret in company.secrets.values() for path in files_with(secret, home)] == []
