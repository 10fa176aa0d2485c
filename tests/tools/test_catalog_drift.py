"""What the command says of a newer client."""

from __future__ import annotations

from typing import Any

from catalog_drift import differences

DEALS: dict[str, Any] = {
    "operation": "getDeals",
    "version": "v2",
    "method": "GET",
    "path": "/api/v2/deals",
    "scopes": ["deals:read"],
    "parameters": [{"name": "limit", "in": "query", "type": "number"}],
}


def test_the_same_client_has_no_differences() -> None:
    assert list(differences([DEALS], [DEALS])) == []


def test_operations_and_parameters_that_are_new_gone_or_changed_have_a_line_each() -> None:
    limit = {"name": "limit", "in": "query", "type": "string"}
    sort = {"name": "sort", "in": "query", "type": "string"}
    newer = DEALS | {"scopes": ["deals:full"], "parameters": [limit, sort]}
    added = {"operation": "getMoods", "version": "v1", "method": "GET", "path": "/v1/moods"}
    gone = {"operation": "getFoos", "version": "v1", "method": "GET", "path": "/v1/foos"}
    assert list(differences([DEALS, gone], [newer, added])) == [
        "gone: v1 getFoos GET /v1/foos",
        "new: v1 getMoods GET /v1/moods",
        "v2 getDeals: scopes ['deals:read'] -> ['deals:full']",
        'v2 getDeals: parameter limit {"name": "limit", "in": "query", "type": "number"} -> '
        '{"name": "limit", "in": "query", "type": "string"}',
        'v2 getDeals: new parameter sort {"name": "sort", "in": "query", "type": "string"}',
    ]
    assert list(differences([newer], [DEALS]))[1:] == [
        'v2 getDeals: parameter limit {"name": "limit", "in": "query", "type": "string"} -> '
        '{"name": "limit", "in": "query", "type": "number"}',
        "v2 getDeals: parameter sort is gone",
    ]
