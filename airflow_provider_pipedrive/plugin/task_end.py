"""What happens in a task's process as the task ends, by Airflow's listeners: what it has spent of the API tokens is
noted.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/listeners.html

Every process of Airflow loads this module, and most have never used Pipedrive: nothing is imported for them.
"""

from __future__ import annotations

import sys

from airflow.listeners import hookimpl

LEDGER = "airflow_provider_pipedrive.client.ledger"


@hookimpl
def on_task_instance_success() -> None:
    """A task has ended well. (After a failure, Airflow 2 calls with the database locked.)"""
    _leave_word()


@hookimpl
def before_stopping() -> None:
    """A process ends. On Airflow 3, that is also a task's that is deferred, or skipped."""
    _leave_word()


def _leave_word() -> None:
    if LEDGER in sys.modules:
        from airflow_provider_pipedrive.accounts.spent import leave_word

        leave_word()
