"""Waits are told in sentences."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.sentences import awaited, doubtful, happened, standing
from airflow_provider_pipedrive.events.waits.specs import WaitSpec

SINCE = "2026-05-04T10:00:00Z"
ARCHIVED = (Condition("is_archived", "==", True),)
NAMES = {"2": "Contact made", "3": "Offer"}
MOVE = {"deal_id": 17, "title": "Ovens", "to_stage_id": 3, "to_stage": "Offer", "status": "open", "time": SINCE}


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (DealsWait((17,), Movement(reaches=(3,), names=NAMES), SINCE), "deal 17 is in stage 3 (Offer)"),
        (DealsWait((17, 18), Movement(leaves=(2,)), SINCE), "each of the deals 17, 18 has left stage 2"),
        (
            DealsWait(tuple(range(1, 9)), Movement(statuses=("won", "lost")), SINCE, require="any"),
            "any of the deals 1, 2, 3, 4, 5 and 3 more is won or lost",
        ),
        (
            AnyDealWait(Movement(reaches=(3, 4), leaves=(2,), names=NAMES), SINCE, pipeline_id=1),
            f"a deal (pipeline 1) moves from stage 2 (Contact made) to stage 3 (Offer) or stage 4, from {SINCE} on",
        ),
        (AnyDealWait(Movement(moves=True), SINCE), f"a deal moves to another stage, from {SINCE} on"),
        (
            RecordWait("getLead", {"id": "x"}, (Condition("is_archived", "==", True),)),
            "lead x fulfils: is_archived == True",
        ),
    ],
)
def test_what_is_waited_for(spec: WaitSpec, said: str) -> None:
    assert awaited(spec) == f"Waiting until {said}."


def test_what_file_is_waited_for() -> None:
    assert awaited(FilesWait("deal_id", 17, after_id=5)) == "Waiting for a file of deal 17 with an id above 5."
    assert awaited(FilesWait(since=SINCE)) == f"Waiting for a file added from {SINCE} on."
    narrowed = FilesWait(names=("*offer*",), types=("pdf", "docx"), since=SINCE)
    assert awaited(narrowed) == f"Waiting for a file called *offer* of type pdf or docx added from {SINCE} on."


def test_where_deals_are_while_they_are_waited_for() -> None:
    spec = DealsWait((17, 18, 19), Movement(reaches=(3,), names=NAMES), SINCE)
    memory: dict[str, Any] = {"17": {"stage": 2}, "18": {"stage": 9}, "19": {}}
    assert standing(spec, memory) == "Not yet: deal 17 is in stage 2 (Contact made), deal 18 is in stage 9."
    assert standing(spec, {}) == standing(FilesWait(since=SINCE), {}) == ""


def test_what_a_record_is_like_while_it_is_waited_for() -> None:
    lead = RecordWait("getLead", {"id": "x"}, ARCHIVED)
    assert standing(lead, {"values": {"is_archived": "False"}}) == "Not yet: is_archived is False."
    won = DealsWait((17,), Movement(statuses=("won",)), SINCE)
    assert standing(won, {"17": {"stage": 2, "status": "lost"}}) == "Not yet: deal 17 is lost, in stage 2."


def test_a_deal_in_another_pipeline_than_the_stage_is_warned_of() -> None:
    offer = Movement(reaches=(3,), names=NAMES, pipelines={"2": 1, "3": 1, "8": 2})
    spec = DealsWait((17, 18), offer, SINCE)
    assert doubtful(spec, {"17": {"stage": 8}, "18": {"stage": 2}}) == (
        "Deal 17 is in pipeline 2, but stage 3 (Offer) is in pipeline 1: a move within a pipeline does not lead there."
    )
    assert doubtful(spec, {"17": {"stage": 2}}) == doubtful(spec, {}) == ""


def test_a_condition_whose_path_leads_nowhere_is_warned_of() -> None:
    lead = RecordWait("getLead", {"id": "x"}, ARCHIVED)
    assert doubtful(lead, {"faults": ["'archived' leads nowhere."]}) == "'archived' leads nowhere."
    assert doubtful(lead, {"faults": []}) == doubtful(lead, {}) == ""


def test_what_has_happened() -> None:
    deals = DealsWait((17,), Movement(reaches=(3,)), SINCE)
    said = f"It has happened: deal 17 ('Ovens') is open in stage 3 (Offer) since {SINCE}."
    assert happened(deals, MOVE) == happened(deals, [MOVE]) == said
    files = [{"id": number, "name": f"{number}.pdf"} for number in range(1, 8)]
    assert (
        happened(FilesWait(since=SINCE), files)
        == "7 new files: 1.pdf (1), 2.pdf (2), 3.pdf (3), 4.pdf (4), 5.pdf (5) and 2 more."
    )
    assert happened(FilesWait(since=SINCE), files[:1]) == "A new file: 1.pdf (1)."
    lead = RecordWait("getLead", {"id": "x"}, ARCHIVED)
    assert happened(lead, {"id": "x"}) == "It has happened: lead x fulfils: is_archived == True."
