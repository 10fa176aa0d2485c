"""Labels that no option has, and ids of options that were deleted, which records keep."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import SEGMENT, Write, writes

FIELD = {"field_name": "Colours", "field_type": "set", "options": [{"label": "Red"}, {"label": "Blue"}]}


def deleted_option(client: PipedriveClient) -> tuple[int, int]:
    """The id of a deal, and that of its segment, which was deleted from the field."""
    field = next(each for each in client.iterate("getDealFields") if each["field_code"] == SEGMENT)
    known = {option["id"] for option in field["options"]}
    found = next(deal for deal in client.iterate("getDeals") if deal["custom_fields"][SEGMENT] not in {None, *known})
    return found["id"], found["custom_fields"][SEGMENT]


def labels(client: PipedriveClient) -> list[str]:
    field = next(each for each in client.iterate("getDealFields") if each["field_code"] == SEGMENT)
    return [option["label"] for option in field["options"]]


@pytest.mark.parametrize("missing_options", ["fail", "null", "create"])
@pytest.mark.parametrize("written", [int, str, float])
def test_a_deal_whose_option_was_deleted_is_unchanged_when_what_was_read_is_written_back(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, missing_options: Any, written: type
) -> None:
    deal, option = deleted_option(client)
    before = labels(client)

    receipt = write_rows(
        [{"id": deal, "Segment": written(option)}], "deals", match_on="id", missing_options=missing_options
    )

    assert (receipt["unchanged"], receipt["updated"], receipt["rejected"]) == (1, 0, 0)
    assert writes(sandbox) == []
    assert labels(client) == before


def test_an_option_that_was_deleted_is_refused_for_another_deal_and_nothing_is_written(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    deal, option = deleted_option(client)
    other = next(each["id"] for each in client.iterate("getDeals") if each["custom_fields"][SEGMENT] != option)
    rows = [{"id": deal, "Segment": option, "title": "Renamed"}, {"id": other, "Segment": option}]

    with pytest.raises(PipedriveParameterError, match=f"^Nothing was written.*row 2: Segment.*{option}"):
        write_rows(rows, "deals", match_on="id")

    assert writes(sandbox) == []


def test_an_option_that_was_deleted_is_refused_for_a_new_deal(client: PipedriveClient, write_rows: Write) -> None:
    _deal, option = deleted_option(client)
    with pytest.raises(PipedriveParameterError, match=f"row 1: Segment.*{option}"):
        write_rows([{"title": "Never seen before", "Segment": option}], "deals", match_on="title")


def test_what_else_a_row_with_a_deleted_option_has_is_written(client: PipedriveClient, write_rows: Write) -> None:
    deal, option = deleted_option(client)

    write_rows([{"id": deal, "Segment": option, "title": "Renamed"}], "deals", match_on="id")

    found = client.run("getDeal", {"id": deal})
    assert (found["title"], found["custom_fields"][SEGMENT]) == ("Renamed", option)


def test_of_several_options_a_deleted_one_may_stay_next_to_others(client: PipedriveClient, write_rows: Write) -> None:
    field = client.run("addDealField", FIELD)
    red, blue = (option["id"] for option in field["options"])
    client.run("updateDeal", {"id": 1, "custom_fields": {field["field_code"]: [red, blue]}})
    client.run("deleteDealFieldOptions", {"field_code": field["field_code"], "body": [{"id": blue}]})

    listed = write_rows([{"id": 1, "Colours": ["Red", blue]}], "deals", "list", match_on="id")
    as_text = write_rows([{"id": 1, "Colours": f"Red, {blue}"}], "deals", "text", match_on="id")

    assert (listed["unchanged"], as_text["unchanged"]) == (1, 1)


def test_a_later_run_that_compares_with_the_rows_before_finds_the_deleted_option_unchanged(
    client: PipedriveClient, write_rows: Write
) -> None:
    deal, option = deleted_option(client)
    rows = [{"id": deal, "Segment": option}]
    job: dict[str, Any] = {"match_on": "id", "diff": "state"}

    assert [write_rows(rows, "deals", **job)["unchanged"] for _ in range(2)] == [1, 1]
