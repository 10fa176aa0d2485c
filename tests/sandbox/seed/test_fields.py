"""Definitions of custom fields."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.seed import field_code
from tests.support.seeded_company import Company


def test_a_custom_field_has_the_same_code_for_the_same_seed() -> None:
    assert field_code(1, "dealFields", "Segment") == "48518331116f22e83ac2f70301c01ab410b46e3c"
    assert field_code(2, "dealFields", "Segment") != field_code(1, "dealFields", "Segment")


def test_names_of_custom_fields_and_labels_of_options_are_not_unique(company: Company) -> None:
    custom = [row for row in company["personFields"].values() if row["is_custom_field"]]
    assert [row["field_name"] for row in custom].count("Source") == 2
    options = next(row["options"] for row in custom if row["field_type"] == "enum")
    assert [option["label"] for option in options] == ["Fair", "Web", "Web"]
    assert field_code(1, "personFields", "Source", 2) in {row["field_code"] for row in custom}


def test_options_that_records_use_are_defined(company: Company) -> None:
    labels = {option["id"] for row in company["dealFields"].values() if row["field_code"] == "label_ids"
              for option in row["options"]}  # fmt: skip
    assert {label for deal in company["deals"].values() for label in deal["label_ids"]} == labels
    for option_of in ("personFields", "organizationFields", "productFields", "projectFields"):
        table = option_of.removesuffix("Fields") + "s"
        for row in company[option_of].values():
            if row["field_type"] == "enum" and row["is_custom_field"]:
                used = {record["custom_fields"].get(row["field_code"]) for record in company[table].values()}
                assert used - {None} <= {option["id"] for option in row["options"]}, row["field_name"]
