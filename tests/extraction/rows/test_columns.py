"""Columns: named after the fields, the same from run to run, valid in SQL without quotes."""

from __future__ import annotations

import itertools
import json
import sqlite3
from importlib import resources
from typing import Any

import pytest

from airflow_provider_pipedrive import sandbox
from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.columns import Column
from airflow_provider_pipedrive.extraction.rows.names import column_name
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema, row_schema
from airflow_provider_pipedrive.extraction.rows.system_columns import ADDRESS_PARTS, SYSTEM_COLUMNS

A, B, C = "a1" * 20, "b2" * 20, "c3" * 20
SHAPES = json.loads((resources.files(sandbox) / "state/shapes.json").read_text("utf-8"))


def field(code: str, name: str, kind: str = "varchar", options: dict[int, str] | None = None) -> dict[str, Any]:
    listed = [{"id": key, "label": label} for key, label in options.items()] if options else None
    return {"field_code": code, "field_name": name, "field_type": kind, "is_custom_field": True, "options": listed}


def schema(
    *definitions: dict[str, Any], frozen: RowSchema | None = None, entity: str = "deals", **options: Any
) -> RowSchema:
    before = json.loads(json.dumps(frozen.to_json())) if frozen else None
    return row_schema(ENTITIES[entity], definitions, before, **options)


def custom(found: RowSchema) -> list[str]:
    return [column.name for column in found.columns if column.path[:1] == ("custom_fields",)]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Region", "region"),
        ("Next step / owner", "next_step_owner"),
        ("  Spaces  and—dashes ", "spaces_and_dashes"),
        ("Größe (m²)", "grosse_m2"),
        ("Ärzte & Söhne", "arzte_sohne"),
        ("Łódź Ørsted Æther", "lodz_orsted_aether"),
        ("İstanbul ışık", "istanbul_isik"),
        ("Client's budget", "clients_budget"),
        ("Client’s budget", "clients_budget"),
        ("Регион продаж", "region_prodazh"),
        ("Об'єкт", "obyekt"),
        ("Περιοχή", "perioch" + "i"),
        ("カテゴリ", "kategori"),
        ("지역", "jiyeog"),
        ("2nd contact", "field_2nd_contact"),
        ("Order", "order_field"),
        ("User", "user_field"),
        ("Pivot", "pivot_field"),
        ("100 %", "field_100"),
        ("客户 ID", "id"),
        ("???", ""),
        ("客户", ""),
        ("🚀", ""),
        ("", ""),
    ],
)
def test_a_fields_name_becomes_a_column_name(name: str, column: str) -> None:
    assert column_name(name) == column


@pytest.mark.parametrize("name", ["???", "客户", ""])
def test_a_name_of_which_nothing_can_be_written_gives_the_beginning_of_the_fields_key(name: str) -> None:
    assert custom(schema(field(A, name))) == ["field_a1a1a1a1"]


def test_every_name_is_a_column_without_quotes() -> None:
    names = ["Größe", "2nd contact", "Order", "Select", "客户", "x" * 300, "Регион", "__", "A-B", "Site"]
    fields = [field(f"{number:040x}", name) for number, name in enumerate(names)]

    columns = [column.name for column in schema(*fields, field(A, "Site", "address")).columns]

    with sqlite3.connect(":memory:") as database:
        database.execute(f"CREATE TABLE deals ({', '.join(columns)})")
    database.close()
    assert max(map(len, columns)) <= 63
    assert not [name for name in columns if "__" in name or name.endswith("_") or not name.isascii()]


def test_no_word_of_sql_is_left_as_a_name_that_needs_quotes() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as database:
        words = {word for (word,) in database.sql("SELECT keyword_name FROM duckdb_keywords()").fetchall()}
        columns = {column_name(word) for word in words}
        database.execute(f"CREATE TABLE deals ({', '.join(f'{name} INT' for name in sorted(columns))})")
        for name in columns:
            database.execute(f"SELECT {name} FROM deals")

    assert len(words) > 400


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
    ("kind", "columns"),
    [
        ("varchar", {"x": "string"}),
        ("varchar_auto", {"x": "string"}),
        ("text", {"x": "string"}),
        ("phone", {"x": "string"}),
        ("double", {"x": "number"}),
        ("monetary", {"x": "number", "x_currency": "string"}),
        ("enum", {"x": "string"}),
        ("set", {"x": "list of string"}),
        ("user", {"x": "integer"}),
        ("org", {"x": "integer"}),
        ("people", {"x": "integer"}),
        ("date", {"x": "date"}),
        ("daterange", {"x": "date", "x_until": "date"}),
        ("time", {"x": "time", "x_timezone_id": "integer", "x_timezone_name": "string"}),
        (
            "timerange",
            {"x": "time", "x_until": "time", "x_timezone_id": "integer", "x_timezone_name": "string"},
        ),
        ("address", {"x": "string", **{f"x_{part}": "string" for part in ADDRESS_PARTS}}),
        ("something_new", {"x": "json"}),
    ],
)
def test_a_columns_type_comes_from_the_fields_definition(kind: str, columns: dict[str, str]) -> None:
    written = schema(field(A, "X", kind)).to_json()["columns"]

    assert {name: type_ for name, type_ in written.items() if name.startswith("x")} == columns


def test_a_column_says_what_it_is() -> None:
    found = {column.name: column for column in schema(field(A, "Segment", "enum", {11: "Small"})).columns}

    assert found["segment"] == Column(
        name="segment",
        type="string",
        path=("custom_fields", A),
        labels={"11": "Small"},
        description="Segment",
    )
    assert (found["label_ids"].type, found["label_ids"].items) == ("list", "integer")
    assert (found["labels"].type, found["labels"].items) == ("list", "string")


# --- names stay ----------------------------------------------------------------------------------------------------


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


def test_the_schema_file_is_plain_and_in_a_stable_order() -> None:
    found = schema(field(A, "Region", "enum", {1: "North"}), field(B, "Fee", "monetary")).to_json()

    assert json.loads(json.dumps(found)) == found
    assert list(found) == ["format", "entity", "fields", "columns"]
    assert (found["format"], found["entity"]) == (1, "deals")
    assert found["fields"] == {
        A: {"name": "Region", "column": "region", "type": "enum", "options": {"1": "North"}},
        B: {"name": "Fee", "column": "fee", "type": "monetary"},
    }
    assert list(found["columns"].items())[-4:] == [
        ("region", "string"),
        ("fee", "number"),
        ("fee_currency", "string"),
        ("other", "json"),
    ]


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        ({"format": 2, "fields": {}}, "The schema file has format 2, but this version reads 1"),
        ({}, "This is not a schema file of an extraction (KeyError: 'format')"),
        ({"format": 1, "fields": []}, "This is not a schema file of an extraction (AttributeError"),
        (
            {"format": 1, "fields": {A: {"name": "Region"}}},
            "This is not a schema file of an extraction (KeyError: 'column')",
        ),
        (
            {
                "format": 1,
                "fields": {
                    A: {"name": "Fee", "column": "fee", "type": "monetary"},
                    B: {"name": "Cost", "column": "fee_currency", "type": "varchar"},
                },
            },
            "In the schema file the fields 'Fee' and 'Cost' both have the column fee_currency. Give one of them",
        ),
        (
            {"format": 1, "fields": {A: {"name": "Fee", "column": "my fee", "type": "varchar"}}},
            "In the schema file the field 'Fee' has the column 'my fee'. A column needs a name of letters, digits",
        ),
        (
            {"format": 1, "fields": {A: {"name": "Fee", "column": "other", "type": "varchar"}}},
            "In the schema file the field 'Fee' has the column 'other'.",
        ),
    ],
)
def test_a_schema_file_that_is_none_is_refused_with_what_to_do(frozen: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError) as error:
        row_schema(ENTITIES["deals"], [field(A, "Fee")], frozen)
    assert str(error.value).startswith(message)


# --- Pipedrive's own columns ---------------------------------------------------------------------------------------

FITTING = {
    "string": {"string", "date", "timestamp", "time", "integer"},
    "number": {"integer", "number"},
    "boolean": {"boolean"},
    "list": {"list"},
    "object": {"json"},
}


@pytest.mark.parametrize("entity", [name for name in ENTITIES if name != "goals"])
def test_every_field_of_the_specifications_model_has_a_column_of_a_fitting_type(entity: str) -> None:
    _, model = SHAPES["operations"][f"GET {ENTITIES[entity].listing.path}"]
    fields = {name: kind.rstrip("?") for name, kind in SHAPES["models"][model].items() if name != "custom_fields"}
    whole = {column.path[0]: column.type for column in SYSTEM_COLUMNS[entity] if len(column.path) == 1}
    laid_out = {column.path[0] for column in SYSTEM_COLUMNS[entity] if len(column.path) == 2}
    labelled = {column.path[0] for column in SYSTEM_COLUMNS[entity] if column.type in ("label", "labels")}

    assert set(fields) - set(whole) - laid_out == set()
    assert {name for name in laid_out if fields[name] != "object"} == set()
    assert labelled <= set(fields)
    plain = {column.path[0]: column.type for column in SYSTEM_COLUMNS[entity] if column.path == (column.name,)}
    assert {name: kind for name, kind in plain.items() if name in fields and kind not in FITTING[fields[name]]} == {}


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_entity_has_columns_for_its_key_and_its_last_update(entity: str) -> None:
    columns = {column.name: column for column in SYSTEM_COLUMNS[entity]}

    assert {*ENTITIES[entity].key} <= set(columns)
    updated = ENTITIES[entity].updated
    assert updated is None or columns[updated].type == "timestamp"


@pytest.mark.parametrize("entity", ENTITIES)
def test_no_column_of_pipedrives_own_needs_quotes_or_stands_there_twice(entity: str) -> None:
    names = [column.name for column in SYSTEM_COLUMNS[entity]]

    assert len(set(names)) == len(names)
    assert [name for name in names if column_name(name) != name] == []
    assert "other" not in names
