"""Before Airflow 3.3 an asset event is only a wake-up: what has changed is read from Pipedrive, since an own watermark.

The watermark is an Airflow Variable. It holds the claims of the latest runs, each a window of time on Pipedrive's
clock, so that a repeated or cleared run reads its own window again. A record that was changed once more since then has
left that window, and is in a later run's.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.events.changes.batch import ChangeWindow
from airflow_provider_pipedrive.events.changes.model import Change, deduplicate, sort_changes
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest
from airflow_provider_pipedrive.events.changes.watch import ChangeWatch, Position

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)
KEPT: Final = 20
"""Runs whose windows are kept."""


class PolledChanges:
    """The changes of an entity, for one task of a DAG."""

    def __init__(self, watch: ChangeWatch, connection_id: str, context: Context) -> None:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        task = context["ti"]
        self._watch = watch
        self._run = str(context["run_id"])
        self._reader = ChangeReader(PipedriveHook(connection_id).client, watch.entity)
        self._variable = re.sub(
            r"[^\w.-]", "_", f"pipedrive_changes__{task.dag_id}__{task.task_id}__{connection_id}_{watch.digest}"
        )

    def changes(self, since: datetime | None, lookback: timedelta) -> list[Change]:
        """The run's changes, each once, sorted.

        :param since: where the first run of all begins
        :param lookback: or how long before now
        """
        kept = self._kept()
        for run, window in kept:
            if run == self._run:
                log.info("This run has been here before: it reads the same changes again, up to %s.", window.until)
                return self._read(window)[0]
        if kept:
            last, seen = kept[-1][1], self._seen()
            position = last.position.after(last.until, seen)
        else:
            position = Position.start(since or self._reader.now() - lookback)
        changes, window, seen = self._claim(position)
        self._keep([*kept, (self._run, window)], seen)
        return changes

    def _claim(self, position: Position) -> tuple[list[Change], ChangeWindow, dict[str, int]]:
        found: list[Change] = []
        walked = self._reader.walk([WatchRequest(self._watch, position)], lambda _, change: found.append(change))
        seen = position.after(walked.until, walked.seen).seen
        window = ChangeWindow(self._watch, position, walked.until)
        log.info("%s: %s up to %s.", self._watch.entity, counted(len(found), "change"), walked.until)
        return sort_changes(deduplicate(found)), window, dict(seen)

    def _read(self, window: ChangeWindow) -> tuple[list[Change], Any]:
        found: list[Change] = []
        walked = self._reader.walk(
            [WatchRequest(self._watch, window.position)], lambda _, change: found.append(change), window.until
        )
        return sort_changes(deduplicate(found)), walked

    def _kept(self) -> list[tuple[str, ChangeWindow]]:
        return [(one["run"], ChangeWindow.from_json(one["window"])) for one in self._load().get("claims", ())]

    def _seen(self) -> dict[str, int]:
        return dict(self._load().get("seen", {}))

    def _load(self) -> dict[str, Any]:
        from airflow.providers.common.compat.sdk import Variable

        text = Variable.get(self._variable, None)  # the only spelling of a default that all versions take
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def _keep(self, claims: list[tuple[str, ChangeWindow]], seen: dict[str, int]) -> None:
        from airflow.providers.common.compat.sdk import Variable

        kept = [{"run": run, "window": window.to_json()} for run, window in claims[-KEPT:]]
        Variable.set(self._variable, json.dumps({"claims": kept, "seen": seen}))
