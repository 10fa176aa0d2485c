"""Rows held against what is there: what is created, changed, left alone and rejected."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import SEATS, SEGMENT, YEARLY, Write, field_named, lines, writes


def test_a_person_is_found_by_address_whatever_its_capital_letters_and_only_what_differs_is_written(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    known = client.run("addPerson", {"name": "Old name", "emails": [{"value": "Anna@Example.com", "primary": True}]})

    receipt = write_rows(
        [
            {"mail": "anna@example.COM ", "full name": "Anna Kowalska"},
            {"mail": "li.wei@example.com", "full name": "李伟"},
        ],
        "persons",
        mapping={"mail": "email", "full name": "name"},
    )

    assert (receipt["created"], receipt["updated"], receipt["rejected"]) == (1, 1, 0)
    person = client.run("getPerson", {"id": known["id"]})
    assert person["name"] == "Anna Kowalska"
    assert person["emails"][0]["value"] == "Anna@Example.com"  # its spelling is not touched
    assert [line["after"] for line in lines(receipt["diff"]) if line["id"]] == [{"Name": "Anna Kowalska"}]


def test_custom_fields_are_written_by_their_names_and_labels(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows(
        [{"id": 1, "seats": "25", "Segment": "large", "Yearly value": "1200.50 eur", "Renewal date": "2027-01-31"}],
        "deals",
        match_on="id",
    )

    assert receipt["updated"] == 1
    written = client.run("getDeal", {"id": 1})["custom_fields"]
    label = next(o["label"] for o in field_named(client, "Segment")["options"] if o["id"] == written[SEGMENT])
    assert (written[SEATS], label, written[YEARLY]) == (25, "Large", {"value": 1200.5, "currency": "EUR"})


def test_phone_numbers_that_a_table_has_as_numbers_are_written_as_texts(
    client: PipedriveClient, write_rows: Write
) -> None:
    rows = [
        {"name": "One", "phone": 4912345},
        {"name": "Gaps", "phone": 4912345.0},
        {"name": "List", "phones": [4912345]},
        {"name": "Objects", "phones": [{"value": 4912345.0, "primary": "false"}, {"value": "4", "primary": "true"}]},
    ]

    write_rows(rows, "persons", match_on="name")

    found = {person["name"]: person["phones"] for person in client.iterate("getPersons")}
    only = [{"value": "4912345", "primary": True, "label": "work"}]
    assert [found[name] for name in ("One", "Gaps", "List")] == [only, only, only]
    assert [(phone["value"], phone["primary"]) for phone in found["Objects"]] == [("4912345", False), ("4", True)]


def test_parts_of_a_value_that_were_written_as_texts_count_as_unchanged(write_rows: Write) -> None:
    row = {"id": 1, "Best time to call": {"value": "9:30", "timezone_id": "5"}}

    assert write_rows([row], "deals", "first", match_on="id")["updated"] == 1
    assert write_rows([row], "deals", "again", match_on="id")["unchanged"] == 1


def test_a_wrong_column_fails_before_anything_is_written_with_the_nearest_name(
    sandbox: Sandbox, write_rows: Write
) -> None:
    with pytest.raises(PipedriveParameterError, match=r"there is no field 'Saets'.*did you mean 'Seats'\?"):
        write_rows([{"id": 1, "Saets": 5}], "deals", match_on="id")

    assert writes(sandbox) == []


def test_a_label_that_no_option_has_fails_before_anything_is_written(sandbox: Sandbox, write_rows: Write) -> None:
    rows = [{"id": 1, "Segment": "Larg"}, {"id": 2, "Segment": "Tiny"}]

    with pytest.raises(PipedriveParameterError, match=r"'Larg' is not \(did you mean 'Large'\?\)"):
        write_rows(rows, "deals", match_on="id")

    assert writes(sandbox) == []


def test_missing_labels_become_options_where_the_job_says_so(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows([{"id": 1, "Segment": "Tiny"}], "deals", match_on="id", missing_options="create")

    assert receipt["updated"] == 1
    option = next(o for o in field_named(client, "Segment")["options"] if o["label"] == "Tiny")
    assert client.run("getDeal", {"id": 1})["custom_fields"][SEGMENT] == option["id"]


def test_missing_labels_become_null_where_the_job_says_so_and_the_log_names_them(
    client: PipedriveClient, write_rows: Write, caplog: pytest.LogCaptureFixture
) -> None:
    write_rows([{"id": 1, "Segment": "Large"}], "deals", folder="before", match_on="id")

    write_rows([{"id": 1, "Segment": "Tiny"}], "deals", match_on="id", missing_options="null")

    told = "deals: no option of Segment is called 'Tiny': 1 value read as empty, for missing_options is null."
    assert told in caplog.messages
    assert client.run("getDeal", {"id": 1})["custom_fields"].get(SEGMENT) is None


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": 1, "Seats": "many"}, "Seats must be a number, not 'many' (str)"),
        ({"id": 1, "Renewal date": "31.01.2027"}, "Renewal date must be a date (YYYY-MM-DD)"),
        ({"id": 1, "Pilot period": "2027-01-01"}, "Pilot period must be a begin and an end"),
        ({"id": 1, "owner": "nobody@example.com"}, "owner (Owner) must be the name or id of a user"),
        ({"id": 1, "stage": "Nowhere"}, "stage (Stage) must be the name or id of a stage"),
        ({"id": 1, "Contract number": "x" * 256}, "at most 255 characters long, not 256"),
        ({"id": None, "title": "x"}, "id, which rows are matched on, is empty"),
        ({"id": 999_999, "title": "x"}, "there is no record with the key 999999"),
        (
            {"id": 1, "organization": "No such company"},
            "organization: there is no organization called 'No such company'",
        ),
    ],
)
def test_a_row_that_cannot_be_written_is_set_aside_with_its_reason(
    write_rows: Write, row: dict[str, Any], reason: str
) -> None:
    receipt = write_rows([row, {"id": 2, "title": "Good"}], "deals", match_on="id", max_rejects=1)

    assert (receipt["updated"], receipt["rejected"]) == (1, 1)
    (rejected,) = lines(receipt["rejects"])
    assert rejected["row"] == 1
    assert reason in rejected["reason"]
    assert rejected["values"].keys() == row.keys()


def test_a_record_that_is_not_there_is_told_by_the_column_that_names_it(write_rows: Write) -> None:
    rows = [{"id": 1, "Company": "No such company"}]
    receipt = write_rows(rows, "deals", match_on="id", mapping={"id": "id", "Company": "org_id"}, max_rejects=1)

    (rejected,) = lines(receipt["rejects"])
    assert rejected["field"] == "Organization"
    assert rejected["reason"].startswith("Company: there is no organization called 'No such company' in Pipedrive")


def test_a_label_that_is_missing_is_told_by_its_first_row_and_column(write_rows: Write) -> None:
    rows = [{"id": 1, "Size": "Large"}, {"id": 2, "Size": "Tiny"}, {"id": 3, "Size": "Tiny"}]
    with pytest.raises(PipedriveParameterError) as refused:
        write_rows(rows, "deals", match_on="id", mapping={"id": "id", "Size": "Segment"})

    told = "labels are missing in Pipedrive: row 2: Size (Segment) must be the name or id of an option, which 'Tiny'"
    assert told in str(refused.value)
    assert "row 3" not in str(refused.value)


def test_a_second_row_of_the_same_key_is_rejected_and_names_the_first(write_rows: Write) -> None:
    rows = [{"email": "a@example.com", "name": "A"}, {"email": "A@EXAMPLE.com", "name": "B"}]

    receipt = write_rows(rows, "persons", max_rejects=1)

    assert receipt["created"] == 1
    assert lines(receipt["rejects"])[0]["reason"] == "row 1 has the same key, a@example.com"


def test_empty_cells_of_a_table_wipe_nothing_and_missing_values_do(client: PipedriveClient, write_rows: Write) -> None:
    write_rows([{"id": 1, "Seats": 5, "Contract number": "C-1"}], "deals", folder="before", match_on="id")

    write_rows([{"id": 1, "Seats": float("nan"), "Contract number": "", "title": " "}], "deals", match_on="id")

    deal = client.run("getDeal", {"id": 1})
    assert deal["custom_fields"].get(SEATS) is None
    assert "C-1" in deal["custom_fields"].values()
    assert deal["title"].strip()


def test_decimals_stay_exact_or_are_rejected(client: PipedriveClient, write_rows: Write) -> None:
    rows = [{"id": 1, "Seats": Decimal("12.10")}, {"id": 2, "Seats": Decimal("0.1234567890123456789")}]

    receipt = write_rows(rows, "deals", match_on="id", max_rejects=1)

    assert client.run("getDeal", {"id": 1})["custom_fields"][SEATS] == 12.1
    assert lines(receipt["rejects"])[0]["row"] == 2


def test_a_mirror_removes_what_is_no_longer_in_the_rows_and_only_within_its_scope(
    client: PipedriveClient, write_rows: Write
) -> None:
    for name, unit in (("Keep", "mirror"), ("Drop", "mirror"), ("Other", "elsewhere")):
        client.run("addProduct", {"name": name, "code": name, "unit": unit})

    receipt = write_rows(
        [{"code": "Keep", "name": "Kept", "unit": "mirror"}],
        "products",
        mode="mirror",
        match_on="code",
        within={"unit": "mirror"},
        max_deletes=1,
    )

    assert (receipt["updated"], receipt["deleted"]) == (1, 1)
    left = {product["name"] for product in client.iterate("getProducts")}
    assert {"Kept", "Other"} <= left
    assert "Drop" not in left


def test_people_are_found_by_names_in_four_scripts_however_they_are_spelled(
    client: PipedriveClient, write_rows: Write
) -> None:
    names = ["Łukasz Żółć", "Иван Петров", "田中 太郎", "محمد علي"]
    write_rows([{"name": name} for name in names], "persons", folder="first", match_on="name")
    spelled = [unicodedata.normalize("NFD", f" {name.upper()} ") for name in names]

    receipt = write_rows(
        [{"name": name, "phone": f"+49 30 {n}"} for n, name in enumerate(spelled, 1)],
        "persons",
        folder="second",
        match_on="name",
    )

    assert (receipt["created"], receipt["updated"]) == (0, 4)
    found = {person["name"]: person["phones"] for person in client.iterate("getPersons") if person["name"] in names}
    assert {name: phones[0]["value"] for name, phones in found.items()} == {
        name: f"+49 30 {n}" for n, name in enumerate(names, 1)
    }
