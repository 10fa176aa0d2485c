"""What a plan says beforehand, an extraction spends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.planning import estimate
from airflow_provider_pipedrive.sandbox import Sandbox


@pytest.mark.parametrize(
    "job",
    [
        ExtractionJob(["deals"], columns="raw", concurrency=1),
        ExtractionJob(["deals", "persons", "organizations", "activities", "pipelines", "users"]),
        ExtractionJob(
            ["persons"], "changes", datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC), columns="raw"
        ),
    ],
    ids=["one list", "many lists", "a window"],
)
def test_the_tokens_of_a_plan_are_about_those_that_the_extraction_spends(
    client: PipedriveClient, tmp_path: Path, job: ExtractionJob
) -> None:
    expected = estimate(client, job)
    spent = extract(client, tmp_path, job)
    assert abs(expected.tokens - spent["tokens"]) <= 0.4 * spent["tokens"] + 20
    for each in expected.estimates:
        rows = spent["entities"][each.entity]["rows"]
        assert each.records is None or abs(each.records - rows) <= 0.15 * rows + 20


def test_a_plan_costs_one_request_for_each_entity(client: PipedriveClient, company: Sandbox) -> None:
    found = estimate(client, ExtractionJob(["deals", "persons", "notes"], columns="raw"))
    assert len(company.requests) == 3
    assert found.looking == 10 + 10 + 20


def test_a_history_is_priced_by_the_deals_it_would_read(client: PipedriveClient) -> None:
    found = estimate(client, ExtractionJob(["stage_history"], parameters={"stage_history": {"status": "won"}}))
    (history,) = found.estimates
    assert history.tokens >= history.pages * 20
    assert "20 API tokens each" in history.basis
