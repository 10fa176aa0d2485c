"""Options that rows name and fields do not have: a part of the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.bulk.writing import OperationWriter
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveServerError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import SEGMENT, Write, field_named, lines, writes

ROWS = [{"id": 1, "Segment": "Tiny"}, {"id": 2, "Segment": "Huge"}]


def labels(client: PipedriveClient) -> list[str]:
    return [option["label"] for option in field_named(client, "Segment")["options"]]


@pytest.mark.parametrize("bound", [{"max_writes": 1}, {"max_tokens": 25}], ids=["writes", "tokens"])
def test_a_plan_beyond_its_bounds_makes_no_option(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, bound: dict[str, Any]
) -> None:
    with pytest.raises(PipedriveError):
        write_rows(ROWS, "deals", match_on="id", missing_options="create", **bound)

    assert writes(sandbox) == []


def test_a_dry_run_shows_new_options_and_their_price(client: PipedriveClient, write_rows: Write) -> None:
    with_new = write_rows(ROWS, "deals", "new", match_on="id", missing_options="create", dry_run=True)
    known = [{"id": 1, "Segment": "Large"}, {"id": 2, "Segment": "Small"}]
    without = write_rows(known, "deals", "known", match_on="id", dry_run=True)

    assert lines(with_new["diff"])[0] == {
        "id": None,
        "key": "Segment",
        "action": "add_options",
        "before": {},
        "after": {"Segment": ["Tiny", "Huge"]},
    }
    assert with_new["price"] > without["price"]
    assert (with_new["updated"], with_new["related_created"]) == (2, 0)


def test_the_option_of_a_row_that_is_set_aside_is_not_made(client: PipedriveClient, write_rows: Write) -> None:
    rows = [*ROWS, {"id": 999_999, "Segment": "Nowhere"}]

    write_rows(rows, "deals", match_on="id", mode="update", missing_options="create", max_rejects=1)

    assert {"Tiny", "Huge"} <= set(labels(client))
    assert "Nowhere" not in labels(client)


def test_a_run_that_died_after_it_made_options_makes_none_again(
    client: PipedriveClient, tmp_path: Path, mocker: MockerFixture
) -> None:
    job = BulkJob("deals", match_on="id", missing_options="create")
    mocker.patch.object(OperationWriter, "write", side_effect=PipedriveServerError("killed"))
    with pytest.raises(PipedriveServerError):
        write(client, ROWS, job, folder=tmp_path)
    mocker.stopall()

    assert write(client, ROWS, job, folder=tmp_path)["updated"] == 2
    assert labels(client).count("Tiny") == 1
    option = next(each for each in field_named(client, "Segment")["options"] if each["label"] == "Huge")
    assert client.run("getDeal", {"id": 2})["custom_fields"][SEGMENT] == option["id"]


def test_an_undo_says_that_options_stay(client: PipedriveClient, tmp_path: Path) -> None:
    write(client, ROWS, BulkJob("deals", match_on="id", missing_options="create"), folder=tmp_path)

    undone = undo(client, tmp_path)

    assert (undone["restored"], undone["kept"], undone["impossible"]) == (2, 0, 1)
    why = next(line["why"] for line in lines(undone["details"]) if line["outcome"] == "impossible")
    assert why == "options that were added to a field stay: Tiny, Huge"


def test_a_field_that_takes_no_options_by_the_api_is_refused_before_anything_is_written(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    with pytest.raises(PipedriveParameterError, match="cannot be added by the API"):
        write_rows([{"id": 1, "industry": "Alchemy"}], "organizations", match_on="id", missing_options="create")

    assert writes(sandbox) == []
