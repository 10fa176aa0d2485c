"""``pipedrive_changes`` before Airflow 3.3: from Pipedrive, since a watermark in a Variable. It runs on every
version."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import airflow.providers.common.compat.sdk as sdk
import pytest
from airflow.providers.common.compat.sdk import Asset
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.assets import watched_asset
from airflow_provider_pipedrive.assets.changes import _Consumer
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

MARGIN = 6
DEALS = Asset("pipedrive://acme/deals")


@pytest.fixture
def variables(mocker: MockerFixture) -> dict[str, str]:
    """Airflow's Variables, in memory."""
    kept: dict[str, str] = {}

    class Variable:
        @staticmethod
        def get(key: str, default: Any) -> Any:
            return kept.get(key, default)

        @staticmethod
        def set(key: str, value: str) -> None:
            kept[key] = value

    mocker.patch.object(sdk, "Variable", Variable, create=True)
    return kept


@pytest.fixture
def deals(sandbox: Sandbox) -> list[int]:
    sandbox.advance(3600)
    return [deal["id"] for deal in sandbox.records("deals").values() if deal["status"] == "open"]


def reads(run_id: str, asset: Asset = DEALS, **arguments: Any) -> list[Any]:
    given = {"kinds": None, "fields": None, "pipedrive_conn_id": None, "since": None, "lookback": 60.0}
    given |= {"ignore_own": False, **arguments}
    context: Any = {
        "ti": SimpleNamespace(dag_id="mirror", task_id="read"),
        "run_id": run_id,
        "dag": SimpleNamespace(dag_id="mirror", max_active_runs=1),
    }
    return [change.id for change in _Consumer(asset, **given).changes(context)]


def edit(sandbox: Sandbox, *deals: int) -> None:
    for deal in deals:
        sandbox.update("deals", deal, title=f"Edited {deal}")
    sandbox.advance(MARGIN)


def test_each_run_reads_what_has_changed_since_the_run_before(
    sandbox: Sandbox, variables: dict[str, str], deals: list[int]
):
    edit(sandbox, *deals[:2])
    first = reads("run 1")
    edit(sandbox, deals[2])
    assert (first, reads("run 2"), reads("run 3")) == (deals[:2], [deals[2]], [])


def test_a_repeated_run_reads_its_own_window_again(sandbox: Sandbox, variables: dict[str, str], deals: list[int]):
    edit(sandbox, deals[0])
    assert reads("run 1") == [deals[0]]
    edit(sandbox, deals[1])
    assert reads("run 1") == [deals[0]]
    assert reads("run 2") == [deals[1]]


def test_what_changes_while_a_run_reads_is_in_one_run_only(
    sandbox: Sandbox, variables: dict[str, str], deals: list[int]
):
    sandbox.update("deals", deals[0], title="In an open second")
    first = reads("run 1")
    sandbox.advance(MARGIN)
    assert (first, reads("run 2")) == ([], [deals[0]])


def test_the_first_run_begins_where_it_is_told_to(sandbox: Sandbox, variables: dict[str, str], deals: list[int]):
    edit(sandbox, deals[0])
    sandbox.advance(300)
    edit(sandbox, deals[1])
    assert reads("run 1") == [deals[1]]
    variables.clear()
    assert reads("run 1", lookback=600.0) == deals[:2]


def test_what_is_read_is_what_the_assets_watcher_watches(sandbox: Sandbox, variables: dict[str, str], deals: list[int]):
    asset = watched_asset("acme", "deals", "stage_moved")
    stage = sandbox.records("deals")[deals[0]]["stage_id"]
    sandbox.move_deal(deals[0], 3 if stage != 3 else 2)
    edit(sandbox, deals[1])
    watched = hasattr(asset, "watchers")
    assert reads("run 1", asset, kinds=None if watched else "stage_moved") == [deals[0]]


def test_own_edits_are_left_out_where_that_is_asked_for(sandbox: Sandbox, variables: dict[str, str], deals: list[int]):
    with PipedriveHook().client as client:
        client.run("updateDeal", {"id": deals[0], "title": "By this connection"})
    edit(sandbox, deals[1])
    assert (reads("run 1", ignore_own=True), reads("run 2", ignore_own=True)) == ([deals[1]], [])
