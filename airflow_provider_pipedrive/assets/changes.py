"""The consumer's half of Pipedrive's events: every change since the run before, each in exactly one run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pipedrive.assets.trusted import DEFAULT_CONNECTION
from airflow_provider_pipedrive.client.times import given_moment
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import KINDS, Change
from airflow_provider_pipedrive.events.changes.watch import ChangeWatch, change_watch
from airflow_provider_pipedrive.hooks.lineage import Lineage, ReportsLineage, location
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.hooks.running_task import running_context

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Asset, Context

SET_ASIDE: Final = "set_aside"
"""XCom key of the events that a run has set aside: their ids and why."""
MOST_IN_XCOM: Final = 48 * 1024
"""Bytes of changes that go through XCom; more travel as files."""
MOST_BATCHES: Final = 1000
"""Airflow maps over 1024 items at most (``[core] max_map_length``)."""


def pipedrive_changes(
    asset: Asset,
    *,
    kinds: str | Iterable[str] | None = None,
    fields: str | Iterable[str] | None = None,
    pipedrive_conn_id: str | None = None,
    since: datetime | str | None = None,
    lookback: float = 600.0,
    ignore_own: bool = False,
    **kwargs: Any,
) -> Any:
    """Every change of an asset's records since the DAG's run before, sorted by time, each once.

    In a running task: an iterator of :class:`~airflow_provider_pipedrive.events.changes.model.Change`. The task must
    name the asset in its ``inlets``. In a DAG's body: a task that reads them, whose output is a list of batches, made
    for ``.expand()``; :func:`changes_of` reads a batch. The DAG needs ``max_active_runs=1``.

    :param kwargs: in a DAG's body: of :class:`PipedriveChangesOperator`, which explains the arguments
    :raises PipedriveParameterError: an argument is wrong, the asset is not among the inlets, or the DAG may run twice
        at the same time
    """
    given: dict[str, Any] = {
        "kinds": kinds,
        "fields": fields,
        "pipedrive_conn_id": pipedrive_conn_id,
        "since": since,
        "lookback": lookback,
        "ignore_own": ignore_own,
    }
    context = running_context()
    if context is None:
        return PipedriveChangesOperator(asset=asset, **given, **{"task_id": "pipedrive_changes", **kwargs}).output
    if kwargs:
        raise PipedriveParameterError(f"Inside a task, pipedrive_changes takes no {', '.join(kwargs)}.")
    return _Consumer(asset, **given).changes(context)


class PipedriveChangesOperator(ReportsLineage, BaseOperator):
    """Reads every change of an asset's records since the run before, and returns them in batches.

    A run claims its changes before it reads them: repeated or cleared, it reads the same ones, and the run after it
    those that follow, whether or not it succeeded. On Airflow 3.3 these are the events that Airflow has stored of the
    asset, including those that it attached to no run; before, they are read from Pipedrive.

    An event that cannot be read, or names a connection of another company than the asset's, is set aside: the task's
    log names it, and so does the task's XCom ``set_aside`` (``event``, ``reason``). All others are read.

    :param asset: named ``pipedrive://company/entity``
    :param kinds: only changes of one of these kinds: ``created``, ``changed``, ``stage_moved``, ``status_changed``,
        ``field_changed``, ``new_file``, ``deleted``
    :param fields: before Airflow 3.3, if the asset has no watcher: fields whose changes are read
    :param pipedrive_conn_id: by default that of the asset's watcher, or of its events, where it is
        ``pipedrive_default`` or belongs to the asset's company
    :param since: where the very first run begins; by default with all that is stored
    :param lookback: before Airflow 3.3: seconds before now at which it begins
    :param ignore_own: without what the connection's user has made through the API, such as this DAG's own writes, where
        Pipedrive says so: webhooks do for all changes. A watcher has an ``ignore_own`` of its own, for edits
    :param batch_size: changes in a batch
    :param path: a folder, local or in object storage, for batches of runs with more than 48 KiB of changes. Without it
        they go through XCom whatever their size.
    :returns: a list of batches, for :func:`changes_of`; an empty one if nothing has changed
    """

    template_fields: Sequence[str] = ("since", "path")
    ui_color = "#d3f5df"
    path = KeptFromLineage()

    def __init__(
        self,
        *,
        asset: Asset,
        kinds: str | Iterable[str] | None = None,
        fields: str | Iterable[str] | None = None,
        pipedrive_conn_id: str | None = None,
        since: datetime | str | None = None,
        lookback: float = 600.0,
        ignore_own: bool = False,
        batch_size: int = 100,
        path: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "inlets": [asset, *(kwargs.get("inlets") or ())]})
        check_count("batch_size", batch_size)
        self.asset = asset
        self.kinds = kinds
        self.fields = fields
        self.pipedrive_conn_id = pipedrive_conn_id
        self.since = since
        self.lookback = lookback
        self.ignore_own = ignore_own
        self.batch_size = batch_size
        self.path = path
        self._consumer(since=None)
        if self.has_dag():  # type: ignore[no-untyped-call]
            _check_runs(self.dag)

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Claim this run's changes and return them in batches."""
        changes = [change.to_json() for change in self._consumer(self.since or None).changes(context)]
        size = max(self.batch_size, -(-len(changes) // MOST_BATCHES))
        batches = [changes[start : start + size] for start in range(0, len(changes), size)]
        from airflow_provider_pipedrive.operators.task_support import storage_path

        if not self.path or len(json.dumps(changes)) <= MOST_IN_XCOM:
            return [{"changes": batch} for batch in batches]
        written = [self._written(batch, number, context) for number, batch in enumerate(batches)]
        self._lineage = Lineage()
        self._lineage.wrote(location(storage_path("path", self.path)))
        return written

    def _consumer(self, since: datetime | str | None) -> _Consumer:
        return _Consumer(
            self.asset,
            kinds=self.kinds,
            fields=self.fields,
            pipedrive_conn_id=self.pipedrive_conn_id,
            since=since,
            lookback=self.lookback,
            ignore_own=self.ignore_own,
        )

    def _written(self, batch: list[dict[str, Any]], number: int, context: Context) -> dict[str, Any]:
        from airflow_provider_pipedrive.extraction.storage.files import calling, make_folder
        from airflow_provider_pipedrive.operators.task_support import storage_path

        task = context["ti"]
        run = re.sub(r"[^\w.-]", "_", str(context["run_id"]))
        folder = storage_path("path", self.path) / task.dag_id / task.task_id / run
        make_folder(folder)
        file = folder / f"batch-{number:05d}.jsonl"
        with calling("write", file), file.open("w", encoding="utf-8") as target:
            target.writelines(json.dumps(change) + "\n" for change in batch)
        return {"file": str(file), "count": len(batch)}


def changes_of(batch: Mapping[str, Any]) -> Iterator[Change]:
    """The changes in a batch that ``pipedrive_changes`` has returned, in order.

    :raises PipedriveParameterError: it is not such a batch
    """
    if "changes" in batch:
        for data in batch["changes"]:
            yield Change.from_json(data)
    elif "file" in batch:
        from airflow_provider_pipedrive.operators.task_support import storage_path

        with storage_path("file", batch["file"]).open("r", encoding="utf-8") as source:
            for line in source:
                yield Change.from_json(json.loads(line))
    else:
        raise PipedriveParameterError("This is not a batch of changes: it has neither 'changes' nor 'file'.")


class _Consumer:
    """Checked arguments, and what this version of Airflow makes of them."""

    def __init__(
        self,
        asset: Any,
        *,
        kinds: Any,
        fields: Any,
        pipedrive_conn_id: str | None,
        since: Any,
        lookback: float,
        ignore_own: bool,
    ) -> None:
        if urlsplit(str(getattr(asset, "uri", asset))).scheme != "pipedrive":
            raise PipedriveParameterError(
                f"asset must be one of Pipedrive's, such as Asset('pipedrive://acme/deals'), not {asset!r}."
            )
        self._asset = asset
        self._kinds = frozenset([kinds] if isinstance(kinds, str) else kinds or ())
        unknown = self._kinds - set(KINDS)
        if unknown:
            raise PipedriveParameterError(f"There is no kind of change {min(unknown)!r}. There are {', '.join(KINDS)}.")
        self._fields = fields
        self._connection_id = pipedrive_conn_id
        self._since = None if since is None else given_moment("since", since)
        self._lookback = timedelta(seconds=lookback)
        self._ignore_own = ignore_own

    def changes(self, context: Context) -> Iterator[Change]:
        """What the run has to handle."""
        _check_runs(context["dag"])
        if context.get("asset_state_store") is not None:
            from airflow_provider_pipedrive.assets.stored import StoredEvents

            stored = StoredEvents(self._asset, context)
            found = stored.changes(self._since, self._connection_id, ignore_own=self._ignore_own)
            if stored.set_aside:
                context["ti"].xcom_push(key=SET_ASIDE, value=stored.set_aside)
        else:
            from airflow_provider_pipedrive.assets.polled import PolledChanges

            watch, connection_id = self._watch()
            found = PolledChanges(watch, connection_id, context).changes(self._since, self._lookback)
        return (change for change in found if not self._kinds or self._kinds & set(change.kinds))

    def _watch(self) -> tuple[ChangeWatch, str]:
        """What to read from Pipedrive: what the asset's watcher watches, or what the arguments say."""
        for watcher in getattr(self._asset, "watchers", ()):
            watch = getattr(watcher.trigger, "watch", None)
            if isinstance(watch, ChangeWatch):
                ignore_own = watch.ignore_own or self._ignore_own
                asked = change_watch(watch.entity, watch.kinds, watch.fields, ignore_own)
                return asked, self._connection_id or watcher.trigger.pipedrive_conn_id
        entity = urlsplit(self._asset.uri).path.strip("/").partition("/")[0]
        asked = change_watch(entity, self._kinds or None, self._fields, self._ignore_own)
        return asked, self._connection_id or DEFAULT_CONNECTION


def _check_runs(dag: Any) -> None:
    """Two runs at the same time would claim the same changes.

    :raises PipedriveParameterError: the DAG allows them
    """
    most = getattr(dag, "max_active_runs", 1)
    if most != 1:
        raise PipedriveParameterError(
            f"The DAG {dag.dag_id!r} reads Pipedrive's changes: give it max_active_runs=1. With {most} runs at a time "
            "changes would be handled twice."
        )
