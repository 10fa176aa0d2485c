"""Which stages deals went through: exactly, from their changelogs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveTokenCapError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import is_published, landed


def moves(folder: Path) -> list[tuple[Any, ...]]:
    return [(row["deal_id"], row["from_stage_id"], row["to_stage_id"]) for row in landed(folder)]


def test_the_exact_history_of_a_window_has_both_of_two_moves_and_only_the_deals_that_moved(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    deal = next(deal for deal in client.iterate("getDeals", {"status": "open"}) if deal["pipeline_id"] == 1)
    before = deal["stage_id"]
    others = [stage["id"] for stage in client.iterate("getStages", {"pipeline_id": 1}) if stage["id"] != before]
    company.advance(7200)
    company.move_deal(deal["id"], others[0])
    company.advance(60)
    company.move_deal(deal["id"], others[1])
    company.advance(120)
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=7200)
    job = ExtractionJob(["stage_history"], "changes", until - timedelta(hours=1), until + timedelta(seconds=70))
    receipt = extract(client, tmp_path, job)
    assert moves(tmp_path / "stage_history") == [
        (deal["id"], before, others[0]),
        (deal["id"], others[0], others[1]),
    ]
    assert receipt["entities"]["stage_history"]["completeness"] == {"kind": "deals", "deals": 1}


def test_a_history_that_goes_by_its_mark_lands_each_move_once_and_pays_for_new_ones_only(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    deal = next(deal for deal in client.iterate("getDeals", {"status": "open"}) if deal["pipeline_id"] == 1)
    stages = [s["id"] for s in client.iterate("getStages", {"pipeline_id": 1}) if s["id"] != deal["stage_id"]]
    company.advance(7200)
    company.move_deal(deal["id"], stages[0])
    company.advance(60)
    job = ExtractionJob(["stage_history"], "changes", parameters={"stage_history": {"ids": [deal["id"]]}})

    def night(run: str) -> tuple[list[tuple[Any, ...]], int]:
        receipt = extract(client, tmp_path, job, run=run)
        return moves(tmp_path / "stage_history" / f"run={run}"), receipt["entities"]["stage_history"]["completeness"][
            "deals"
        ]

    first, _ = night("first")
    assert first[-1] == (deal["id"], deal["stage_id"], stages[0])
    assert night("quiet") == ([], 0)
    company.move_deal(deal["id"], stages[1])
    company.advance(5)
    assert night("moved") == ([(deal["id"], stages[0], stages[1])], 1)


def test_a_first_history_takes_the_chosen_deals_and_goes_on_when_its_tokens_are_spent(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    ids = [deal["id"] for deal in client.iterate("getDeals", {"status": "won"}, max_records=250)]
    owner = {"stage_history": {"ids": ids[:100]}}
    job = ExtractionJob(["stage_history"], parameters=owner, max_tokens=1200, concurrency=4)
    with pytest.raises(PipedriveTokenCapError, match="it continues there"):
        extract(client, tmp_path, job, owner="me")
    assert not is_published(tmp_path)
    rest = extract(client, tmp_path, ExtractionJob(["stage_history"], parameters=owner, concurrency=4), owner="me")
    assert rest["tokens"] < 100 * 20 - 1000, "what was read for 1,200 tokens is read again"
    found = landed(tmp_path / "stage_history")
    assert {row["deal_id"] for row in found} <= set(ids[:100])
    assert found == sorted(found, key=lambda row: (row["deal_id"], row["changed_at"]))


def test_the_schema_and_receipt_of_a_history_are_kept(client: PipedriveClient, tmp_path: Path) -> None:
    parameters = {"stage_history": {"ids": [1, 2, 3]}}
    receipt = extract(client, tmp_path, ExtractionJob(["stage_history"], parameters=parameters), run="monday")
    kept = json.loads((tmp_path / "_pipedrive" / "receipts" / "monday.json").read_text())
    assert kept["entities"]["stage_history"]["rows"] == receipt["entities"]["stage_history"]["rows"]
