"""Keeps Pipedrive's webhooks as a DAG declares them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.whole_numbers import read_count
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    is_templated,
    permanent_errors_end_the_task,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context


class PipedriveEnsureWebhooksOperator(BaseOperator):
    """Make the webhooks that lead to Airflow's receiver as they should be.

    Run it now and then: Pipedrive deletes a webhook after three days without success. What is right stays untouched.
    The address, its user and its password are the connection's ``webhook_url``, ``webhook_user`` and
    ``webhook_password``. The receiver takes deliveries of the connection's company only: which one that is, is asked
    once and kept in an Airflow Variable. Costs 10 API tokens, 12 more the first time, and 6 to 16 for each change.
    An OAuth app needs the scope ``admin``.

    Returns how many were ``kept``, which were ``created`` and ``removed``, and ``notices`` of what needs attention.

    :param objects: what to be told of: ``deals``, ``persons``, ...; ``*``: everything (templated)
    :param actions: of ``create``, ``change`` and ``delete``; ``*``: all (templated)
    :param user_id: whose visibility decides what is sent (templated); by default the connection's user. An
        administrator's sees everything
    :param pipedrive_conn_id: the connection (templated)
    """

    template_fields: Sequence[str] = ("objects", "actions", "user_id", "pipedrive_conn_id")
    ui_color = "#e6f4ea"

    def __init__(
        self,
        *,
        objects: str | Sequence[str],
        actions: str | Sequence[str] = ("*",),
        user_id: int | str | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.objects = objects
        self.actions = actions
        self.user_id = user_id
        self.pipedrive_conn_id = pipedrive_conn_id
        self._check()

    def execute(self, context: Context) -> dict[str, Any]:
        """Do it. Permanent errors fail the task at once, temporary ones leave Airflow's retries to work."""
        from airflow.providers.common.compat.sdk import Variable

        from airflow_provider_pipedrive.accounts.companies import learn_company
        from airflow_provider_pipedrive.events.webhook_registration import WebhookAddress, ensure, wanted_webhooks
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        with permanent_errors_end_the_task():
            wanted = wanted_webhooks(self.objects, self.actions)
            user_id = None if self.user_id in (None, "") else read_count("user_id", self.user_id)
            connection = hook.get_connection(self.pipedrive_conn_id)
            address = WebhookAddress.of(connection.extra_dejson)
            with hook.client as client:
                learn_company(client, connection, Variable, datetime.now(UTC).isoformat(timespec="seconds"))
                receipt = ensure(client, address, wanted, user_id)
        for notice in receipt["notices"]:
            self.log.warning("%s", notice)
        self.log.info(
            "Webhooks: %d kept; made: %s; removed: %s; %s",
            receipt["kept"],
            ", ".join(receipt["created"]) or "none",
            ", ".join(receipt["removed"]) or "none",
            counted(hook.usage.tokens, "API token"),
        )
        return receipt

    def _check(self) -> None:
        """Find wrong names when the DAG is parsed, where they are no templates."""
        from airflow_provider_pipedrive.events.webhook_registration import wanted_webhooks

        check_connection_id("pipedrive_conn_id", self.pipedrive_conn_id)
        if not is_templated(self.objects) and not is_templated(self.actions):
            wanted_webhooks(self.objects, self.actions)
