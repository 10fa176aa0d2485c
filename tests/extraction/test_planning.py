"""What a plan says beforehand, an extraction spends."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.definition import Job
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.planning import plan
from airflow_provider_pipedrive.sandbox import Sandbox


@pytest.mark.parametrize(
    "job",
    [
        Job(["deals"], names="keys", connections=1),
        Job(["deals", "persons", "organizations", "activities", "pipelines", "users"]),
        Job(["persons"], "changes", datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 7, 1, tzinfo=UTC), names="keys"),
    ],
    ids=["one list", "many lists", "a window"],
)
def test_the_tokens_of_a_plan_are_about_those_that_the_extraction_spends(
    client: PipedriveClient, tmp_path: Path, job: Job
) -> None:
    expected = plan(client, job)
    spent = extract(client, tmp_path, job)
    assert abs(expected.tokens - spent["tokens"]) <= 0.4 * spent["tokens"] + 20
    for estimate in expected.estimates:
        rows = spent["entities"][estimate.entity]["rows"]
        assert estimate.records is None or abs(estimate.records - rows) <= 0.15 * rows + 20


def test_a_plan_costs_one_request_for_each_entity(client: PipedriveClient, company: Sandbox) -> None:
    found = plan(client, Job(["deals", "persons", "notes"], names="keys"))
    assert len(company.requests) == 3
    assert found.looking == 10 + 10 + 20


def test_a_history_is_priced_by_the_deals_it_would_read(client: PipedriveClient) -> None:
    found = plan(client, Job(["stage_history"], parameters={"stage_history": {"status": "won"}}))
    (history,) = found.estimates
    assert history.tokens >= history.pages * 20
    assert "20 API tokens each" in history.basis
