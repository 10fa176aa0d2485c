"""Records in, rows out: every kind of field, as v2 and as v1 write it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema, row_schema

KINDS = """
    varchar varchar_auto text phone double monetary enum set user org people date daterange time timerange address
"""
CODES = {kind: f"{number:02d}" + "ab" * 19 for number, kind in enumerate(KINDS.split())}
OPTIONS = {
    "enum": [{"id": 11, "label": "Small"}, {"id": 12, "label": "Large"}, {"id": 13, "label": "Large"}],
    "set": [{"id": 21, "label": "Support"}, {"id": 22, "label": "Training"}],
}
LABELS = {"field_code": "label_ids", "field_name": "Label", "field_type": "set", "is_custom_field": False}
DEFINITIONS = [
    {**LABELS, "options": [{"id": 1, "label": "Hot"}, {"id": 2, "label": "Cold"}]},
    *(
        {
            "field_code": code,
            "field_name": f"My {kind.replace('_', ' ')}",
            "field_type": kind,
            "is_custom_field": True,
            "options": OPTIONS.get(kind),
        }
        for kind, code in CODES.items()
    ),
]
ADDRESS = {
    "subpremise": None,
    "street_number": "7",
    "route": "Pikk",
    "sublocality": None,
    "locality": "Tallinn",
    "admin_area_level_1": "Harju",
    "admin_area_level_2": None,
    "country": "Estonia",
    "postal_code": "10123",
    "formatted_address": "Pikk 7, 10123 Tallinn, Estonia",
}
AS_V2 = {
    "varchar": "K-1",
    "varchar_auto": "Auto",
    "text": "Long\ntext",
    "phone": "+372 5550100",
    "double": 2.5,
    "monetary": {"value": 1200, "currency": "EUR"},
    "enum": 12,
    "set": [21, 22],
    "user": 5,
    "org": 6,
    "people": 7,
    "date": "2026-01-31",
    "daterange": {"value": "2026-02-01", "until": "2026-02-28"},
    "time": {"value": "13:30:00", "timezone_id": 254, "timezone_name": "Europe/Tallinn"},
    "timerange": {"value": "09:00:00", "until": "17:00:00", "timezone_id": 254, "timezone_name": "Europe/Tallinn"},
    "address": {"value": "Pikk 7", **ADDRESS},
}
AS_V1 = {
    CODES["varchar"]: "K-1",
    CODES["varchar_auto"]: "Auto",
    CODES["text"]: "Long\ntext",
    CODES["phone"]: "+372 5550100",
    CODES["double"]: "2.5",
    CODES["monetary"]: 1200,
    CODES["monetary"] + "_currency": "EUR",
    CODES["enum"]: "12",
    CODES["set"]: "21,22",
    CODES["user"]: {"id": 5, "name": "Mari", "value": 5},
    CODES["org"]: {"name": "Acme", "value": 6},
    CODES["people"]: 7,
    CODES["date"]: "2026-01-31",
    CODES["daterange"]: "2026-02-01",
    CODES["daterange"] + "_until": "2026-02-28",
    CODES["time"]: "13:30:00",
    CODES["time"] + "_timezone_id": 254,
    CODES["timerange"]: "09:00:00",
    CODES["timerange"] + "_until": "17:00:00",
    CODES["timerange"] + "_timezone_id": 254,
    CODES["address"]: "Pikk 7",
    **{f"{CODES['address']}_{part}": value for part, value in ADDRESS.items()},
}
READABLE = {
    "my_varchar": "K-1",
    "my_varchar_auto": "Auto",
    "my_text": "Long\ntext",
    "my_phone": "+372 5550100",
    "my_double": 2.5,
    "my_monetary": 1200,
    "my_monetary_currency": "EUR",
    "my_enum": "Large",
    "my_set": ["Support", "Training"],
    "my_user": 5,
    "my_org": 6,
    "my_people": 7,
    "my_date": "2026-01-31",
    "my_daterange": "2026-02-01",
    "my_daterange_until": "2026-02-28",
    "my_time": "13:30:00",
    "my_time_timezone_id": 254,
    "my_time_timezone_name": "Europe/Tallinn",
    "my_timerange": "09:00:00",
    "my_timerange_until": "17:00:00",
    "my_timerange_timezone_id": 254,
    "my_timerange_timezone_name": "Europe/Tallinn",
    "my_address": "Pikk 7",
    **{f"my_address_{part}": value for part, value in ADDRESS.items()},
}


def schema(entity: str, definitions: list[dict[str, Any]] = DEFINITIONS) -> RowSchema:
    return row_schema(ENTITIES[entity], definitions, None)


def row(entity: str, record: dict[str, Any], definitions: list[dict[str, Any]] = DEFINITIONS) -> dict[str, Any]:
    [found] = schema(entity, definitions).rows([record])
    return found


def custom(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name.startswith("my_")}


def test_a_deals_custom_fields_of_every_type_read_as_people_see_them() -> None:
    found = row("deals", {"id": 1, "custom_fields": {CODES[kind]: value for kind, value in AS_V2.items()}})

    assert custom(found) == READABLE
    assert found["other"] is None


def test_a_leads_custom_fields_which_v1_lays_flat_come_out_in_the_same_columns() -> None:
    found = row("leads", {"id": "a2c4", **AS_V1})

    assert custom(found) == {**READABLE, "my_time_timezone_name": None, "my_timerange_timezone_name": None}
    assert list(custom(found)) == list(READABLE)
    assert found["other"] is None


def test_options_that_come_with_their_labels_read_the_same() -> None:
    labelled = {
        CODES["enum"]: {"id": 12, "label": "Large"},
        CODES["set"]: [{"id": 21, "label": "Support"}, {"id": 22, "label": "Training"}],
    }

    found = row("deals", {"id": 1, "custom_fields": labelled})

    assert (found["my_enum"], found["my_set"]) == ("Large", ["Support", "Training"])


@pytest.mark.parametrize(
    ("values", "enum", "several"),
    [
        ({CODES["enum"]: 99, CODES["set"]: [21, 98]}, "99", ["Support", "98"]),
        ({CODES["enum"]: "99", CODES["set"]: "98"}, "99", ["98"]),
        ({CODES["enum"]: {"id": 99, "label": None}, CODES["set"]: [{"id": 98}]}, "99", ["98"]),
        ({CODES["enum"]: None, CODES["set"]: None}, None, None),
        ({CODES["enum"]: "", CODES["set"]: ""}, None, None),
        ({CODES["set"]: []}, None, []),
        ({CODES["set"]: {"id": 21, "label": "Support"}}, None, ["Support"]),
        ({}, None, None),
    ],
)
def test_a_deleted_option_is_its_id_and_an_unset_field_is_null(
    values: dict[str, Any], enum: str | None, several: list[str] | None
) -> None:
    for found in (row("deals", {"id": 1, "custom_fields": values}), row("leads", {"id": "a2c4", **values})):
        assert (found["my_enum"], found["my_set"], found["other"]) == (enum, several, None)


def test_two_options_of_one_label_read_alike() -> None:
    rows = schema("deals").rows(
        [{"id": n, "custom_fields": {CODES["enum"]: option}} for n, option in ((1, 12), (2, 13))]
    )

    assert [found["my_enum"] for found in rows] == ["Large", "Large"]


def test_a_composed_field_that_is_null_or_a_bare_value_leaves_its_parts_null() -> None:
    values = {CODES["monetary"]: None, CODES["address"]: "Pikk 7", CODES["daterange"]: {"value": "2026-02-01"}}

    found = row("deals", {"id": 1, "custom_fields": values})

    assert (found["my_monetary"], found["my_monetary_currency"]) == (None, None)
    assert (found["my_address"], found["my_address_country"]) == ("Pikk 7", None)
    assert (found["my_daterange"], found["my_daterange_until"]) == ("2026-02-01", None)


def test_what_no_column_knows_is_kept_in_the_last_column() -> None:
    record = {
        "id": 1,
        "title": "Renewal",
        "forecast": {"quarter": 3},
        "my_enum": "a key that is called like a column",
        "custom_fields": {"f" * 40: 7, CODES["monetary"]: {"value": 5, "currency": "EUR", "rate": 1.1}},
    }

    found = row("deals", record)

    assert list(found)[-1] == "other"
    assert found["other"] == {
        "forecast": {"quarter": 3},
        "my_enum": "a key that is called like a column",
        "custom_fields": {"f" * 40: 7, CODES["monetary"]: {"rate": 1.1}},
    }
    assert (found["title"], found["my_enum"], found["my_monetary"]) == ("Renewal", None, 5)
    assert set(found) == {column.name for column in schema("deals").columns}


def test_a_leads_field_that_is_not_defined_any_more_is_kept_too() -> None:
    assert row("leads", {"id": "a2c4", "f" * 40: "x"})["other"] == {"f" * 40: "x"}


def test_every_row_has_every_column_in_the_same_order() -> None:
    records = [{"id": 1}, {"custom_fields": None, "title": "b", "id": 2}, {"id": 3, "custom_fields": {}, "news": 1}]

    rows = schema("deals").rows(records)

    names = [column.name for column in schema("deals").columns]
    assert [list(found) for found in rows] == [names, names, names]
    assert [found["id"] for found in rows] == [1, 2, 3]


def test_records_are_left_as_they_are() -> None:
    record = {"id": 1, "news": 1, "label_ids": [1], "custom_fields": {CODES["set"]: [21]}}

    schema("deals").rows([record])

    assert record == {"id": 1, "news": 1, "label_ids": [1], "custom_fields": {CODES["set"]: [21]}}


@pytest.mark.parametrize(
    ("record", "ids", "labels"),
    [
        ({"label_ids": [1, 2]}, [1, 2], ["Hot", "Cold"]),
        ({"label_ids": []}, [], []),
        ({"label_ids": [9]}, [9], ["9"]),
        ({"label_ids": [1], "labels": [{"id": 1, "label": "Hot!"}]}, [1], ["Hot!"]),
        ({"label_ids": [{"id": 1, "label": "Hot!"}]}, [1], ["Hot!"]),
        ({"label_ids": [1], "labels": None}, [1], ["Hot"]),
        ({}, None, None),
    ],
)
def test_labels_stand_beside_their_ids(record: dict[str, Any], ids: Any, labels: Any) -> None:
    found = row("persons", record)

    assert (found["label_ids"], found["labels"], found["other"]) == (ids, labels, None)


def test_a_leads_labels_are_ids_of_lead_labels() -> None:
    found = row("leads", {"id": "a2c4", "label_ids": ["f08b42a0-4e75-11ea-9643-03698ef1cfd6"]})

    assert found["label_ids"] == ["f08b42a0-4e75-11ea-9643-03698ef1cfd6"]
    assert "labels" not in found


def test_a_leads_value_has_an_amount_and_a_currency_like_a_deals() -> None:
    found = row("leads", {"id": "a2c4", "value": {"amount": 300, "currency": "USD"}})
    empty = row("leads", {"id": "b3d5", "value": None})

    assert (found["value"], found["currency"]) == (300, "USD")
    assert (empty["value"], empty["currency"]) == (None, None)


def test_an_organizations_address_is_laid_out_and_its_industry_has_a_label() -> None:
    industry = {"field_code": "industry", "field_name": "Industry", "options": [{"id": 4, "label": "Finance"}]}
    record = {"id": 1, "address": {"value": "Pikk 7", **ADDRESS, "plus_code": "9GF6"}, "industry": 4}

    found = row("organizations", record, [industry])

    assert found["address"] == "Pikk 7"
    assert {part: found[f"address_{part}"] for part in ADDRESS} == ADDRESS
    assert (found["industry"], found["industry_label"]) == (4, "Finance")
    assert found["other"] == {"address": {"plus_code": "9GF6"}}


def test_a_person_without_contact_sync_has_the_same_columns() -> None:
    synced = {
        "job_title": "Buyer",
        "notes": "Likes tea",
        "im": [{"value": "mari", "primary": True, "label": "skype"}],
        "birthday": "1990-05-04",
        "postal_address": {"value": "Pikk 7", "country": "Estonia"},
    }

    with_sync, without = schema("persons").rows([{"id": 1, **synced}, {"id": 2}])

    assert list(with_sync) == list(without)
    assert (with_sync["job_title"], with_sync["birthday"]) == ("Buyer", "1990-05-04")
    assert (with_sync["postal_address"], with_sync["postal_address_country"]) == ("Pikk 7", "Estonia")
    assert {without[name] for name in ("job_title", "notes", "im", "birthday", "postal_address")} == {None}


@pytest.mark.parametrize(
    ("entity", "record", "column", "value"),
    [
        ("notes", {"update_time": "2026-01-31 12:00:05"}, "update_time", "2026-01-31T12:00:05Z"),
        ("notes", {"update_time": ""}, "update_time", None),
        ("users", {"last_login": "2026-01-31 12:00:05"}, "last_login", "2026-01-31T12:00:05Z"),
        ("leads", {"add_time": "2020-10-14T11:30:36.551Z"}, "add_time", "2020-10-14T11:30:36.551Z"),
        ("deals", {"add_time": "2026-01-31T12:00:05Z"}, "add_time", "2026-01-31T12:00:05Z"),
        ("notes", {"pinned_to_deal_flag": 1}, "pinned_to_deal_flag", True),
        ("notes", {"pinned_to_deal_flag": "0"}, "pinned_to_deal_flag", False),
        ("notes", {"pinned_to_deal_flag": False}, "pinned_to_deal_flag", False),
        ("notes", {"pinned_to_deal_flag": [1]}, "pinned_to_deal_flag", [1]),
        ("leads", {"visible_to": "3"}, "visible_to", 3),
        ("roles", {"assignment_count": "-12"}, "assignment_count", -12),
        ("roles", {"assignment_count": ""}, "assignment_count", None),
        ("roles", {"assignment_count": "many"}, "assignment_count", "many"),
        ("call_logs", {"duration": "65"}, "duration", 65),
        ("notes", {"user": {"name": "Mari"}}, "user_details", {"name": "Mari"}),
    ],
)
def test_values_that_v1_writes_its_own_way_are_written_as_v2_does(
    entity: str, record: dict[str, Any], column: str, value: Any
) -> None:
    found = row(entity, record)

    assert found[column] == value
    assert type(found[column]) is type(value)
    assert found["other"] is None


def test_with_keys_a_deal_is_what_pipedrive_sent() -> None:
    record = {"id": 1, "title": "Renewal", "label_ids": [1], "custom_fields": {CODES["enum"]: 12}, "forecast": 3}

    [found] = row_schema(ENTITIES["deals"], DEFINITIONS, None, names="raw").rows([record])

    assert {name: value for name, value in found.items() if value is not None} == {
        "id": 1,
        "title": "Renewal",
        "label_ids": [1],
        "custom_fields": {CODES["enum"]: 12},
        "other": {"forecast": 3},
    }


def test_with_keys_a_lead_is_what_pipedrive_sent() -> None:
    record = {
        "id": "a2c4",
        "value": {"amount": 300, "currency": "USD"},
        "add_time": "2020-10-14T11:30:36.551Z",
        **AS_V1,
    }

    [found] = row_schema(ENTITIES["leads"], DEFINITIONS, None, names="raw").rows([record])

    assert {name: value for name, value in found.items() if value is not None or name in record} == record


def test_rows_are_json_as_they_are() -> None:
    found = row("deals", {"id": 1, "custom_fields": {CODES[kind]: value for kind, value in AS_V2.items()}})

    assert msgspec.json.decode(msgspec.json.encode(found)) == found


@pytest.mark.parametrize(
    ("record", "columns"),
    [
        ({"custom_fields": 5}, {"other": {"custom_fields": 5}}),
        ({"custom_fields": []}, {"other": None}),
        ({"custom_fields": {CODES["enum"]: [12]}}, {"my_enum": [12]}),
        ({"custom_fields": {CODES["set"]: [21, [22], {"id": [23]}]}}, {"my_set": ["Support", [22], [23]]}),
    ],
)
def test_an_odd_value_of_custom_fields_stays_what_it_is(record: dict[str, Any], columns: dict[str, Any]) -> None:
    [row] = row_schema(ENTITIES["deals"], DEFINITIONS, None).rows([record])
    assert {name: row[name] for name in columns} == columns
