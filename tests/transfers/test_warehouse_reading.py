"""Renamed options, and renamed, retyped and deleted fields of Pipedrive's, in rows that nobody has edited."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.transfers.test_warehouse import load, rows

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")
pytest.importorskip("dlt", reason="the extra warehouse is not installed")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "crm.duckdb"


@pytest.fixture
def into(file: Path, tmp_path: Path) -> dict[str, Any]:
    return {"destination": f"duckdb:///{file}", "staging": str(tmp_path / "staging"), "entities": ["deals"]}


def with_field(sandbox: Sandbox, name: str, kind: str, *values: Any, **others: Any) -> tuple[dict[str, Any], list[int]]:
    """A new field of deals, and deals that have these values of it."""
    hook = PipedriveHook()
    field = hook.run("addDealField", {"field_name": name, "field_type": kind, **others})
    numbers = sorted(deal["id"] for deal in hook.iterate("getDeals"))[: len(values)]
    by_label = {option["label"]: option["id"] for option in field.get("options") or ()}
    for number, value in zip(numbers, values, strict=True):
        given = [by_label.get(each, each) for each in value] if isinstance(value, list) else value
        hook.run("updateDeal", {"id": number, "custom_fields": {field["field_code"]: given}})
    sandbox.advance(300)
    return field, numbers


def stored(sandbox: Sandbox, code: str) -> int:
    """The number under which the sandbox keeps a field."""
    return next(int(key) for key, row in sandbox.records("dealFields").items() if row["field_code"] == code)


def labels_of(listed: str) -> list[str]:
    return list(json.loads(listed))


def test_a_renamed_option_reaches_rows_that_nobody_has_edited_without_reading_them(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    options = [{"label": "small"}, {"label": "large"}]
    field, deals = with_field(sandbox, "Sizes", "set", ["small", "large"], ["large"], ["small"], options=options)
    load("monday", **into)
    [small, large] = [option["id"] for option in field["options"]]
    code = field["field_code"]
    PipedriveHook().run("updateDealFieldOptions", {"field_code": code, "body": [{"id": small, "label": "S"}]})
    PipedriveHook().run("deleteDealFieldOptions", {"field_code": code, "body": [{"id": large}]})
    receipt = load("tuesday", **into)["entities"]["deals"]

    found = dict(rows(file, "SELECT id, sizes FROM pipedrive.deals WHERE sizes IS NOT NULL"))
    assert {number: labels_of(found[number]) for number in deals} == dict(
        zip(deals, [["S", str(large)], [str(large)], ["S"]], strict=True)
    )
    assert receipt["rows"] < 5
    assert receipt["read_whole"] == []
    assert receipt["drift"] == [
        "The option 'small' of the field 'Sizes' is now called 'S'.",
        f"The option 'large' of the field 'Sizes' is gone: rows that have it say its id, {large}.",
    ]
    assert ("S", str(small)) in rows(file, "SELECT label, option_id FROM pipedrive.deals__options")


def test_a_renamed_field_renames_its_column_on_request_and_a_deleted_one_is_empty(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    field, deals = with_field(sandbox, "Sales region", "varchar", "North", "South")
    other, _ = with_field(sandbox, "Fee", "monetary", {"value": 5, "currency": "EUR"})
    load("monday", rename=True, **into)
    PipedriveHook().run("updateDealField", {"field_code": field["field_code"], "field_name": "Territory"})
    PipedriveHook().run("deleteDealField", {"field_code": other["field_code"]})
    receipt = load("tuesday", rename=True, **into)["entities"]["deals"]

    assert rows(file, "SELECT id, territory FROM pipedrive.deals WHERE territory IS NOT NULL ORDER BY 1") == [
        (deals[0], "North"),
        (deals[1], "South"),
    ]
    assert rows(file, "SELECT COUNT(fee), COUNT(fee_currency) FROM pipedrive.deals") == [(0, 0)]
    assert receipt["read_whole"] == []
    columns = {name for (name,) in rows(file, "SELECT column_name FROM duckdb_columns() WHERE table_name = 'deals'")}
    assert "sales_region" not in columns


def test_a_field_of_another_type_is_read_whole_as_the_receipt_says(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    field, deals = with_field(sandbox, "Chairs", "varchar", "12", "30")
    count = load("monday", **into)["entities"]["deals"]["rows"]
    sandbox.update("dealFields", stored(sandbox, field["field_code"]), field_type="double")
    receipt = load("tuesday", **into)["entities"]["deals"]

    assert receipt["read_whole"] == ["The field 'Chairs' was of the type varchar and is double now."]
    assert receipt["rows"] == count
    assert rows(file, "SELECT id, chairs_double FROM pipedrive.deals WHERE chairs_double IS NOT NULL ORDER BY 1") == [
        (deals[0], 12.0),
        (deals[1], 30.0),
    ]
    assert rows(file, "SELECT COUNT(chairs) FROM pipedrive.deals") == [(0,)]
    again = load("wednesday", **into)["entities"]["deals"]
    assert (again["read_whole"], again["rows"] < 5) == ([], True)


@pytest.mark.long
def test_a_whole_read_that_is_too_dear_waits_for_a_run_with_more_tokens(
    sandbox: Sandbox, file: Path, into: dict[str, Any]
) -> None:
    field, deals = with_field(sandbox, "Chairs", "varchar", "12", "30")
    load("sunday", **into)
    # Besides the records, a run reads whose account it is (2) and the fields (10). The whole list costs more than 13.
    enough = load("monday", **into)["entities"]["deals"]["tokens"] + 25
    sandbox.update("dealFields", stored(sandbox, field["field_code"]), field_type="double")
    for run in ("tuesday", "wednesday"):
        receipt = load(run, max_tokens=enough, **into)["entities"]["deals"]
        [note] = [note for note in receipt["notes"] if "max_tokens" in note]
        assert note.startswith(
            "deals is to be read whole: The field 'Chairs' was of the type varchar and is double now."
        )
        assert receipt["read_whole"] == []
    receipt = load("thursday", max_tokens=2_000, **into)["entities"]["deals"]
    assert receipt["read_whole"] == ["The field 'Chairs' was of the type varchar and is double now."]
    assert (deals[1], 30.0) in rows(file, "SELECT id, chairs_double FROM pipedrive.deals")
