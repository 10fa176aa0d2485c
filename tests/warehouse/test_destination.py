"""What can be a destination."""

from __future__ import annotations

import re
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.warehouse import Destination, Warehouse
from airflow_provider_pipedrive.warehouse.destination import DESTINATIONS
from tests.support.postgres_server import PASSWORD


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("duckdb:///:memory:", "a warehouse is a file that stays"),
        ("duckdb:///", "a warehouse is a file that stays"),
        ("duckdb:///crm.duckdb?password=x", "a DuckDB file takes memory_limit and threads, not 'password'"),
        ("postgres://me:PasswordOfTheWarehouse0123@host/db", "keep the credentials in an Airflow connection"),
        ("duckdb", "needs the file"),
        ("os.path", "the name of a dlt destination, not 'os.path'"),
        (None, "destination must be a text"),
    ],
)
def test_what_is_no_destination_is_refused_without_showing_a_password(name: Any, advice: str) -> None:
    with pytest.raises(PipedriveParameterError) as caught:
        Destination(name)
    assert advice in str(caught.value)
    assert PASSWORD not in str(caught.value)


@pytest.mark.parametrize("dataset", ["Pipedrive", "a__b", "a-b", "", "1a", None])
def test_a_dataset_has_a_name_that_no_warehouse_changes(dataset: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="lower-case letters, digits and single underscores"):
        Warehouse(Destination("duckdb:///crm.duckdb"), dataset)


def test_without_dlt_the_error_names_the_extra(mocker: MockerFixture) -> None:
    mocker.patch("airflow_provider_pipedrive.warehouse.destination.find_spec", return_value=None)
    with pytest.raises(PipedriveParameterError, match=re.escape("pip install 'airflow-provider-pipedrive[warehouse]'")):
        Warehouse(Destination("duckdb:///crm.duckdb"), "pipedrive").check()


@pytest.mark.parametrize("name", DESTINATIONS)
def test_a_destination_that_is_known_when_a_dag_is_parsed_is_one_of_dlts(name: str) -> None:
    import dlt

    assert callable(getattr(dlt.destinations, name))
