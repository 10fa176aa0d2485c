"""The notifier: a note or an activity on a record, when a task or a DAG run has come to something."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from copy import copy
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseNotifier

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.operators.task_support import is_templated

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)
_RECORDS = ("deal_id", "person_id", "org_id", "lead_id")


class PipedriveNotifier(BaseNotifier):
    """Add a note or an activity to a deal, person, organization or lead.

    For ``on_success_callback``, ``on_failure_callback``, ``on_retry_callback`` and ``on_execute_callback`` of tasks and
    DAGs, and on Airflow 3.1 and later for deadline alerts (``AsyncCallback(PipedriveNotifier, kwargs={...})``). A
    notification that cannot be sent is reported in the log and never fails the task. See docs/people.md.

    :param deal_id: the record that it belongs to (templated), as are ``person_id``, ``org_id`` and ``lead_id``; several
        may be given
    :param note: text of a note, in HTML (templated). Text that comes from elsewhere is to be escaped: ``{{ exception |
        e }}``
    :param activity: in place of a note, the parameters of ``addActivity``: ``subject``, ``type``, ``due_date``,
        ``owner_id``, ... (templated)
    :param pipedrive_conn_id: the connection (templated)
    :param context: of what is reported, where Airflow gives it beforehand: deadline alerts
    """

    template_fields: Sequence[str] = (*_RECORDS, "note", "activity", "pipedrive_conn_id")

    def __init__(
        self,
        *,
        deal_id: int | str | None = None,
        person_id: int | str | None = None,
        org_id: int | str | None = None,
        lead_id: str | None = None,
        note: str | None = None,
        activity: Mapping[str, Any] | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        context: Context | None = None,
    ) -> None:
        super().__init__()
        self.deal_id = deal_id
        self.person_id = person_id
        self.org_id = org_id
        self.lead_id = lead_id
        self.note = note
        self.activity = activity
        self.pipedrive_conn_id = pipedrive_conn_id
        self.context: Any = context or {}
        self._check_when_parsing()

    def __call__(self, *args: Any) -> None:
        """Send the notification, or report why it cannot be sent.

        Rendering changes a notifier for good, and one notifier may serve many tasks in the same process: a copy is
        rendered.
        """
        try:
            super(PipedriveNotifier, copy(self)).__call__(*args)
        except Exception as error:  # noqa: BLE001 - templates and secrets backends raise anything
            log.warning("The notification to Pipedrive was not sent: %s: %s", type(error).__name__, error)

    def notify(self, context: Context) -> None:
        """Send it, where callbacks are called: in a worker, or in the DAG processor."""
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        action, parameters = self._request()
        made = PipedriveHook(self.pipedrive_conn_id).run(action, parameters)
        log.info("%s: %s", action, made["id"])

    async def async_notify(self, context: Context) -> None:
        """Send it, where callbacks are awaited: in the triggerer."""
        from airflow_provider_pipedrive.triggers.connected import Connected
        from airflow_provider_pipedrive.triggers.threads import in_thread

        action, parameters = self._request()
        connected = Connected(self.pipedrive_conn_id)
        try:
            made = await in_thread((await connected.client()).run, action, parameters)
        finally:
            connected.close()
        log.info("%s: %s", action, made["id"])

    def _request(self) -> tuple[str, dict[str, Any]]:
        """Action and parameters, as far as they are rendered."""
        records = {name: value for name in _RECORDS if (value := getattr(self, name)) not in (None, "")}
        if not records:
            raise PipedriveParameterError(f"A notification belongs to a record: give one of {', '.join(_RECORDS)}.")
        if self.activity is None:
            return "addNote", {"content": self.note, **records}
        if "person_id" in records:
            # Pipedrive's migration guide calls an activity's person_id read only: it belongs to its participants.
            # https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide
            records["participants"] = [{"person_id": records.pop("person_id"), "primary": True}]
        return "addActivity", {**records, **self.activity}

    def _check_when_parsing(self) -> None:
        """Find what is wrong with the arguments that are known already."""
        from airflow_provider_pipedrive.catalog import get_action
        from airflow_provider_pipedrive.client.parameters import check

        if (self.note is None) == (self.activity is None):
            raise PipedriveParameterError("Give either note, the text of a note, or activity, a dict of its fields.")
        if self.activity is not None and not isinstance(self.activity, Mapping):
            raise PipedriveParameterError(f"activity must be a dict, not {self.activity!r:.60}.")
        action, parameters = self._request()
        check(get_action(action), parameters, is_templated)
