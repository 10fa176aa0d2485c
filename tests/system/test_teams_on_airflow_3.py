"""A real Airflow 3.3 with two teams, each with a connection of the same id: the page, Test, tasks and the webhook."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape
from importlib import metadata

import pytest
import requests
from bench.webhooks import delivery
from environment import clean_environ
from live_airflow import LiveAirflow
from live_sandbox import LiveSandbox

from tests.system.conftest import PYTHON

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.long,
    pytest.mark.skipif(
        tuple(map(int, metadata.version("apache-airflow").split(".")[:2])) < (3, 3), reason="it has no teams"
    ),
]

TEAMS = ("sales", "support")
DAG_FILE = """
from airflow.sdk import DAG, Asset, task
from airflow_provider_pipedrive.assets import pipedrive_changes
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

DEALS = Asset("pipedrive://127.0.0.1/deals")

with DAG("TEAM_reads", schedule=None):

    @task
    def company():
        return PipedriveHook("crm").run("getCurrentUser")["company_name"]

    company()

with DAG("TEAM_is_told", schedule=[DEALS], max_active_runs=1):

    @task(inlets=[DEALS])
    def changed():
        return [change.id for change in pipedrive_changes(DEALS)]

    changed()
"""


@dataclass
class TwoTeams:
    """An Airflow in which sally is of the team sales and sam of support, each team with a company of its own."""

    airflow: LiveAirflow
    sandboxes: dict[str, LiveSandbox]

    def page(self, user: str) -> str:
        """What a user reads on the Pipedrive page."""
        return text_of(self._session(user).get(f"{self.airflow.url}/pipedrive/page", timeout=60))

    def test(self, user: str, team: str) -> tuple[int, str]:
        """Press Test for a team's connection; status and text of the answer."""
        session = self._session(user)
        token = re.search(r'name="token" value="([^"]+)"', session.get(f"{self.airflow.url}/pipedrive/page").text)
        form = {"conn_id": "crm", "team": team, "token": token[1] if token else ""}
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": self.airflow.url}
        answer = session.post(f"{self.airflow.url}/pipedrive/test", data=form, headers=headers, timeout=60)
        return answer.status_code, text_of(answer)

    def deliver(self, team: str, number: int) -> int:
        """Deliver a change to a team's webhook; the status of the answer."""
        address = f"{self.airflow.url}/pipedrive/webhook/{secret_of(team)}"
        password = ("pipedrive", f"Password-of-{team}-0123456789")
        return requests.post(address, json=delivery(number), auth=password, timeout=60).status_code

    def _session(self, user: str) -> requests.Session:
        session = requests.Session()
        session.cookies.set("_token", self.airflow.sign_in(user), domain="127.0.0.1", path="/")
        return session


def text_of(page: requests.Response) -> str:
    """What a person reads on a page."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def secret_of(team: str) -> str:
    return f"UnguessablePartOfTheAddressOf{team}"


@pytest.fixture(scope="module")
def teams(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoTeams]:
    home = tmp_path_factory.mktemp("airflow")
    users = {"admin": "admin", "sally": "op:sales", "sam": "op:support"}
    airflow = LiveAirflow(PYTHON, home, home / "none", clean_environ(), users=users)
    bundles = []
    with (
        LiveSandbox(PYTHON, deals=2, environ=clean_environ()) as sales,
        LiveSandbox(PYTHON, deals=2, environ=clean_environ(), options=["--seed", "7"]) as support,
    ):
        sandboxes = dict(zip(TEAMS, (sales, support), strict=True))
        for team, sandbox in sandboxes.items():
            folder = tmp_path_factory.mktemp(team)
            (folder / "dags.py").write_text(DAG_FILE.replace("TEAM", team))
            local = "airflow.dag_processing.bundles.local.LocalDagBundle"
            bundles.append({"name": team, "classpath": local, "kwargs": {"path": str(folder)}, "team_name": team})
            connection = json.loads(sandbox.connection())
            connection["extra"] |= {
                "webhook_url": f"{airflow.url}/pipedrive/webhook/{secret_of(team)}",
                "webhook_user": "pipedrive",
                "webhook_password": f"Password-of-{team}-0123456789",
            }
            airflow.environ[f"AIRFLOW_CONN__{team.upper()}___CRM"] = json.dumps(connection)
        airflow.environ |= {
            "AIRFLOW__CORE__MULTI_TEAM": "True",
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        }
        for command in ("db migrate", *(f"teams create {team}" for team in TEAMS)):
            subprocess.run(
                [PYTHON.parent / "airflow", *command.split()], env=airflow.environ, check=True, capture_output=True
            )
        with airflow:
            yield TwoTeams(airflow, sandboxes)


def test_each_sees_the_connection_of_the_own_team(teams: TwoTeams) -> None:
    assert "AIRFLOW_CONN__SALES___CRM" in teams.page("sally")
    assert "support" not in teams.page("sally").lower()
    assert "AIRFLOW_CONN__SUPPORT___CRM" in teams.page("sam")
    assert "sales" not in teams.page("sam").lower()


def test_each_tests_the_connection_of_the_own_team_and_of_no_other(teams: TwoTeams) -> None:
    status, text = teams.test("sally", "sales")
    assert (status, "crm works: connected as" in text) == (200, True)
    sent = [len(sandbox.requests()) for sandbox in teams.sandboxes.values()]
    assert teams.test("sally", "support")[0] == 403
    assert "There is no connection 'crm'" in teams.test("sally", "")[1]
    assert [len(sandbox.requests()) for sandbox in teams.sandboxes.values()] == sent


def test_a_task_finds_the_connection_of_its_own_team_under_its_id(teams: TwoTeams) -> None:
    before = {team: len(sandbox.requests()) for team, sandbox in teams.sandboxes.items()}
    run = teams.airflow.trigger("support_reads")
    teams.airflow.wait_for_run(run)
    after = {team: len(sandbox.requests()) for team, sandbox in teams.sandboxes.items()}
    assert after == {"sales": before["sales"], "support": before["support"] + 1}


def test_a_delivery_to_a_teams_webhook_starts_the_dag_of_this_team_and_of_no_other(teams: TwoTeams) -> None:
    for team in TEAMS:
        teams.airflow.wait_for_dag(f"{team}_is_told")
    assert teams.deliver("sales", 1) == 200
    run = teams.airflow.wait_for_a_run_of("sales_is_told")
    teams.airflow.wait_for_run(run)
    assert teams.airflow.xcom(run, "changed") == [100_001]
    assert teams.deliver("support", 2) == 200
    other = teams.airflow.wait_for_a_run_of("support_is_told")
    teams.airflow.wait_for_run(other)
    assert teams.airflow.xcom(other, "changed") == [100_002]
