"""Names become ids, and a wrong one is answered with the right ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
from airflow_provider_pipedrive.events.waits.naming import resolve_names
from airflow_provider_pipedrive.events.waits.records import DealsWait


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
    filters = ({"id": 12, "name": "Large deals"},)

    def has_filter(self, filter_id: int) -> bool:
        return filter_id == 12


COMPANY: Any = Company()
DEAL = DealsWait((5,), Movement(), "2026-05-04T12:00:00Z")
ANY = AnyDealWait(Movement(), "2026-05-04T12:00:00Z")


@pytest.mark.parametrize(
    ("names", "reaches"),
    [
        (NameRefs(reaches=("Qualified",)), (1,)),
        (NameRefs(reaches=(" signed",)), (8,)),
        (NameRefs(reaches=(2, "Signed")), (2, 8)),
        (NameRefs(reaches=("Negotiation",), pipeline="Renewals"), (7,)),
        (NameRefs(reaches=("Negotiation",), pipeline=1), (2,)),
    ],
)
def test_stages_by_name_and_id(names: NameRefs, reaches: tuple[int, ...]) -> None:
    watch = resolve_names(DEAL, names, COMPANY)
    assert isinstance(watch, DealsWait)
    assert watch.movement.reaches == reaches
    assert watch.movement.names["8"] == "Signed"


def test_pipeline_and_owner_narrow_down_any_deal() -> None:
    names = NameRefs(leaves=("Qualified",), pipeline="Sales", user="ada@example.com")
    watch = resolve_names(ANY, names, COMPANY)
    assert isinstance(watch, AnyDealWait)
    assert watch == replace(ANY, movement=watch.movement, pipeline_id=1, owner_id=4)
    assert watch.movement.leaves == (1,)


def test_an_uploader_is_found_by_name() -> None:
    assert resolve_names(FilesWait(), NameRefs(user="Ada"), COMPANY) == FilesWait(uploader_id=4)


@pytest.mark.parametrize(
    ("names", "advice"),
    [
        (
            NameRefs(reaches=("Negotation",), pipeline="Sales"),
            r"There is no stage 'Negotation' in the pipeline Sales \(1\)\. Did you mean 'Negotiation'\? "
            r"There are: Qualified \(1\), Negotiation \(2\)\.",
        ),
        (
            NameRefs(reaches=("Nix",)),
            r"There are: Sales: Qualified \(1\), Sales: Negotiation \(2\), Renewals: Negotiation",
        ),
        (
            NameRefs(reaches=("Negotiation",)),
            r"several with the name 'Negotiation': Sales: .* Give the id, or name the pip",
        ),
        (
            NameRefs(reaches=(8,), pipeline="Sales"),
            r"Renewals: Signed \(8\) is not one of the pipeline Sales \(1\), whose",
        ),
        (NameRefs(reaches=(99,)), r"There is no stage 99\. There are"),
        (
            NameRefs(reaches=(1,), pipeline="Sale"),
            r"There is no pipeline 'Sale'\. Did you mean 'Sales'\? There are: Sales \(1\), Renewals \(2\)",
        ),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(names: NameRefs, advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        resolve_names(DEAL, names, COMPANY)


def test_a_filter_that_deals_do_not_have_is_answered_with_those_that_they_have() -> None:
    assert resolve_names(ANY, NameRefs(filter_id=12), COMPANY) == ANY
    with pytest.raises(PipedriveParameterError, match=r"no filter 13 of deals\. There are: Large deals \(12\)"):
        resolve_names(ANY, NameRefs(filter_id=13), COMPANY)


def test_an_unknown_user_is_answered_with_the_users() -> None:
    with pytest.raises(PipedriveParameterError, match=r"There is no user 'Bob'\. There are: Ada \(4\)"):
        resolve_names(ANY, NameRefs(user="Bob"), COMPANY)
