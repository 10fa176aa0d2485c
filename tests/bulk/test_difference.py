"""Rows held against records: what is written, left alone and set aside."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveRejectedRowsError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import SEATS, Write, lines, writes


def test_two_records_of_one_key_are_rejected_unless_the_job_chooses(client: PipedriveClient, write_rows: Write) -> None:
    twins = [
        client.run("addPerson", {"name": name, "emails": [{"value": "twin@example.com", "primary": True}]})["id"]
        for name in ("Older", "Newer")
    ]
    rows = [{"email": "twin@example.com", "name": "Twin"}]

    rejected = write_rows(rows, "persons", folder="reject", max_rejects=1)
    write_rows(rows, "persons", folder="newest", on_ambiguous="newest")

    assert (
        f"several records have the key twin@example.com: {twins[0]}, {twins[1]}"
        in lines(rejected["rejects"])[0]["reason"]
    )
    assert [client.run("getPerson", {"id": twin})["name"] for twin in twins] == ["Older", "Twin"]
    assert write_rows(rows, "persons", folder="all", on_ambiguous="all")["updated"] == 1


def test_an_archived_deal_is_never_written_and_never_made_a_second_time(
    client: PipedriveClient, write_rows: Write
) -> None:
    client.run("updateDeal", {"id": 1, "title": "Archived one", "is_archived": True})

    receipt = write_rows([{"title": "Archived one", "value": 5}], "deals", match_on="title", max_rejects=1)

    assert receipt["created"] == 0
    assert "is archived" in lines(receipt["rejects"])[0]["reason"]


def test_what_people_typed_is_not_overwritten_where_the_job_protects_it(
    client: PipedriveClient, write_rows: Write
) -> None:
    rows = [{"id": 1, "title": "From the table", "Seats": 7}]

    write_rows(rows, "deals", match_on="id", only_if_empty=["title", "Seats"])

    deal = client.run("getDeal", {"id": 1})
    assert deal["title"] != "From the table"
    assert deal["custom_fields"][SEATS] == 7


def test_a_new_primary_address_keeps_the_others(client: PipedriveClient, write_rows: Write) -> None:
    person = client.run(
        "addPerson",
        {
            "name": "Two addresses",
            "emails": [
                {"value": "work@example.com", "primary": True, "label": "work"},
                {"value": "home@example.com", "primary": False, "label": "home"},
            ],
        },
    )

    write_rows([{"id": person["id"], "email": "new@example.com"}], "persons", match_on="id", mode="update")

    emails = client.run("getPerson", {"id": person["id"]})["emails"]
    assert [(entry["value"], entry["primary"]) for entry in emails] == [
        ("new@example.com", True),
        ("work@example.com", False),
        ("home@example.com", False),
    ]


def test_a_row_without_a_number_takes_away_the_only_one_and_none_of_several(
    client: PipedriveClient, write_rows: Write
) -> None:
    several = [{"value": "+49 30 1", "primary": True}, {"value": "+49 30 2", "primary": False}]
    people = [
        client.run("addPerson", {"name": "Several", "phones": several}),
        client.run("addPerson", {"name": "One", "phones": several[:1]}),
    ]
    rows = [{"id": person["id"], "phone": None} for person in people]

    for folder in ("monday", "tuesday"):
        write_rows(rows, "persons", folder=folder, match_on="id")

    left = [client.run("getPerson", {"id": person["id"]})["phones"] for person in people]
    assert [[entry["value"] for entry in phones] for phones in left] == [["+49 30 1", "+49 30 2"], []]


def test_what_no_record_can_be_without_is_not_emptied_and_the_row_is_set_aside_before_anything_is_written(
    sandbox: Sandbox, write_rows: Write
) -> None:
    with pytest.raises(PipedriveRejectedRowsError, match=r"row 2: name cannot be emptied.*Nothing was written"):
        write_rows([{"id": 1, "name": "A"}, {"id": 2, "name": None}], "organizations", match_on="id")

    assert writes(sandbox) == []


def test_the_value_of_a_deal_with_products_is_not_written(client: PipedriveClient, write_rows: Write) -> None:
    deal = client.run("addDeal", {"title": "With products", "currency": "EUR"})
    client.run("addDealProduct", {"id": deal["id"], "product_id": 1, "item_price": 10, "quantity": 2})

    receipt = write_rows([{"id": deal["id"], "value": 99}], "deals", match_on="id", max_rejects=1)

    assert lines(receipt["rejects"])[0]["reason"] == "Pipedrive computes the deal's value from its products"


def test_the_second_of_two_rows_that_mean_one_record_is_set_aside(client: PipedriveClient, write_rows: Write) -> None:
    two = [{"value": "one@example.com", "primary": True}, {"value": "two@example.com"}]
    known = client.run("addPerson", {"name": "Before", "emails": two})["id"]
    rows = [{"email": "one@example.com", "name": "First"}, {"email": "two@example.com", "name": "Second"}]

    receipt = write_rows(rows, "persons", max_rejects=1)

    assert lines(receipt["rejects"])[0]["reason"] == f"row 1 means the same record, {known}"
    assert client.run("getPerson", {"id": known})["name"] == "First"


def test_something_else_is_written_in_place_of_removing(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows(
        [{"id": 1}], "deals", mode="delete", match_on="id", max_deletes=1, on_remove={"Segment": "small", "Seats": "7"}
    )

    assert receipt["updated"] == 1
    deal = client.run("getDeal", {"id": 1, "include_option_labels": True})
    assert 7 in deal["custom_fields"].values()


@pytest.mark.parametrize(
    ("instead", "said"),
    [({"Seats": "x"}, "on_remove: Seats must be a number"), ({"organization": "Acme"}, "must be given by its id")],
    ids=["value", "name"],
)
def test_what_cannot_be_written_instead_is_said_before_anything_is_written(
    sandbox: Sandbox, write_rows: Write, instead: dict[str, Any], said: str
) -> None:
    with pytest.raises(PipedriveParameterError, match=said):
        write_rows([{"id": 1}], "deals", mode="delete", match_on="id", max_deletes=1, on_remove=instead)

    assert writes(sandbox) == []
