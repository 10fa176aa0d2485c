"""What is there: the records that rows mean, and what the last run knows of them."""

from __future__ import annotations

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write


def test_a_record_is_found_by_a_custom_field_that_holds_an_external_id(
    client: PipedriveClient, write_rows: Write
) -> None:
    write_rows([{"id": 3, "Contract number": "C-1001"}], "deals", folder="keys", match_on="id")

    receipt = write_rows(
        [{"Contract number": "c-1001", "title": "Renewal"}], "deals", match_on="Contract number", mode="update"
    )

    assert receipt["updated"] == 1
    assert client.run("getDeal", {"id": 3})["title"] == "Renewal"


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


def test_links_of_deals_are_told_apart_by_their_natural_keys(client: PipedriveClient, write_rows: Write) -> None:
    deal = client.run("addDeal", {"title": "Linked"})["id"]
    products = [{"deal_id": deal, "product_id": 1, "item_price": 5, "quantity": 1}]

    first = write_rows(products, "deal_products", folder="first")
    again = write_rows([{**products[0], "quantity": 3}], "deal_products", folder="again")
    follower = write_rows([{"deal_id": deal, "user": 2}], "deal_followers", folder="followers")
    gone = write_rows([{"deal_id": deal, "user": 2}], "deal_followers", folder="gone", mode="delete", max_deletes=1)

    assert (first["created"], again["updated"], follower["created"], gone["deleted"]) == (1, 1, 1, 1)
    assert [item["quantity"] for item in client.iterate("getDealProducts", {"id": deal})] == [3]


def test_leads_that_a_broken_answer_leaves_out_are_not_made_twice(sandbox: Sandbox, write_rows: Write) -> None:
    rows = [{"title": f"Lead {number}", "person_id": 1} for number in range(3)]
    write_rows(rows, "leads", folder="first", match_on="title")
    sandbox.fault("/v1/leads", "null-data", method="GET", count=1)

    again = write_rows(rows, "leads", folder="again", match_on="title")

    assert (again["created"], again["unchanged"]) == (0, 3)


def test_participants_that_a_broken_answer_leaves_out_are_not_made_twice(sandbox: Sandbox, write_rows: Write) -> None:
    rows = [{"deal_id": 1, "person_id": person} for person in (1, 2)]
    write_rows(rows, "deal_participants", folder="first")
    sandbox.fault("/v1/deals/1/participants", "null-data", method="GET", count=1)

    again = write_rows(rows, "deal_participants", folder="again")

    assert (again["created"], again["unchanged"]) == (0, 2)


def test_leads_and_notes_are_listed_in_an_order_that_no_edit_changes(sandbox: Sandbox, write_rows: Write) -> None:
    write_rows([{"title": "By id", "person_id": 1}], "leads", folder="leads", match_on="title")
    write_rows([{"content": "By id", "person_id": 1}], "notes", folder="notes", match_on="content")

    listed = [dict(request.query) for request in sandbox.requests if request.path in ("/v1/leads", "/v1/notes")]
    assert {asked["sort"] for asked in listed if "limit" in asked} == {"id ASC"}
