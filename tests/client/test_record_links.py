"""Where a record's page is in Pipedrive's web app."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client.record_links import record_url

COMPANY = "https://acme.pipedrive.com"


@pytest.mark.parametrize(
    ("entity", "identity", "url"),
    [
        ("deals", 7, "https://acme.pipedrive.com/deal/7"),
        ("organizations", "8", "https://acme.pipedrive.com/organization/8"),
        ("leads", "adf21080", "https://acme.pipedrive.com/leads/inbox/adf21080"),
        ("notes", 7, None),
        ("deals", None, None),
    ],
)
def test_a_record_has_a_page_where_its_entity_has_pages(entity: str, identity: object, url: str | None) -> None:
    assert record_url(entity, identity, COMPANY) == url


def test_the_shared_host_has_no_pages() -> None:
    assert record_url("deals", 7, "https://api.pipedrive.com") is None
