"""Rows as tables really have them: odd values, columns that differ, records that two rows mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, field_named, lines, writes

CONTAINS_ITSELF: list[Any] = []
CONTAINS_ITSELF.append(CONTAINS_ITSELF)


@pytest.mark.parametrize(
    "odd",
    ["half a pair: \ud800", b"bytes", {"a": {1, 2}}, CONTAINS_ITSELF, 10**5000],
    ids=["surrogate", "bytes", "object", "loop", "digits"],
)
def test_a_value_that_cannot_be_written_sets_its_row_aside_and_no_other(write_rows: Write, odd: Any) -> None:
    rows = [{"email": "odd@example.com", "name": odd}, {"email": "even@example.com", "name": "Even"}]

    receipt = write_rows(rows, "persons", max_rejects=1)

    assert (receipt["created"], receipt["rejected"]) == (1, 1)
    assert lines(receipt["rejects"])[0]["row"] == 1


@pytest.mark.parametrize("odd", [0, -1, 10**30])
def test_an_id_that_no_record_can_have_sets_its_row_aside(write_rows: Write, odd: int) -> None:
    receipt = write_rows([{"id": odd, "title": "A"}, {"id": 1, "title": "B"}], "deals", match_on="id", max_rejects=1)

    assert (receipt["updated"], receipt["rejected"]) == (1, 1)


def test_the_id_of_a_lead_is_a_uuid_in_any_spelling(client: PipedriveClient, write_rows: Write) -> None:
    lead = next(client.iterate("getLeads"))

    receipt = write_rows(
        [{"id": lead["id"].upper(), "title": "Renamed"}, {"id": "7", "title": "None"}],
        "leads",
        match_on="id",
        max_rejects=1,
    )

    assert receipt["updated"] == 1
    assert lines(receipt["rejects"])[0]["reason"] == "id must be the id of a lead, a UUID, not '7'"


def test_spaces_around_an_address_are_not_written(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows([{"email": " Eva+News@Example.com ", "name": "Eva"}], "persons")

    made = client.run("getPerson", {"id": lines(receipt["results"])[0]["id"]})
    assert made["emails"][0]["value"] == "Eva+News@Example.com"


@pytest.mark.parametrize("second", ["E-Mail", "emails"])
def test_two_columns_for_one_field_are_an_error_though_one_is_empty(write_rows: Write, second: str) -> None:
    with pytest.raises(PipedriveParameterError, match="Two columns mean the field Email: 'email' and"):
        write_rows([{"email": "a@example.com", second: "", "name": "A"}], "persons")


def test_columns_are_found_in_the_mapping_whatever_their_capital_letters(write_rows: Write) -> None:
    rows = [{"MAIL": "a@example.com", "Full Name": "A"}]

    assert write_rows(rows, "persons", mapping={"mail": "email", "full name": "name"})["created"] == 1


def test_a_misspelled_column_of_the_mapping_is_an_error_with_the_nearest_one(
    sandbox: Sandbox, write_rows: Write
) -> None:
    rows = [{"mail": "a@example.com", "fullname": "A"}]

    with pytest.raises(PipedriveParameterError, match=r"column 'full name', which no row has. Did you mean 'fullname'"):
        write_rows(rows, "persons", mapping={"mail": "email", "full name": "name"})

    assert writes(sandbox) == []


def test_times_as_text_take_the_zone_of_the_job(client: PipedriveClient, write_rows: Write) -> None:
    won = next(deal for deal in client.iterate("getDeals", {"status": "won"}))["id"]

    write_rows([{"id": won, "won_time": "2026-01-31 10:00"}], "deals", match_on="id", timezone="Europe/Berlin")

    assert client.run("getDeal", {"id": won})["won_time"] == "2026-01-31T09:00:00Z"


def test_values_of_numpy_are_taken_as_pythons(client: PipedriveClient, write_rows: Write) -> None:
    numpy = pytest.importorskip("numpy")
    row = {
        "id": numpy.int64(1),
        "Seats": numpy.float32(2.5),
        "title": numpy.str_("T"),
        "expected_close_date": numpy.datetime64("2026-01-31"),
        "Segment": numpy.float64("nan"),
    }

    assert write_rows([row], "deals", match_on="id")["updated"] == 1


def test_ids_of_a_column_with_gaps_are_ids_though_a_csv_file_has_them_with_a_point(
    client: PipedriveClient, write_rows: Write
) -> None:
    row = {"id": "2.0", "organization": "3.0", "owner": "4.0", "stage": "5.0"}

    receipt = write_rows([row], "deals", match_on="id", create_related=True)

    deal = client.run("getDeal", {"id": 2})
    assert (deal["org_id"], deal["owner_id"], deal["stage_id"], receipt["related_created"]) == (3, 4, 5, 0)


@pytest.mark.parametrize(
    ("entity", "row", "stored"),
    [
        (
            "deals",
            {"Contract number": UUID(int=5), "Best time to call": timedelta(hours=9, minutes=30),
             "Yearly value": '{"value": 5, "currency": "EUR"}', "Site": '{"value": "Riga", "country": "Latvia"}',
             "Interests": '["Support"]', "Label": '["Hot", "Cold"]'},
            {"Contract number": str(UUID(int=5)), "Best time to call": "09:30:00", "Yearly value": 5, "Site": "Riga",
             "Interests": ["Support"], "label_ids": [1, 3]},
        ),
        ("leads", {"Best time to call": "9:30"}, {"Best time to call": "09:30:00"}),
        (
            "persons",
            {"emails": '[{"value": "a@b.example"}]', "phones": ['{"value": "+49 30 1", "label": "home"}']},
            {"emails": [{"value": "a@b.example", "primary": True, "label": "work"}],
             "phones": [{"value": "+49 30 1", "primary": True, "label": "home"}]},
        ),
        (
            "products",
            {"Unit prices": '[{"currency": "EUR", "price": "5.5"}]', "Category": "services"},
            {"prices": [{"currency": "EUR", "price": 5.5}], "category": 2},
        ),
        (
            "activities",
            {"Duration": timedelta(minutes=90), "Priority": "High", "participants": {"person_id": "2"}},
            {"duration": "01:30", "priority": 3, "participants": [{"person_id": 2}]},
        ),
        ("organizations", {"Visible to": "owner only"}, {"visible_to": 1}),
        ("organizations", {"Visible to": 7}, {"visible_to": 7}),
    ],
)  # fmt: skip
def test_what_tables_have_is_written_once_and_is_the_same_the_next_time(
    client: PipedriveClient, write_rows: Write, entity: str, row: dict[str, Any], stored: dict[str, Any]
) -> None:
    identity = next(client.iterate(target_of(entity).listed))["id"]
    rows = [{"id": identity, **row}]

    assert write_rows(rows, entity, "first", match_on="id")["updated"] == 1
    record = client.run(target_of(entity).single or "", {"id": identity}, readable=True)
    found = {**record, **(record.get("custom_fields") or {})}
    assert {name: _main_part(found[name]) for name in stored} == stored
    assert write_rows(rows, entity, "second", match_on="id")["unchanged"] == 1


def _main_part(value: Any) -> Any:
    """Of an object with parts the first; Pipedrive adds others."""
    return value["value"] if isinstance(value, dict) else value


@pytest.mark.parametrize(
    ("row", "stored"),
    [
        ({"Value": "1200 eur"}, (1200, "EUR")),
        ({"Value": {"value": "7.5", "currency": "USD"}}, (7.5, "USD")),
        ({"Value": 7, "Currency": "JPY"}, (7, "JPY")),
        ({"Value": "7 EUR", "Currency": "EUR"}, (7, "EUR")),
    ],
)
def test_a_deals_value_is_money(
    client: PipedriveClient, write_rows: Write, row: dict[str, Any], stored: tuple[float, str]
) -> None:
    made = client.run("addDeal", {"title": "Without products", "value": 1, "currency": "GBP"})["id"]
    rows = [{"id": made, **row}]

    assert write_rows(rows, "deals", "first", match_on="id")["updated"] == 1
    deal = client.run("getDeal", {"id": made})
    assert (deal["value"], deal["currency"]) == stored
    assert write_rows(rows, "deals", "second", match_on="id")["unchanged"] == 1


def test_a_deals_value_in_two_currencies_sets_its_row_aside(write_rows: Write) -> None:
    receipt = write_rows([{"id": 1, "Value": "7 EUR", "Currency": "USD"}], "deals", match_on="id", max_rejects=1)

    assert lines(receipt["rejects"])[0]["reason"] == "value is in EUR, but currency is USD"


# ---- labels


def test_new_options_are_made_once_each_and_a_dry_run_makes_none(client: PipedriveClient, write_rows: Write) -> None:
    rows = [{"id": 1, "Interests": "Support, Chess"}, {"id": 2, "Interests": ["chess", "Go", None]}]
    job: dict[str, Any] = {"match_on": "id", "missing_options": "create"}
    before = [option["label"] for option in field_named(client, "Interests")["options"]]

    planned = write_rows(rows, "deals", dry_run=True, **job)
    assert [option["label"] for option in field_named(client, "Interests")["options"]] == before
    assert "Chess" in lines(planned["diff"])[0]["after"]["Interests"]

    write_rows(rows, "deals", **job)
    labels = [option["label"] for option in field_named(client, "Interests")["options"]]
    assert labels == [*before, "Chess", "Go"]


def test_an_option_that_is_there_twice_is_not_made_a_third_time(client: PipedriveClient, write_rows: Write) -> None:
    options = [{"label": "Red"}, {"label": "red"}]
    client.run("addDealField", {"field_name": "Colour", "field_type": "enum", "options": options})

    receipt = write_rows([{"id": 1, "Colour": "RED"}], "deals", match_on="id", missing_options="create", max_rejects=1)

    assert "several are called 'RED'" in lines(receipt["rejects"])[0]["reason"]
    assert len(field_named(client, "Colour")["options"]) == 2


def test_an_option_that_is_a_number_is_found_though_a_table_made_it_a_float(
    client: PipedriveClient, write_rows: Write
) -> None:
    options = [{"label": "10"}, {"label": "20"}]
    client.run("addDealField", {"field_name": "Discount", "field_type": "enum", "options": options})

    assert (
        write_rows([{"id": 1, "Discount": 20.0}, {"id": 2, "Discount": "10"}], "deals", match_on="id")["updated"] == 2
    )


def test_a_key_of_digits_is_found_though_a_table_made_it_a_float(client: PipedriveClient, write_rows: Write) -> None:
    client.run("updateProduct", {"id": 1, "code": "50417"})

    receipt = write_rows([{"code": 50417.0, "name": "Renamed"}], "products", match_on="code")

    assert (receipt["created"], receipt["updated"]) == (0, 1)
    assert client.run("getProduct", {"id": 1})["code"] == "50417"


@pytest.mark.parametrize("rows", ["contacts.csv", {"email": "eva@example.com"}])
def test_what_is_not_a_list_of_rows_is_refused_as_a_whole(write_rows: Write, rows: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="rows must be a list, or another iterable, of dicts"):
        write_rows(rows, "persons")
