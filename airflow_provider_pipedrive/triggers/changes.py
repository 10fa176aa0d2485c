"""The trigger of asset watchers. Airflow 3 only: ``airflow_provider_pipedrive.triggers.pipedrive`` has it there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.watch import change_watch
from airflow_provider_pipedrive.events.schedule import SHORTEST_INTERVAL
from airflow_provider_pipedrive.hooks.client_factory import check_connection_id
from airflow_provider_pipedrive.triggers.change_polling import QueueSubscriber, batches

if TYPE_CHECKING or find_spec("airflow.triggers.shared_stream") is not None:
    from airflow_provider_pipedrive.triggers.acknowledged import AcknowledgedStream as _SharedStream
else:

    class _SharedStream:
        """Before Airflow 3.3 there are none."""


class PipedriveChangeEventTrigger(_SharedStream, BaseEventTrigger):
    """Makes an asset event whenever records have changed in Pipedrive: one event a poll, with a batch of changes.

    For ``AssetWatcher``. Consumers read the changes by ``airflow_provider_pipedrive.assets.pipedrive_changes``, each
    exactly once; docs/events.md says how.

    All watchers of one connection and entity in a triggerer share their requests. On Airflow 3.3 each asset's watcher
    continues where its stored events end, whatever was killed in between. Before, it begins ``lookback`` seconds before
    its start, so that events may come twice.

    :param entity: ``deals``, ``persons``, ``organizations``, ``activities``, ``products``, ``leads``, ``notes``,
        ``files``, ``archived_deals`` and others whose changes Pipedrive lists
    :param changes: what to watch, of ``created``, ``changed``, ``stage_moved``, ``status_changed``, ``field_changed``,
        ``new_file``, ``deleted``; by default every creation and edit
    :param fields: keys or names of fields, for ``field_changed``. Costs 20 API tokens for each record that was edited.
    :param pipedrive_conn_id: the connection
    :param interval: seconds between two polls. A quiet one costs 10 API tokens (v1 lists 20), 10 more for ``deleted``
        and 20 more for ``new_file``
    :param lookback: seconds before its start from which it reports changes, before Airflow 3.3
    :param ignore_own: leave out edits that the connection's user has made through the API, such as those of a DAG that
        writes back. For deals, persons and organizations; costs 20 API tokens for each record that was edited.
        Creations and deletions always count: Pipedrive does not say through what they were made
    :raises PipedriveParameterError: an argument is wrong
    """

    def __init__(
        self,
        entity: str = "deals",
        changes: str | list[str] | tuple[str, ...] | None = None,
        *,
        fields: str | list[str] | tuple[str, ...] | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        interval: float = 60.0,
        lookback: float = 600.0,
        ignore_own: bool = False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        check_connection_id("pipedrive_conn_id", pipedrive_conn_id)
        self.watch = change_watch(entity, changes, fields, ignore_own)
        self.pipedrive_conn_id = pipedrive_conn_id
        self.interval = _seconds("interval", interval, SHORTEST_INTERVAL)
        self.lookback = _seconds("lookback", lookback, 0.0)

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """The class and its arguments."""
        return "airflow_provider_pipedrive.triggers.pipedrive.PipedriveChangeEventTrigger", {
            "entity": self.watch.entity,
            "changes": list(self.watch.kinds),
            "fields": list(self.watch.fields),
            "pipedrive_conn_id": self.pipedrive_conn_id,
            "interval": self.interval,
            "lookback": self.lookback,
            "ignore_own": self.watch.ignore_own,
        }

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """An event for each poll that has news; never ends."""
        subscriber = QueueSubscriber(self.watch, self.interval, self.lookback)
        async for batch in batches((self.pipedrive_conn_id, self.watch.entity), subscriber):
            yield TriggerEvent(batch.to_json())  # type: ignore[no-untyped-call]


def _seconds(name: str, value: Any, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= least:
        raise PipedriveParameterError(f"{name} must be a number of seconds from {least:g} on, not {value!r}.")
    return float(value)
