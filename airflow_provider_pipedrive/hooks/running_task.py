"""Whose task this code runs in, if in any."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


def running_context() -> Context | None:
    """The context of the running task; ``None`` outside of tasks, as in a DAG's file or a script."""
    from airflow.providers.common.compat.sdk import AirflowException, get_current_context

    try:
        context: Context = get_current_context()
    except (RuntimeError, AirflowException):  # the latter where Airflow 2.11 has no package of standard operators
        return None
    return context
