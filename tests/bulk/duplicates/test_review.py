"""Groups in a file, and what a person has said about them."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import approved_groups, write_review
from airflow_provider_pipedrive.bulk.duplicates.finding import DuplicateGroup
from airflow_provider_pipedrive.bulk.files import read_rows
from airflow_provider_pipedrive.errors import PipedriveParameterError

GROUP: DuplicateGroup = {
    "entity": "persons",
    "ids": [7, 9],
    "score": 0.98,
    "reasons": ["name same", "email same"],
    "records": [
        {"id": 7, "name": "Zoltan", "emails": [{"value": "z@x.example"}], "org_id": 3, "link": "https://a.example/7"},
        {"id": 9, "name": "=cmd()", "emails": [], "phones": [{"value": "030 5"}, {"value": "030 6"}]},
    ],
}


def lines(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def answered(path: Path, **answers: list[str]) -> list[dict[str, Any]]:
    """The lines as somebody has filled them in."""
    return [
        {**row, **{column: values[number] for column, values in answers.items()}}
        for number, row in enumerate(read_rows(path))
    ]


def test_each_record_is_a_line_that_a_spreadsheet_shows_and_does_not_compute(tmp_path: Path) -> None:
    assert write_review([GROUP], tmp_path / "review.csv") == 1

    first, second = lines(tmp_path / "review.csv")
    assert first["group"] == second["group"] == "1"
    assert (first["id"], first["name"], first["emails"]) == ("7", "Zoltan", "z@x.example")
    assert (first["organization"], first["reasons"], first["link"]) == (
        "3",
        "name same, email same",
        "https://a.example/7",
    )
    assert (second["name"], second["phones"], second["approved"]) == ("'=cmd()", "030 5, 030 6", "")


def test_a_group_with_a_yes_is_approved_with_its_survivor(tmp_path: Path) -> None:
    write_review([GROUP, {**GROUP, "ids": [1, 2]}], tmp_path / "review.csv")
    rows = answered(tmp_path / "review.csv", approved=["Yes", "", "", "no"], survivor=["", "x", "", ""])

    assert list(approved_groups(rows)) == [{"ids": [7, 9], "survivor": 9}]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"group": 1, "id": 7}], "Row 1 of the review has no column 'approved'"),
        ([{"group": 1, "id": 7, "approved": "perhaps"}], "approved of group 1 must be yes or no, not 'perhaps'"),
        ([{"group": 1, "id": 7, "approved": "yes"}], "Group 1 of the review is approved and has a single record"),
        (
            [{"group": 1, "id": n, "approved": "yes", "survivor": "yes"} for n in (7, 9)],
            "Group 1 of the review has 2 survivors",
        ),
    ],
)
def test_an_answer_that_is_not_clear_is_an_error(rows: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        list(approved_groups(rows))


def test_leads_keep_their_ids_of_text() -> None:
    rows = [{"group": 1, "id": identity, "approved": True} for identity in ("0a1b-2c", "0a1b-3d")]

    assert list(approved_groups(rows)) == [{"ids": ["0a1b-2c", "0a1b-3d"], "survivor": None}]
