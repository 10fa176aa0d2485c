"""What all machines of an Airflow have spent of an account's API tokens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from airflow.providers.common.compat.sdk import Variable
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.accounts import spent
from airflow_provider_pipedrive.accounts.spent import VariableExchange, leave_word, spent_days, this_machine
from airflow_provider_pipedrive.client.day import Day
from airflow_provider_pipedrive.client.ledger import forget_ledgers
from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.plugin import task_end
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers.connected import Connected, ask
from tests.conftest import api_token_connection

NOON = 1_800_014_400.0
ACCOUNT = "acme.pipedrive.com"
TODAY = "2027-01-15"
ROW = "crm/nightly/load/read deals"


@pytest.fixture
def variables(mocker: MockerFixture) -> dict[str, str]:
    """Airflow's edge: its Variables, without a database."""
    kept: dict[str, str] = {}
    mocker.patch.object(Variable, "get", lambda key, default=None: kept.get(key, default))
    mocker.patch.object(Variable, "set", lambda key, value: kept.update({key: value}))
    mocker.patch.object(Variable, "delete", lambda key: kept.pop(key, None))
    mocker.patch.object(VariableExchange, "has_failed", False)
    return kept


@pytest.fixture
def on_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> Callable[[str], None]:
    """Makes this process the first one of a machine of that name."""

    def go(name: str) -> None:
        monkeypatch.setattr("socket.gethostname", lambda: name)
        monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", f"{tmp_path}/{name}")
        forget_ledgers()

    return go


@pytest.fixture
def in_task(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Airflow puts into a task's environment."""
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "nightly")
    monkeypatch.setenv("AIRFLOW_CTX_TASK_ID", "load")


def test_machines_leave_word_in_one_variable_each_its_own_sums(
    variables: dict[str, str], on_machine: Callable[[str], None]
) -> None:
    on_machine("one")
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 70})) == 0
    on_machine("two")
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 20})) == 70
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 30})) == 70
    on_machine("one")
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 80})) == 30
    assert list(variables) == ["pipedrive_spent_acme.pipedrive.com_2027-01-15"]


def test_the_variable_of_a_day_that_is_too_long_ago_goes_when_a_new_one_comes(variables: dict[str, str]) -> None:
    variables["pipedrive_spent_acme.pipedrive.com_2026-12-14"] = "{}"
    VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 70}))
    assert list(variables) == ["pipedrive_spent_acme.pipedrive.com_2027-01-15"]


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"two": 5}', '{"two": {"rows": {"x": 1}}}'])
def test_what_somebody_has_written_into_the_variable_does_no_harm(variables: dict[str, str], text: str) -> None:
    name = "pipedrive_spent_acme.pipedrive.com_2027-01-15"
    variables[name] = text
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 70})) == 0
    assert json.loads(variables[name])[this_machine()]["rows"] == {ROW: 70}


@pytest.mark.usefixtures("in_task")
def test_a_budget_holds_for_two_machines_together(
    sandbox: Sandbox,
    variables: dict[str, str],
    on_machine: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, daily_token_budget=45))
    on_machine("one")
    PipedriveHook().run("getDeals")
    PipedriveHook().run("getDeals")
    task_end.before_stopping()
    on_machine("two")
    hook = PipedriveHook()
    hook.run("getDeals")
    hook.run("getDeals")
    with pytest.raises(PipedriveDailyBudgetError, match="already spent 40 of the 45"):
        hook.run("getDeals")


@pytest.mark.usefixtures("in_task")
def test_what_a_task_has_spent_is_known_by_dag_and_task_once_it_has_ended(
    sandbox: Sandbox, variables: dict[str, str]
) -> None:
    hook = PipedriveHook()
    for _ in range(3):
        hook.run("getDeals")
    task_end.on_task_instance_success()
    task_end.before_stopping()
    (name,) = variables
    assert name.startswith("pipedrive_spent_127.0.0.1-")
    (day,) = json.loads(variables[name]).values()
    assert day["rows"] == {"pipedrive_default/nightly/load/read deals": 30}


def test_outside_of_a_task_no_variable_is_written(sandbox: Sandbox, variables: dict[str, str]) -> None:
    PipedriveHook().run("getDeals")
    leave_word()
    assert variables == {}


@pytest.mark.usefixtures("in_task")
def test_where_no_variable_can_be_written_the_task_works_and_the_log_says_so_once(
    sandbox: Sandbox, mocker: MockerFixture, caplog: pytest.LogCaptureFixture
) -> None:
    mocker.patch.object(VariableExchange, "has_failed", False)
    mocker.patch.object(Variable, "get", side_effect=RuntimeError("no database"))
    hook = PipedriveHook()
    hook.run("getDeals")
    task_end.before_stopping()
    hook.run("getDeals")
    task_end.before_stopping()
    said = [record for record in caplog.records if record.name == spent.__name__]
    assert [(record.levelname, "RuntimeError" in record.message) for record in said] == [("WARNING", True)]


def test_after_a_failure_word_is_left_again_as_soon_as_a_variable_can_be_written(
    variables: dict[str, str], mocker: MockerFixture
) -> None:
    refused = mocker.patch.object(Variable, "get", side_effect=RuntimeError("no database"))
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 70})) is None
    mocker.stop(refused)
    assert VariableExchange().exchange(ACCOUNT, TODAY, Day(rows={ROW: 70})) == 0
    assert list(variables) == ["pipedrive_spent_acme.pipedrive.com_2027-01-15"]


def test_a_triggerer_on_a_machine_without_tasks_leaves_word_of_its_polls(
    sandbox: Sandbox, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["airflow", "triggerer", "--skip-serve-logs"])

    async def poll() -> None:
        client = await Connected("pipedrive_default").client()
        await ask(client.run, "getDeals")

    asyncio.run(poll())
    ((name, text),) = variables.items()
    assert name.startswith("pipedrive_spent_127.0.0.1-")
    assert json.loads(text)[this_machine()]["rows"] == {"pipedrive_default//triggerer/read deals": 10}


def test_the_days_of_all_machines_are_summed_and_old_ones_left_out(variables: dict[str, str]) -> None:
    def word(tokens: int, **numbers: float) -> dict[str, object]:
        return vars(Day(rows={ROW: tokens, "crm/weekly/sync/write deals": 1}, **numbers))  # type: ignore[arg-type]

    stored = {
        "pipedrive_spent_acme.pipedrive.com_2027-01-15": {
            "one": word(70, limit=1000, left=800, told=5.0),
            "two": word(20, limit=1000, left=700, told=6.0),
        },
        "pipedrive_spent_acme.pipedrive.com_2027-01-14": {"one": word(5)},
        "pipedrive_spent_acme.pipedrive.com_2027-01-13": {"one": word(5)},
        "another_variable": {},
    }
    first, second = spent_days(2, NOON, iter((name, json.dumps(value)) for name, value in stored.items()))
    assert (first.date, first.tokens, second.date, second.tokens) == ("2027-01-14", 6, TODAY, 92)
    assert second.latest.company_left == 700
    assert [(part.dag, part.tokens) for part in second.parts] == [("nightly", 90), ("weekly", 2)]
