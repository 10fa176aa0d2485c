"""What a request costs in API tokens."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client.costs import cost_of
from airflow_provider_pipedrive.client.responses import Operation

UUID = "0b1b1e40-1f5b-11f0-9b1a-6b2c4c7d8e9f"


@pytest.mark.parametrize(
    ("call", "tokens"),
    [
        (Operation("GET", "/api/v2/deals", "getDeals"), 10),
        (Operation("GET", "/v1/users/me", "getCurrentUser"), 2),
        (Operation("GET", "/v1/files/5/download", "downloadFile"), 20),
        (Operation("GET", "/api/v2/deals/search", "searchDeals", search=True), 20),
        # raw requests to operations that the catalog knows
        (Operation("GET", "/api/v2/deals", "rawRequest"), 10),
        (Operation("GET", "/api/v2/deals/5"), 1),
        (Operation("GET", "/v1/deals/summary"), 40),
        (Operation("PUT", "/v1/deals/5/merge"), 40),
        # and to others: Pipedrive's rule, half in v2
        (Operation("GET", "/v1/novelties"), 20),
        (Operation("GET", "/v1/novelties/5"), 2),
        (Operation("GET", f"/v1/novelties/{UUID}"), 2),
        (Operation("GET", "/v1/novelties/search", search=True), 40),
        (Operation("POST", "/v1/novelties"), 10),
        (Operation("DELETE", "/v1/novelties/5"), 6),
        (Operation("GET", "/api/v2/novelties"), 10),
        (Operation("GET", "/api/v2/novelties/5"), 1),
        (Operation("PATCH", "/api/v2/novelties/5"), 5),
        (Operation("DELETE", "/api/v2/novelties/5"), 3),
    ],
)
def test_tokens(call: Operation, tokens: int) -> None:
    assert cost_of(call) == tokens
