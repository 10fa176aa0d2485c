"""What a mirror removes, what it leaves alone, and what is written instead of removing."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from tests.bulk.conftest import Write


@pytest.mark.parametrize("column", ["Seats", "organization"])
def test_a_mirror_leaves_the_record_of_a_row_that_was_set_aside(
    client: PipedriveClient, write_rows: Write, column: str
) -> None:
    mine = [deal["id"] for deal in client.iterate("getDeals", {"pipeline_id": 1})]
    rows = [{"id": identity, column: "nothing such"} for identity in mine]

    receipt = write_rows(
        rows, "deals", mode="mirror", match_on="id", within={"Pipeline": 1}, max_deletes=0, max_rejects=1.0
    )

    assert (receipt["rejected"], receipt["deleted"]) == (len(mine), 0)


@pytest.mark.parametrize("within", [{"deal_id": 7}, {"deal_id": "7"}, {"Deal": [7]}], ids=str)
def test_a_mirror_of_links_removes_those_of_a_deal_without_rows(
    client: PipedriveClient, write_rows: Write, within: dict[str, Any]
) -> None:
    person = next(client.iterate("getPersons"))["id"]
    write_rows([{"deal": 7, "person": person}], "deal_participants", folder="first")

    receipt = write_rows([], "deal_participants", mode="mirror", within=within, max_deletes=50)

    assert receipt["deleted"] >= 1
    assert list(client.iterate("getDealParticipants", {"id": 7})) == []


@pytest.mark.parametrize("instead", [None, {}, "remove"], ids=str)
def test_an_on_remove_that_says_nothing_is_an_error(instead: Any) -> None:
    with pytest.raises(PipedriveParameterError, match='on_remove must be "delete", "archive" or a dict'):
        BulkJob("deals", mode="delete", match_on="id", max_deletes=1, on_remove=instead)
