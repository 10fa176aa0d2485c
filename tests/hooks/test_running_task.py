"""Whether code runs in a task."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.hooks.running_task import running_context

ASKED = "airflow.providers.common.compat.sdk.get_current_context"


def test_a_task_has_its_context(mocker: MockerFixture) -> None:
    context: dict[str, Any] = {"task": "deals"}
    mocker.patch(ASKED, return_value=context, create=True)
    assert running_context() is context


def test_a_script_has_none() -> None:
    assert running_context() is None


@pytest.mark.parametrize("error", [RuntimeError, AirflowException])
def test_whatever_an_airflow_raises_outside_of_tasks_is_no_context(
    error: type[Exception], mocker: MockerFixture
) -> None:
    mocker.patch(ASKED, side_effect=error("Current context was requested but no context was found!"), create=True)
    assert running_context() is None
