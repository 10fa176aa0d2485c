"""What a database and a folder of tables have in common."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.warehouse import DeltaLake, Destination, TableStore, Warehouse

STORES: dict[str, Any] = {"postgres": Warehouse, "filesystem": DeltaLake}


@pytest.mark.parametrize("name", STORES)
def test_a_dataset_has_a_name_that_dlt_leaves_as_it_is_wherever_its_tables_are(name: str) -> None:
    assert isinstance(STORES[name](Destination(name), "crm"), TableStore)
    with pytest.raises(PipedriveParameterError, match="dataset must be a name of lower-case letters"):
        STORES[name](Destination(name), "Of Sales")


def test_a_folder_of_tables_has_no_views_and_is_not_changed_in_place() -> None:
    store = DeltaLake(Destination("filesystem"), "crm")
    assert store.install_views() == ()
    assert not store.is_changed_in_place
