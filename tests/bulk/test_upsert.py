"""Rows held against what is there: what is created, changed, left alone and rejected."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveRejectedRowsError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines

SEATS = "6e120c093758d5c0827f0156eacde1d87220eb8a"
SEGMENT = "48518331116f22e83ac2f70301c01ab410b46e3c"
YEARLY = "9c99cc41db474687114c1353fe580e0475b755a0"


def field_named(client: PipedriveClient, name: str, action: str = "getDealFields") -> dict[str, Any]:
    return next(field for field in client.iterate(action) if field["field_name"] == name)


def writes(sandbox: Sandbox) -> list[tuple[str, str]]:
    """Method and path of every request that writes, in order."""
    return [(entry.method, entry.path) for entry in sandbox.requests if entry.method != "GET"]


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


def test_a_second_run_of_the_same_rows_writes_nothing(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    rows = [{"email": "new@example.com", "name": "New"}]
    write_rows(rows, "persons", folder="first")
    before = len(writes(sandbox))

    receipt = write_rows(rows, "persons", folder="second")

    assert (receipt["created"], receipt["unchanged"], receipt["diff"]) == (0, 1, None)
    assert len(writes(sandbox)) == before


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


def test_a_record_is_found_by_a_custom_field_that_holds_an_external_id(
    client: PipedriveClient, write_rows: Write
) -> None:
    write_rows([{"id": 3, "Contract number": "C-1001"}], "deals", folder="keys", match_on="id")

    receipt = write_rows(
        [{"Contract number": "c-1001", "title": "Renewal"}], "deals", match_on="Contract number", mode="update"
    )

    assert receipt["updated"] == 1
    assert client.run("getDeal", {"id": 3})["title"] == "Renewal"


def test_a_wrong_column_fails_before_anything_is_written_with_the_nearest_name(
    sandbox: Sandbox, write_rows: Write
) -> None:
    with pytest.raises(PipedriveParameterError, match=r"there is no field 'Saets'.*Did you mean 'Seats'\?"):
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


def test_missing_labels_become_null_where_the_job_says_so(client: PipedriveClient, write_rows: Write) -> None:
    write_rows([{"id": 1, "Segment": "Large"}], "deals", folder="before", match_on="id")

    write_rows([{"id": 1, "Segment": "Tiny"}], "deals", match_on="id", missing_options="null")

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
        ({"id": 1, "organization": "No such company"}, "there is no organization called 'No such company'"),
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


def test_more_rejects_than_allowed_end_the_run_before_anything_is_written(sandbox: Sandbox, write_rows: Write) -> None:
    with pytest.raises(PipedriveRejectedRowsError, match="Rejected: 1 of 2 rows"):
        write_rows([{"id": 1, "Seats": "many"}, {"id": 2, "Seats": 2}], "deals", match_on="id")

    assert writes(sandbox) == []


def test_a_second_row_of_the_same_key_is_rejected_and_names_the_first(write_rows: Write) -> None:
    rows = [{"email": "a@example.com", "name": "A"}, {"email": "A@EXAMPLE.com", "name": "B"}]

    receipt = write_rows(rows, "persons", max_rejects=1)

    assert receipt["created"] == 1
    assert lines(receipt["rejects"])[0]["reason"] == "row 1 has the same key, a@example.com"


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


def test_empty_cells_of_a_table_wipe_nothing_and_missing_values_do(client: PipedriveClient, write_rows: Write) -> None:
    write_rows([{"id": 1, "Seats": 5, "Contract number": "C-1"}], "deals", folder="before", match_on="id")

    write_rows([{"id": 1, "Seats": float("nan"), "Contract number": "", "title": " "}], "deals", match_on="id")

    deal = client.run("getDeal", {"id": 1})
    assert deal["custom_fields"].get(SEATS) is None
    assert "C-1" in deal["custom_fields"].values()
    assert deal["title"].strip()


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


def test_decimals_stay_exact_or_are_rejected(client: PipedriveClient, write_rows: Write) -> None:
    rows = [{"id": 1, "Seats": Decimal("12.10")}, {"id": 2, "Seats": Decimal("0.1234567890123456789")}]

    receipt = write_rows(rows, "deals", match_on="id", max_rejects=1)

    assert client.run("getDeal", {"id": 1})["custom_fields"][SEATS] == 12.1
    assert lines(receipt["rejects"])[0]["row"] == 2


def test_the_value_of_a_deal_with_products_is_not_written(client: PipedriveClient, write_rows: Write) -> None:
    deal = client.run("addDeal", {"title": "With products", "currency": "EUR"})
    client.run("addDealProduct", {"id": deal["id"], "product_id": 1, "item_price": 10, "quantity": 2})

    receipt = write_rows([{"id": deal["id"], "value": 99}], "deals", match_on="id", max_rejects=1)

    assert lines(receipt["rejects"])[0]["reason"] == "Pipedrive computes the deal's value from its products"


def test_related_records_are_found_by_name_and_made_where_the_job_says_so(
    client: PipedriveClient, write_rows: Write
) -> None:
    client.run("addOrganization", {"name": "Acme GmbH"})
    rows = [
        {"title": "One", "Organization": "ACME  gmbh", "Contact person": "eva@example.com"},
        {"title": "Two", "Organization": "Brand new Ltd", "Contact person": "eva@example.com"},
    ]

    receipt = write_rows(rows, "deals", mode="create", create_related=True)

    assert (receipt["created"], receipt["related_created"]) == (2, 2)
    made = [client.run("getDeal", {"id": line["id"]}) for line in lines(receipt["results"])]
    assert [client.run("getOrganization", {"id": deal["org_id"]})["name"] for deal in made] == [
        "Acme GmbH",
        "Brand new Ltd",
    ]
    assert made[0]["person_id"] == made[1]["person_id"]


def test_a_dry_run_decides_everything_and_writes_nothing(sandbox: Sandbox, write_rows: Write) -> None:
    rows = [{"email": "dry@example.com", "name": "Dry"}]

    dry = write_rows(rows, "persons", dry_run=True)
    wet = write_rows(rows, "persons")

    assert (dry["created"], dry["dry_run"], dry["price"]) == (1, True, 5)
    assert dry["created"] == wet["created"]
    assert len(writes(sandbox)) == 1


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


def test_more_removals_than_allowed_are_refused_before_anything_is_written(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    with pytest.raises(PipedriveParameterError, match="would remove 2 records, more than max_deletes=1 allows"):
        write_rows([{"id": 1}, {"id": 2}], "deals", mode="delete", match_on="id", max_deletes=1)

    assert writes(sandbox) == []


def test_deals_are_archived_instead_of_deleted_where_the_job_says_so(
    client: PipedriveClient, write_rows: Write
) -> None:
    receipt = write_rows([{"id": 1}], "deals", mode="delete", match_on="id", max_deletes=1, on_remove="archive")

    assert receipt["archived"] == 1
    assert client.run("getDeal", {"id": 1})["is_archived"] is True


def test_leads_take_custom_fields_and_money_in_their_own_shape(client: PipedriveClient, write_rows: Write) -> None:
    receipt = write_rows(
        [
            {
                "title": "Inbound",
                "person": 1,
                "value": "100 EUR",
                "Segment": "Large",
                "Interests": ["Support", "Hosting"],
            }
        ],
        "leads",
        mode="create",
        missing_options="null",
    )

    (made,) = lines(receipt["results"])
    lead = client.run("getLead", {"id": made["id"]})
    assert lead["value"] == {"amount": 100, "currency": "EUR"}
    assert isinstance(lead[SEGMENT], str)


def test_links_of_deals_are_told_apart_by_their_natural_keys(client: PipedriveClient, write_rows: Write) -> None:
    deal = client.run("addDeal", {"title": "Linked"})["id"]
    products = [{"deal_id": deal, "product_id": 1, "item_price": 5, "quantity": 1}]

    first = write_rows(products, "deal_products", folder="first")
    again = write_rows([{**products[0], "quantity": 3}], "deal_products", folder="again")
    follower = write_rows([{"deal_id": deal, "user": 2}], "deal_followers", folder="followers")
    gone = write_rows([{"deal_id": deal, "user": 2}], "deal_followers", folder="gone", mode="delete", max_deletes=1)

    assert (first["created"], again["updated"], follower["created"], gone["deleted"]) == (1, 1, 1, 1)
    assert [item["quantity"] for item in client.iterate("getDealProducts", {"id": deal})] == [3]


def test_a_run_may_compare_with_what_the_last_one_has_written_and_read_nothing(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    rows = [{"email": f"state{n}@example.com", "name": f"State {n}"} for n in range(5)]
    first = write_rows(rows, "persons", diff="state")
    client.run("addDeal", {"title": "Ends the first run's requests"})
    before = len(sandbox.requests)

    rows[2]["name"] = "Changed"
    second = write_rows(rows, "persons", diff="state")

    assert (first["created"], second["updated"], second["unchanged"]) == (5, 1, 4)
    assert "/api/v2/persons" not in [entry.path for entry in sandbox.requests[before:]]


def test_a_row_that_the_state_does_not_know_is_looked_for_in_pipedrive(
    client: PipedriveClient, write_rows: Write
) -> None:
    write_rows([{"email": "one@example.com", "name": "One"}], "persons", diff="state")
    known = client.run("addPerson", {"name": "By hand", "emails": [{"value": "two@example.com", "primary": True}]})

    receipt = write_rows(
        [{"email": "one@example.com", "name": "One"}, {"email": "two@example.com", "name": "Two"}],
        "persons",
        diff="state",
    )

    assert (receipt["created"], receipt["updated"]) == (0, 1)
    assert client.run("getPerson", {"id": known["id"]})["name"] == "Two"
