"""``spend``."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from airflow.models import Variable
from airflow.utils.session import create_session

from airflow_provider_pipedrive.accounts.spent import leave_word
from airflow_provider_pipedrive.client.day import Day
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.cli.conftest import Terminal

TODAY = f"{datetime.now(UTC):%Y-%m-%d}"


@pytest.fixture
def word_of_another_machine(database: None) -> None:
    day = Day(rows={"crm/nightly/load/read deals": 1200}, limit=150_000, left=100_000, told=1_800_014_400.0)
    with create_session() as session:
        text = json.dumps({"worker-2": vars(day)})
        session.add(Variable(f"pipedrive_spent_acme.pipedrive.com_{TODAY}", text))


@pytest.mark.usefixtures("word_of_another_machine")
def test_it_shows_the_days_of_all_accounts_and_who_has_spent(terminal: Terminal, sandbox: Sandbox) -> None:
    PipedriveHook().run("getDeals")
    leave_word()
    assert terminal.run("spend", "--days", "1") == 0
    lines = [line.split() for line in terminal.out.splitlines()]
    assert lines[0][:2] == ["account", "day"]
    assert lines[1][1:3] == [TODAY, "10"]
    assert lines[2] == ["acme.pipedrive.com", TODAY, "1,200", *["100,000", "of", "150,000", "left", "at", "12:00"]]
    assert lines[5] == ["crm", "nightly", "load", "1,200", "read", "deals"]
    assert lines[6] == ["pipedrive_default", "-", "-", "10", "read", "deals"]


@pytest.mark.usefixtures("word_of_another_machine")
def test_it_shows_one_connections_account_as_json(terminal: Terminal) -> None:
    assert terminal.run("spend", "--conn-id", "crm", "--json") == 0
    (day,) = json.loads(terminal.out)
    assert day == {
        "account": "acme.pipedrive.com",
        "date": TODAY,
        "tokens": 1200,
        "company": {"limit": 150_000, "left": 100_000, "told": "2027-01-15T12:00:00+00:00"},
        "spent": [{"connection": "crm", "dag": "nightly", "task": "load", "what": "read deals", "tokens": 1200}],
    }
    assert terminal.run("spend", "--conn-id", "other") == 0
    assert "Nothing was spent" in terminal.err


def test_without_a_database_it_shows_this_machines_numbers(terminal: Terminal, sandbox: Sandbox) -> None:
    PipedriveHook().run("getDeals")
    leave_word()
    assert terminal.run("spend") == 0
    assert "this machine's numbers only" in terminal.err
    assert "read deals" in terminal.out


@pytest.mark.parametrize("days", ["0", "32"])
def test_more_days_than_are_kept_are_refused(terminal: Terminal, days: str) -> None:
    assert terminal.run("spend", "--days", days) == 2
    assert "from 1 to 31" in terminal.err
