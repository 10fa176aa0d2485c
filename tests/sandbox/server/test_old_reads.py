"""Reads of v1 that are out of support: each is answered, or each is refused, as a setting says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_pipedrive.sandbox.server.old_reads import OLD_READS
from tests.support.sandbox_api import Api, small_company


@pytest.fixture(scope="module")
def answering() -> Iterator[Api]:
    with small_company(v1_out_of_support="answer") as api:
        yield api


@pytest.mark.parametrize("path", OLD_READS)
def test_an_old_read_is_answered_where_the_setting_says_so(path: str, answering: Api) -> None:
    answer = answering.get(path.replace("{id}", "1"))
    assert (answer.status_code, answer.json()["success"]) == (200, True)


@pytest.mark.parametrize("path", OLD_READS)
def test_an_old_read_is_refused_otherwise(path: str, api: Api) -> None:
    assert api.get(path.replace("{id}", "1")).status_code == 410


def test_an_old_list_costs_what_it_cost(answering: Api) -> None:
    answering.get("/v1/deals")
    answering.get("/v1/deals/1")
    assert [request.tokens for request in answering.sandbox.requests[-2:]] == [20, 2]
