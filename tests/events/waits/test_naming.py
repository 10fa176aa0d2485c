"""Names become ids, and a wrong one is answered with the right ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.naming import Names, resolved
from airflow_provider_pipedrive.events.waits.watches import DealWatch, FileWatch, MoveWatch


class Company:
    """The lists that names are looked up in, as data."""

    pipelines = ({"id": 1, "name": "Sales"}, {"id": 2, "name": "Renewals"})
    stages = (
        {"id": 1, "name": "Qualified", "pipeline_id": 1},
        {"id": 2, "name": "Negotiation", "pipeline_id": 1},
        {"id": 7, "name": "Negotiation", "pipeline_id": 2},
        {"id": 8, "name": "Signed", "pipeline_id": 2},
    )
    users = ({"id": 4, "name": "Ada", "email": "ada@example.com"},)


COMPANY: Any = Company()
DEAL = DealWatch((5,), Movement(), "2026-05-04T12:00:00Z")
ANY = MoveWatch(Movement(), "2026-05-04T12:00:00Z")


@pytest.mark.parametrize(
    ("names", "reaches"),
    [
        (Names(reaches=("Qualified",)), (1,)),
        (Names(reaches=(" signed",)), (8,)),
        (Names(reaches=(2, "Signed")), (2, 8)),
        (Names(reaches=("Negotiation",), pipeline="Renewals"), (7,)),
        (Names(reaches=("Negotiation",), pipeline=1), (2,)),
    ],
)
def test_stages_by_name_and_id(names: Names, reaches: tuple[int, ...]) -> None:
    watch = resolved(DEAL, names, COMPANY)
    assert isinstance(watch, DealWatch)
    assert watch.movement.reaches == reaches
    assert watch.movement.names["8"] == "Signed"


def test_pipeline_and_owner_narrow_down_any_deal() -> None:
    names = Names(leaves=("Qualified",), pipeline="Sales", user="ada@example.com")
    watch = resolved(ANY, names, COMPANY)
    assert isinstance(watch, MoveWatch)
    assert watch == replace(ANY, movement=watch.movement, pipeline_id=1, owner_id=4)
    assert watch.movement.leaves == (1,)


def test_an_uploader_is_found_by_name() -> None:
    assert resolved(FileWatch(), Names(user="Ada"), COMPANY) == FileWatch(uploader_id=4)


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (
            Names(reaches=("Negotation",), pipeline="Sales"),
            r"There is no stage 'Negotation' in the pipeline Sales \(1\), only: Qualified \(1\), Negotiation \(2\)\. "
            "Did you mean 'Negotiation'",
        ),
        (Names(reaches=("Nix",)), r"only: Sales: Qualified \(1\), Sales: Negotiation \(2\), Renewals: Negotiation"),
        (
            Names(reaches=("Negotiation",)),
            r"several with the name 'Negotiation': Sales: .* Give the id, or name the pip",
        ),
        (
            Names(reaches=(8,), pipeline="Sales"),
            r"Renewals: Signed \(8\) is not one of the pipeline Sales \(1\), whose",
        ),
        (Names(reaches=(99,)), "There is no stage 99, only"),
        (Names(reaches=(1,), pipeline="Sale"), r"There is no pipeline 'Sale', only: Sales \(1\), Renewals \(2\)"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(names: Names, advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        resolved(DEAL, names, COMPANY)


def test_an_unknown_user_is_answered_with_the_users() -> None:
    with pytest.raises(PipedriveParameterError, match=r"There is no user 'Bob', only: Ada \(4\)"):
        resolved(ANY, Names(user="Bob"), COMPANY)
