"""What consumers of asset events read from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pytest_mock import MockerFixture

if TYPE_CHECKING:
    from tests.support.supervisor import Supervisor


@pytest.fixture
def airflow(mocker: MockerFixture) -> Supervisor:
    """What Airflow 3.3 stores, and tells a running task."""
    import airflow.sdk.execution_time.task_runner as task_runner

    from tests.support.supervisor import Supervisor

    found = Supervisor()
    mocker.patch.object(task_runner, "SUPERVISOR_COMMS", found, create=True)
    return found
