"""What a request costs in API tokens.

https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
"""

from __future__ import annotations

import re
from functools import cache

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.responses import Operation

# Where no operation is known, v1 and v2 by method: one record, a list, a search.
_V1 = {"POST": 10, "PUT": 10, "PATCH": 10, "DELETE": 6}
_LAST_IS_ID = re.compile(r"/(\d+|[0-9a-f]{8}-[0-9a-f-]{27})$")


def cost_of(call: Operation) -> int:
    """API tokens of one request: the catalog's figure, Pipedrive's rule for what the catalog does not know."""
    known = ACTIONS.get(call.key or "")
    if known and known.adapter != "any_request":
        return known.token_cost
    path = call.path.split("?")[0]
    for pattern, cost in _patterns(call.method):
        if pattern.fullmatch(path):
            return cost
    v1 = _V1.get(call.method) or (40 if call.search else 2 if _LAST_IS_ID.search(path) else 20)
    return v1 // 2 if path.startswith("/api/v2/") else v1


@cache
def _patterns(method: str) -> list[tuple[re.Pattern[str], int]]:
    """The catalog's paths, those without placeholders first."""
    known = [action for action in ACTIONS.values() if action.method == method and action.lifecycle != "removed"]
    known.sort(key=lambda action: action.path.count("{"))
    return [
        (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(action.path))), action.token_cost) for action in known
    ]
