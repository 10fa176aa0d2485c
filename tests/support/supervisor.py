"""Stands in for the process that serves Airflow's tasks and triggers: state stores and asset events, in memory."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow.sdk import Asset
from airflow.sdk.api.datamodels._generated import AssetEventResponse, AssetResponse
from airflow.sdk.exceptions import ErrorType
from airflow.sdk.execution_time.comms import (
    AssetEventsResult,
    AssetStateStoreResult,
    ErrorResponse,
    GetAssetEventByAsset,
    GetAssetStateStoreByName,
    GetTaskStateStore,
    OKResponse,
    SetAssetStateStoreByName,
    SetTaskStateStore,
    TaskStateStoreResult,
)

NOON = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)


class Supervisor:
    """What Airflow stores.

    :ivar states: values of assets by name and key, and of tasks by task id and key
    :ivar events: stored events, each with its asset's name
    :ivar largest: the most events that were read at once
    """

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], Any] = {}
        self.events: list[tuple[str, AssetEventResponse]] = []
        self.largest = 0

    def add_event(self, asset: Asset, extra: Any, seconds: float) -> None:
        """Store an event of so many seconds after noon."""
        event = AssetEventResponse(
            id=len(self.events) + 1,
            timestamp=NOON + timedelta(seconds=seconds),
            extra=extra,
            asset=AssetResponse(name=asset.name, uri=asset.uri, group="asset", extra={}),
            created_dagruns=[],
        )
        self.events.append((asset.name, event))

    def send(self, message: Any) -> Any:
        """Answer a task."""
        match message:
            case GetAssetStateStoreByName(name=name, key=key):
                return self._state(name, key, AssetStateStoreResult, ErrorType.ASSET_STORE_NOT_FOUND)
            case GetTaskStateStore(ti_id=ti_id, key=key):
                return self._state(str(ti_id), key, TaskStateStoreResult, ErrorType.TASK_STORE_NOT_FOUND)
            case SetAssetStateStoreByName(name=name, key=key, value=value):
                self.states[name, key] = value
            case SetTaskStateStore(ti_id=ti_id, key=key, value=value):
                self.states[str(ti_id), key] = value
            case GetAssetEventByAsset():
                return self._events(message)
            case _:
                raise NotImplementedError(message)
        return OKResponse(ok=True)

    async def asend(self, message: Any) -> Any:
        """Answer a trigger."""
        return self.send(message)

    def _state(self, owner: str, key: str, result: Any, missing: ErrorType) -> Any:
        if (owner, key) not in self.states:
            return ErrorResponse(error=missing)
        return result(value=self.states[owner, key])

    def _events(self, query: GetAssetEventByAsset) -> AssetEventsResult:
        found = [
            event
            for name, event in self.events
            if name == query.name
            and (query.after is None or event.timestamp >= query.after)
            and (query.before is None or event.timestamp <= query.before)
        ]
        found.sort(key=lambda event: event.timestamp, reverse=not query.ascending)
        found = found[: query.limit]
        self.largest = max(self.largest, len(found))
        return AssetEventsResult(asset_events=found)


class FakeTask:
    """As much of a task instance as the context of a task needs."""

    def __init__(self, dag_id: str, task_id: str) -> None:
        self.dag_id = dag_id
        self.task_id = task_id
        self.id = uuid.uuid4()
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        """Keep what the task pushes."""
        self.pushed[key] = value
