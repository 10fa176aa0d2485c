"""What dlt's pipelines are given."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.warehouse.destination import Destination, dlt_settings

reference = pytest.importorskip("dlt.common.destination.reference", reason="the extra warehouse is not installed")
look_up_once = pytest.importorskip("airflow_provider_pipedrive.warehouse.pipelines").look_up_once


def test_a_destination_that_is_asked_again_what_it_can_do_looks_up_no_settings(
    tmp_path: Path, mocker: MockerFixture
) -> None:
    looked_up = mocker.spy(reference, "resolve_configuration")
    with dlt_settings():
        destination = look_up_once(Destination(f"duckdb:///{tmp_path}/crm.duckdb").build(64))
        first, second = destination.capabilities(), destination.capabilities()
    assert looked_up.call_count == 1
    assert first == second
