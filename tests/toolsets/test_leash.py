"""What one run of an agent may spend, and what it has done."""

from __future__ import annotations

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveNotFoundError, PipedriveTokenCapError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.toolsets.leash import Leash


def test_all_calls_share_the_tokens_and_each_is_in_the_receipt(sandbox: Sandbox) -> None:
    leash = Leash(PipedriveHook(), max_tokens=1_000, max_records=5)
    leash.call("getDeals", "getDeals", {}, 2)
    with pytest.raises(PipedriveNotFoundError):
        leash.call("get_record", "getDeal", {"id": 987_654}, None)

    receipt = leash.receipt

    assert [(call["tool"], call["outcome"], call["records"]) for call in receipt["calls"]] == [
        ("getDeals", "done", 2),
        ("get_record", "PipedriveNotFoundError", 0),
    ]
    assert (receipt["records"], receipt["refused"]) == (2, 1)
    assert 0 < receipt["tokens"] == leash.hook.usage.tokens


def test_what_was_capped_before_is_capped_afterwards(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    hook.client.token_cap = 500
    leash = Leash(hook, max_tokens=1, max_records=5)

    with pytest.raises(PipedriveTokenCapError):
        leash.call("getDeals", "getDeals", {}, None)

    assert hook.client.token_cap == 500


def test_a_running_task_has_the_receipt_in_its_xcom(sandbox: Sandbox, mocker: MockerFixture) -> None:
    context = {"ti": mocker.Mock()}
    mocker.patch("airflow.providers.common.compat.sdk.get_current_context", return_value=context)
    leash = Leash(PipedriveHook(), max_tokens=1_000, max_records=5)
    leash.call("getDeals", "getDeals", {}, 1)

    leash.push()

    context["ti"].xcom_push.assert_called_once_with(key="pipedrive_agent", value=leash.receipt)
