"""Which stages deals went through, as two readings of them show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.extraction.conftest import landed


def test_a_free_history_is_seen_in_two_readings_of_the_deals_and_marked_as_observed(
    client: PipedriveClient, company: Sandbox, tmp_path: Path
) -> None:
    job = ExtractionJob(["deals", "observed_stage_history"])
    extract(client, tmp_path, job)
    assert landed(tmp_path / "observed_stage_history") == []
    deal = next(deal for deal in client.iterate("getDeals", {"status": "open"}) if deal["pipeline_id"] == 1)
    stage = next(
        stage["id"] for stage in client.iterate("getStages", {"pipeline_id": 1}) if stage["id"] != deal["stage_id"]
    )
    company.move_deal(deal["id"], stage)
    extract(client, tmp_path, job)
    (row,) = landed(tmp_path / "observed_stage_history")
    assert (row["deal_id"], row["from_stage_id"], row["to_stage_id"]) == (deal["id"], deal["stage_id"], stage)
    assert row["observed"] is True
    extract(client, tmp_path, job)
    assert landed(tmp_path / "observed_stage_history") == []


def test_the_free_history_needs_the_deals(client: PipedriveClient, tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="put deals among the entities too"):
        extract(client, tmp_path, ExtractionJob(["observed_stage_history"]))
