"""Which fields Pipedrive's answers have."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.sandbox.state.shapes import data_of, fields_of


def test_a_list_is_of_records_with_the_fields_of_one() -> None:
    kind, fields = data_of("GET", "/api/v2/pipelines")
    assert kind == "records"
    assert fields == data_of("GET", "/api/v2/pipelines/{id}")[1]
    assert fields["is_deal_probability_enabled"] == "boolean"


def test_an_operation_without_a_model_has_no_fields() -> None:
    assert data_of("GET", "/v1/nothing") == ("none", {})


def test_a_model_that_there_is_not_is_an_error() -> None:
    with pytest.raises(KeyError, match=r"v2\.Nothing"):
        fields_of("v2", "Nothing")
