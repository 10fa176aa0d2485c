"""A task's result, pushed from its trigger, so that the task can end without a worker."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import XCom
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS
from airflow.triggers.base import TaskSuccessEvent

from airflow_provider_pipedrive.triggers.threads import in_thread

if TYPE_CHECKING:
    from airflow.triggers.base import TriggerEvent

log = logging.getLogger(__name__)
RETURN_VALUE = "return_value"


async def success(task_instance: Any, result: Any) -> TriggerEvent | None:
    """The event that ends the task successfully with its result, or ``None`` where that takes a worker.

    On Airflow 3 the event itself must not carry the result: the triggerer stores it as JSON within JSON, and whoever
    pulls it gets a text. So it is pushed first, as a worker does; twice does no harm, for the same task has one result.
    """
    if not AIRFLOW_V_3_0_PLUS:
        return TaskSuccessEvent(xcoms={RETURN_VALUE: result})
    if task_instance is None:
        return None  # `airflow dags test` runs the trigger next to the task, which returns the result itself
    try:
        await in_thread(_push, task_instance, result)
    except Exception as error:  # noqa: BLE001 - Airflow raises many kinds, and a worker can always do it
        log.info("A worker returns the result, since it could not be pushed from here: %s", type(error).__name__)
        return None
    return TaskSuccessEvent()


def _push(task_instance: Any, result: Any) -> None:
    XCom.set(
        RETURN_VALUE,
        result,
        dag_id=task_instance.dag_id,
        task_id=task_instance.task_id,
        run_id=task_instance.run_id,
        map_index=task_instance.map_index,
    )
