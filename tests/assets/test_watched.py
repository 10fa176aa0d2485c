"""An asset together with its watcher."""

from __future__ import annotations

import pytest

import airflow_provider_pipedrive.triggers.pipedrive as triggers
from airflow_provider_pipedrive.assets import watched_asset
from airflow_provider_pipedrive.errors import PipedriveParameterError

on_airflow_3 = pytest.mark.skipif(
    not hasattr(triggers, "PipedriveChangeEventTrigger"), reason="Airflow has asset watchers since 3.0"
)


def test_it_is_the_asset_of_the_companys_records() -> None:
    assert watched_asset("acme.pipedrive.com", "persons").uri == "pipedrive://acme/persons"


@on_airflow_3
def test_its_watcher_watches_what_it_is_told_to() -> None:
    asset = watched_asset("acme", "deals", "stage_moved", interval=30, pipedrive_conn_id="crm", ignore_own=True)
    (watcher,) = asset.watchers
    assert watcher.name == "pipedrive deals"
    assert watcher.trigger.serialize()[1] == {
        "entity": "deals",
        "changes": ["stage_moved"],
        "fields": [],
        "pipedrive_conn_id": "crm",
        "interval": 30.0,
        "lookback": 600.0,
        "ignore_own": True,
    }


@on_airflow_3
def test_what_cannot_be_watched_is_refused_when_the_dag_is_parsed() -> None:
    with pytest.raises(PipedriveParameterError, match="There is no kind of change 'moved'"):
        watched_asset("acme", "deals", "moved")
