"""What tasks share: the window that a run is given, and the connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pendulum
import pytest
from airflow.providers.common.compat.sdk import DAG
from airflow.timetables.events import EventsTimetable

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.operators.task_support import run_window
from airflow_provider_pipedrive.operators.webhooks import PipedriveEnsureWebhooksOperator
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveNewFileSensor
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveFileOperator,
    PipedriveFileToObjectStorageOperator,
    PipedriveToObjectStorageOperator,
    PipedriveToWarehouseOperator,
)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def run(schedule: Any, **more: Any) -> Any:
    dag = DAG("windows", schedule=schedule, start_date=pendulum.datetime(2026, 1, 1, tz="UTC"))
    kind = more.pop("run_type", "backfill")
    date = more.pop("logical_date", at("2026-03-05"))
    return {"dag": dag, "dag_run": SimpleNamespace(run_type=kind, logical_date=date), "logical_date": date, **more}


def test_a_window_is_made_of_plain_times_though_airflows_are_pendulums() -> None:
    for schedule in ("@daily", timedelta(days=1), EventsTimetable([pendulum.datetime(2026, 3, 4)])):
        window = run_window(run(schedule, logical_date=pendulum.datetime(2026, 3, 5, tz="Europe/Berlin")))
        assert {type(moment) for moment in window} == {datetime}
        assert all(moment is not None and (moment - timedelta(seconds=1)).tzinfo is UTC for moment in window)


def test_a_backfills_run_has_the_time_up_to_its_logical_date() -> None:
    assert run_window(run("@daily")) == (at("2026-03-04"), at("2026-03-05"))
    same = {"data_interval_start": at("2026-03-05"), "data_interval_end": at("2026-03-05")}
    assert run_window(run("@daily", **same)) == (at("2026-03-04"), at("2026-03-05"))


def test_a_data_interval_goes_before_the_schedule() -> None:
    given = {"data_interval_start": at("2026-03-01"), "data_interval_end": at("2026-03-02")}
    assert run_window(run("@daily", **given)) == (at("2026-03-01"), at("2026-03-02"))


@pytest.mark.parametrize("kind", ["scheduled", "manual", "asset_triggered", "operator_triggered"])
def test_any_other_run_without_a_data_interval_has_no_window_of_its_own(kind: str) -> None:
    assert run_window(run("@daily", run_type=kind)) == (None, None)


@pytest.mark.parametrize("more", [{"schedule": "@once"}, {"schedule": "@daily", "logical_date": None}], ids=str)
def test_a_backfills_run_whose_time_is_not_known_fails_with_advice(more: dict[str, Any]) -> None:
    with pytest.raises(PipedriveParameterError, match="give since and until"):
        run_window(run(**more))


@pytest.mark.parametrize(
    "task",
    [
        partial(PipedriveOperator, action="getDeals"),
        partial(PipedriveBulkOperator, rows=[], entity="persons"),
        partial(PipedriveEnsureWebhooksOperator, objects="*"),
        partial(PipedriveToObjectStorageOperator, entities=["deals"], path="crm"),
        partial(PipedriveToWarehouseOperator, entities=["deals"], destination="duckdb:///crm.duckdb"),
        partial(PipedriveFileToObjectStorageOperator, path="files"),
        partial(ObjectStorageToPipedriveFileOperator, path="offer.pdf", deal_id=1),
        partial(PipedriveNewFileSensor),
    ],
    ids=lambda task: task.func.__name__,
)
def test_every_task_refuses_what_is_not_a_connections_id_when_it_is_parsed(task: Any) -> None:
    for wrong in (5, None, {"conn_id": "pipedrive_default"}, ""):
        with pytest.raises(PipedriveParameterError, match="pipedrive_conn_id (must be|is empty: give) the id of an"):
            task(task_id="task", pipedrive_conn_id=wrong)
    task(task_id="task", pipedrive_conn_id="{{ params.account }}")
