"""Records that rows name."""

from __future__ import annotations

from airflow_provider_pipedrive.client import PipedriveClient
from tests.bulk.conftest import Write, lines


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


def test_a_text_of_a_row_is_never_taken_for_a_record_that_the_run_makes(
    client: PipedriveClient, write_rows: Write
) -> None:
    receipt = write_rows([{"email": "s@example.com", "name": "$created1"}], "persons")

    made = client.run("getPerson", {"id": lines(receipt["results"])[0]["id"]})
    assert made["name"] == "$created1"
