"""Which records are read together."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.events.waits.record_reads import batch_action


@pytest.mark.parametrize(
    ("action", "listing"),
    [
        ("getDeal", "getDeals"),
        ("getPerson", "getPersons"),
        ("getOrganization", "getOrganizations"),
        ("getActivity", "getActivities"),
        ("getProduct", "getProducts"),
        ("getLead", None),
        ("getFile", None),
        ("getDealConversionStatus", None),
    ],
)
def test_records_are_read_together_where_their_list_takes_ids(action: str, listing: str | None) -> None:
    assert batch_action(action) == listing
