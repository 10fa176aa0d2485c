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


def test_a_destination_looks_up_its_settings_once_for_each_dataset(tmp_path: Path, mocker: MockerFixture) -> None:
    looked_up = mocker.spy(reference, "resolve_configuration")
    with dlt_settings():
        destination = look_up_once(Destination(f"duckdb:///{tmp_path}/crm.duckdb").build(64))
        sales, service, again = (
            destination.configuration(destination.spec()._bind_dataset_name(name))
            for name in ("sales", "service", "sales")
        )
    assert looked_up.call_count == 2
    assert (sales.dataset_name, service.dataset_name) == ("sales", "service")
    assert again is sales
