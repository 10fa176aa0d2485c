"""Asset events as Airflow 3.3 stores them, and runs that read them. Only where Airflow has states of assets."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.execution_time.context import (
    AssetStateStoreAccessors,
    InletEventsAccessors,
    TaskStateStoreAccessor,
)

from airflow_provider_pipedrive.assets.changes import _Consumer
from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.events.changes.model import Change, make_change
from tests.support.supervisor import FakeTask

SCOPE: Any = None  # only for state backends of one's own
DEALS = Asset("pipedrive://acme/deals")


class Run:
    """A run of a DAG that reads the deals' changes.

    :param team: whose DAG it is, in an Airflow with teams
    """

    def __init__(
        self, run_id: str, inlets: list[Asset] | None = None, max_active_runs: int = 1, team: str | None = None
    ) -> None:
        task = FakeTask("mirror", "read")
        inlets = [DEALS] if inlets is None else inlets
        self.context: Any = {
            "ti": task,
            "run_id": run_id,
            "dag_run": SimpleNamespace(team_name=team),
            "dag": SimpleNamespace(dag_id="mirror", max_active_runs=max_active_runs),
            "inlet_events": InletEventsAccessors(inlets),
            "asset_state_store": AssetStateStoreAccessors(inlets=inlets),
            "task_state_store": TaskStateStoreAccessor(task.id, SCOPE),
        }

    def reads(self, **arguments: Any) -> list[Any]:
        """The ids of the changed deals, in their order."""
        given = {"kinds": None, "fields": None, "pipedrive_conn_id": None, "since": None, "lookback": 600.0}
        given |= {"ignore_own": False}
        return [change.id for change in _Consumer(DEALS, **{**given, **arguments}).changes(self.context)]


def changed(deal: int, time: str = "12:00:00", source: Any = "poll", **more: Any) -> Change:
    return make_change("deals", deal, ["changed"], f"2026-05-04T{time}Z", {"title": "A"}, source=source, **more)


def polled(*changes: Change) -> dict[str, Any]:
    """A watcher's event."""
    return {"from_trigger": True, "payload": Batch("pipedrive_default", changes).to_json()}


def delivered(*changes: Change, team: str = "") -> dict[str, Any]:
    """A webhook's event."""
    return Batch("pipedrive_default", changes, team=team).to_json()


def by_rest(connection: Any = "pipedrive_default", **batch: Any) -> dict[str, Any]:
    """An event that somebody has made by Airflow's REST API."""
    return {"from_rest_api": True, "pipedrive": {"connection": connection, **batch}}


def as_json(deal: int, **parts: Any) -> dict[str, Any]:
    return {**changed(deal).to_json(), **parts}
