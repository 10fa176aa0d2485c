"""What becomes of a task on Airflow 3.3 that failed by an error of Pipedrive's, and when it tries again."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection

sdk = pytest.importorskip("airflow.sdk", reason="Airflow 2 has no retry policies")
needs_policies = pytest.mark.skipif(not hasattr(sdk, "RetryPolicy"), reason="Airflow has retry policies since 3.3")
ELEVEN_AT_NIGHT = 1_772_319_600.0  # 2026-02-28 23:00 UTC


def decision(failing: Callable[[], Any], try_number: int = 1) -> Any:
    """What the policy says of the error that ``failing`` raises."""
    policy = importlib.import_module("airflow_provider_pipedrive.policies.retry").PipedriveRetryPolicy()
    try:
        failing()
    except (PipedriveError, LookupError, RuntimeError, ValueError) as error:
        return policy.evaluate(error, try_number, 3)
    raise AssertionError("nothing failed")


def one_try(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Any]:
    """Reads a deal, without attempts of the client's own."""
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    return lambda: PipedriveHook().run("getDeal", {"id": 1})


@needs_policies
def test_a_permanent_error_fails_the_task_at_once_with_its_words(sandbox: Sandbox) -> None:
    decided = decision(lambda: PipedriveHook().run("getDeal", {"id": 999_999}))
    assert decided.action is sdk.RetryAction.FAIL
    assert decided.reason.startswith("PipedriveNotFoundError: getDeal")


@needs_policies
def test_a_full_window_is_waited_for_by_the_second(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.fault(path="/api/v2/deals/1", kind="429", count=1)
    decided = decision(one_try(sandbox, monkeypatch))
    assert decided.action is sdk.RetryAction.RETRY
    assert timedelta(seconds=2) <= decided.retry_delay <= timedelta(seconds=30)


@needs_policies
@pytest.mark.parametrize(("try_number", "minutes"), [(1, 65), (2, 60)])
def test_a_spent_day_is_waited_for_until_midnight_and_then_by_the_hour(
    try_number: int, minutes: int, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    mocker.patch("airflow_provider_pipedrive.policies.retry.time.time", return_value=ELEVEN_AT_NIGHT)
    sandbox.fault(path="/api/v2/deals/1", kind="429-daily", count=1, headers={"retry-after": None})
    decided = decision(one_try(sandbox, monkeypatch), try_number)
    assert (decided.action, decided.retry_delay) == (sdk.RetryAction.RETRY, timedelta(minutes=minutes))


@needs_policies
def test_a_day_that_the_connections_own_budget_ends_is_waited_for_as_long_as_it_says(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> None:
    mocker.patch("airflow_provider_pipedrive.client.clock.time.time", return_value=ELEVEN_AT_NIGHT)
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, daily_token_budget=0))
    decided = decision(lambda: PipedriveHook().run("getDeal", {"id": 1}), try_number=2)
    assert decided.retry_delay == timedelta(minutes=65)


@needs_policies
def test_a_server_that_fails_is_left_to_the_tasks_own_delay(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox.fault(path="/api/v2/deals/1", kind="500", count=1)
    decided = decision(one_try(sandbox, monkeypatch))
    assert (decided.action, decided.retry_delay) == (sdk.RetryAction.RETRY, None)
    assert decided.reason.startswith("PipedriveServerError: ")


@needs_policies
def test_an_error_that_states_one_of_pipedrives_as_its_cause_counts_as_that_one(sandbox: Sandbox) -> None:
    def report() -> None:
        try:
            PipedriveHook().run("getDeal", {"id": 999_999})
        except PipedriveError as error:
            raise RuntimeError("no report today") from error

    assert decision(report).action is sdk.RetryAction.FAIL


@needs_policies
def test_an_error_of_another_library_is_left_to_others_also_where_it_meets_one_of_pipedrives(sandbox: Sandbox) -> None:
    def clumsy() -> None:
        try:
            PipedriveHook().run("getDeal", {"id": 999_999})
        except PipedriveError:
            raise KeyError("deal")  # noqa: B904

    assert decision(clumsy).action is sdk.RetryAction.DEFAULT
    assert decision(lambda: int("x")).action is sdk.RetryAction.DEFAULT


@needs_policies
def test_a_task_takes_the_policy_and_airflow_keeps_that_it_has_one() -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    policy = importlib.import_module("airflow_provider_pipedrive.policies.retry").PipedriveRetryPolicy()
    with sdk.DAG("retries", schedule=None, default_args={"retries": 3, "retry_policy": policy}) as dag:
        PipedriveOperator(task_id="deals", action="getDeals")
    again = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    assert again.get_task("deals").has_retry_policy is True


@pytest.mark.skipif(hasattr(sdk, "RetryPolicy"), reason="this Airflow has retry policies")
def test_an_airflow_without_policies_says_so_at_the_import() -> None:
    with pytest.raises(ImportError, match=r"needs Airflow 3\.3 or newer"):
        importlib.import_module("airflow_provider_pipedrive.policies.retry")
