"""Values of custom fields."""

from __future__ import annotations

from tests.support.seeded_company import Company

CUSTOM_TYPES = {
    "varchar", "varchar_auto", "text", "double", "monetary", "enum", "set", "user", "org", "people", "phone", "date",
    "daterange", "time", "timerange", "address",
}  # fmt: skip


def test_there_is_a_custom_field_of_every_type_and_values_of_each(company: Company) -> None:
    fields = {row["field_code"]: row["field_type"] for row in company["dealFields"].values() if row["is_custom_field"]}
    assert set(fields.values()) == CUSTOM_TYPES
    values = [deal["custom_fields"] for deal in company["deals"].values()]
    assert {fields[code] for custom in values for code, value in custom.items() if value is not None} == CUSTOM_TYPES
    assert any(value is None for custom in values for value in custom.values())
    assert any(custom.keys() < fields.keys() for custom in values)


def test_composed_values_have_the_parts_that_v2_gives_them(company: Company) -> None:
    parts = {
        row["field_type"]: {
            tuple(sorted(value))
            for deal in company["deals"].values()
            if isinstance(value := deal["custom_fields"].get(row["field_code"]), dict)
        }
        for row in company["dealFields"].values()
        if row["field_type"] in ("monetary", "daterange", "time", "timerange", "address") and row["is_custom_field"]
    }
    assert parts == {
        "monetary": {("currency", "value")},
        "daterange": {("until", "value")},
        "time": {("timezone_id", "timezone_name", "value")},
        "timerange": {("timezone_id", "timezone_name", "until", "value")},
        "address": {
            (
                "admin_area_level_1",
                "admin_area_level_2",
                "country",
                "formatted_address",
                "locality",
                "postal_code",
                "route",
                "street_number",
                "sublocality",
                "subpremise",
                "value",
            )
        },
    }
