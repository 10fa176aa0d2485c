"""Columns are named after the fields, and stay the same from run to run."""

from __future__ import annotations

import itertools

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.rows.names import column_name
from airflow_provider_pipedrive.extraction.rows.schema import row_schema
from tests.support.field_definitions import A, B, C, custom, field, schema


def test_two_fields_of_one_name_have_the_beginning_of_their_keys_behind_it_in_whatever_order_they_come() -> None:
    fields = [field(A, "Source"), field(B, "Source", "enum", {1: "Web"}), field(C, "Region")]

    for order in itertools.permutations(fields):
        assert set(custom(schema(*order))) == {"source_a1a1a1a1", "source_b2b2b2b2", "region"}


@pytest.mark.parametrize("name", ["Title", "Labels", "Other", "Custom fields", "Source name", "Currency"])
def test_a_field_that_is_called_like_a_column_of_pipedrives_own_gives_way(name: str) -> None:
    assert custom(schema(field(A, name))) == [f"{column_name(name)}_a1a1a1a1"]


def test_a_field_whose_part_is_called_like_another_field_gives_way_and_so_does_the_other() -> None:
    assert custom(schema(field(A, "Fee", "monetary"), field(B, "Fee currency"))) == [
        "fee_a1a1a1a1",
        "fee_a1a1a1a1_currency",
        "fee_currency_b2b2b2b2",
    ]


def test_keys_that_begin_alike_are_told_apart_further_on() -> None:
    one, two = "0" * 8 + "1" * 32, "0" * 8 + "2" * 32

    assert custom(schema(field(one, "Source"), field(two, "Source"))) == [
        "source_0000000011111111",
        "source_0000000022222222",
    ]


def test_a_field_that_is_called_like_the_way_out_of_a_clash_does_not_get_in_the_way() -> None:
    fields = [field(A, "Source"), field(B, "Source"), field(C, "Source a1a1a1a1")]

    assert custom(schema(*fields)) == [
        "source_a1a1a1a1a1a1a1a1",
        "source_b2b2b2b2",
        "source_a1a1a1a1_c3c3c3c3",
    ]


def test_long_names_are_cut_so_that_the_longest_part_fits() -> None:
    long = "Where the machines are to be delivered and by whom they are received"

    columns = custom(schema(field(A, long, "address"), field(B, long), field(C, long + " again")))

    assert columns[0] == "where_the_machines_are_to_be_delivered_and_b"
    assert columns[6] == "where_the_machines_are_to_be_delivered_and_b_admin_area_level_1"
    assert columns[11:] == [
        "where_the_machines_are_to_be_delivered_and_by_whom_the_b2b2b2b2",
        "where_the_machines_are_to_be_delivered_and_by_whom_the_c3c3c3c3",
    ]
    assert {len(name) <= 63 for name in columns} == {True}


def test_deals_and_leads_have_the_same_columns_of_custom_fields() -> None:
    fields = [field(A, "Source name"), field(B, "Stage id", "monetary"), field(C, "Region", "timerange")]

    names = {
        entity: [column.name for column in schema(*fields, entity=entity).columns if column.description][:-1]
        for entity in ("deals", "archived_deals", "leads", "archived_leads")
    }

    assert len({tuple(columns) for columns in names.values()}) == 1
    assert names["leads"][:2] == ["source_name_a1a1a1a1", "stage_id_b2b2b2b2"]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Deleted at", "deleted_at"),
        ("Filename", "filename"),
        ("Is tombstone", "is_tombstone"),
        ("Parent updated at", "parent_updated_at"),
        ("Run", "run"),
        ("Latest", "latest"),
    ],
)
def test_a_custom_field_gets_no_column_that_files_views_or_warehouses_add(name: str, column: str) -> None:
    field = {"field_code": "d4" * 20, "field_name": name, "field_type": "varchar", "is_custom_field": True}
    schema = row_schema(ENTITIES["deals"], [field], None)
    assert schema.fields["d4" * 20].column == f"{column}_d4d4d4d4"
    [row] = schema.rows([{"id": 1, "custom_fields": {"d4" * 20: "kept"}}])
    assert row[f"{column}_d4d4d4d4"] == "kept"


def test_the_first_run_reports_nothing() -> None:
    assert schema(field(A, "Region")).drift == ()


def test_nothing_is_reported_where_nothing_has_changed() -> None:
    first = schema(field(A, "Region", "enum", {1: "North"}), field(B, "Fee", "monetary"))

    again = schema(field(B, "Fee", "monetary"), field(A, "Region", "enum", {1: "North"}), frozen=first)

    assert again.drift == ()
    assert again.columns == first.columns
    assert again.to_json() == first.to_json()


def test_a_renamed_field_keeps_its_column_and_is_reported_once() -> None:
    second = schema(field(A, "Area"), frozen=schema(field(A, "Region")))
    third = schema(field(A, "Area"), frozen=second)

    assert second.drift == ("The field 'Region' is now called 'Area': its column stays region.",)
    assert (custom(second), custom(third)) == (["region"], ["region"])
    assert third.drift == ()


def test_a_renamed_field_gets_a_column_of_its_new_name_where_that_is_asked_for() -> None:
    found = schema(field(A, "Area"), frozen=schema(field(A, "Region")), rename=True)

    assert found.drift == ("The field 'Region' is now called 'Area': its column region is area from now on.",)
    assert custom(found) == ["area"]


def test_a_deleted_field_keeps_its_column_which_is_null() -> None:
    second = schema(field(B, "Fee"), frozen=schema(field(A, "Region"), field(B, "Fee")))

    assert second.drift == ("The field 'Region' is gone from Pipedrive: its column region stays, and is null.",)
    assert custom(second) == ["region", "fee"]
    assert second.rows([{"id": 1, "custom_fields": {B: "x"}}])[0]["region"] is None
    assert schema(field(B, "Fee"), frozen=second).drift == ()


def test_a_deleted_field_that_is_back_has_its_old_column() -> None:
    removed = schema(frozen=schema(field(A, "Region")))

    found = schema(field(A, "Region"), frozen=removed)

    assert found.drift == ("The field 'Region' is back: its column is region.",)
    assert "removed" not in found.to_json()["fields"][A]


def test_a_new_field_is_appended_and_one_of_a_known_name_does_not_move_the_old_one() -> None:
    found = schema(field(B, "Region"), field(C, "Budget"), field(A, "Region"), frozen=schema(field(A, "Region")))

    assert custom(found) == ["region", "region_b2b2b2b2", "budget"]
    assert found.columns[-1].name == "other"
    assert found.drift == (
        "The field 'Region' is new: its column is region_b2b2b2b2.",
        "The field 'Budget' is new: its column is budget.",
    )


def test_renamed_and_deleted_options_are_reported_and_rows_say_what_holds_now() -> None:
    first = schema(field(A, "Size", "enum", {1: "Small", 2: "Large", 3: "Huge"}))

    found = schema(field(A, "Size", "enum", {1: "Small", 2: "Big", 4: "Tiny"}), frozen=first)

    assert found.drift == (
        "The option 'Large' of the field 'Size' is now called 'Big'.",
        "The option 'Huge' of the field 'Size' is gone: rows that have it say its id, 3.",
    )
    rows = found.rows([{"id": option, "custom_fields": {A: option}} for option in (1, 2, 3, 4)])
    assert [row["size"] for row in rows] == ["Small", "Big", "3", "Tiny"]


def test_a_changed_type_is_reported() -> None:
    found = schema(field(A, "Fee", "monetary"), frozen=schema(field(A, "Fee", "double")))

    assert found.drift == (
        "The field 'Fee' was of the type double and is monetary now: its column fee changes with it.",
    )
    assert custom(found) == ["fee", "fee_currency"]


def test_a_field_whose_new_type_needs_a_column_that_another_one_has_is_named_anew() -> None:
    first = schema(field(A, "Fee", "double"), field(B, "Fee currency"))

    found = schema(field(A, "Fee", "monetary"), field(B, "Fee currency"), frozen=first)

    assert custom(found) == ["fee_a1a1a1a1", "fee_a1a1a1a1_currency", "fee_currency"]


def test_a_column_may_be_called_otherwise_by_hand() -> None:
    frozen = schema(field(A, "客户")).to_json()
    frozen["fields"][A]["column"] = "customer_tier"

    found = row_schema(ENTITIES["deals"], [field(A, "客户")], frozen)

    assert (custom(found), found.drift) == (["customer_tier"], ())


def test_a_column_of_pipedrives_own_gives_way_to_a_frozen_name() -> None:
    frozen = schema(field(A, "Odds")).to_json()
    frozen["fields"][A]["column"] = "probability"

    found = row_schema(ENTITIES["deals"], [field(A, "Odds")], frozen)

    rows = found.rows([{"probability": 50, "custom_fields": {A: "good"}}, {"probability": 60}])
    assert [(row["pipedrive_probability"], row["probability"]) for row in rows] == [(50, "good"), (60, None)]
    assert [list(row) for row in rows] == [[column.name for column in found.columns]] * 2
