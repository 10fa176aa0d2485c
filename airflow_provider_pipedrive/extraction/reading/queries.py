"""The parameters by which lists are asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE, Range


def range_query(entity: Entity, list_range: Range, *, ascending: bool) -> dict[str, Any]:
    """The parameters that list a range from one of its ends."""
    parameters = sorting(entity, "update_time" if list_range.axis == "time" else "id", ascending=ascending)
    if list_range.second is not None:
        return parameters | {
            "updated_since": rfc3339(list_range.second),
            "updated_until": rfc3339(list_range.second + 1),
        }
    if list_range.axis == "time":
        return parameters | {"updated_since": rfc3339(list_range.low), "updated_until": rfc3339(list_range.high)}
    return parameters


def sorting(entity: Entity, by: str, *, ascending: bool) -> dict[str, Any]:
    """The parameters that sort a list; none where it cannot be sorted so."""
    if by not in entity.sort_by:
        return {}
    if entity.sort == "v2":
        return {"sort_by": by, "sort_direction": "asc" if ascending else "desc"}
    return {"sort": f"{by} {'ASC' if ascending else 'DESC'}"}


def rfc3339(second: int) -> str:
    """A second as Pipedrive's windows take it."""
    return write_time(datetime.fromtimestamp(second, UTC))


def page_size(entity: Entity) -> dict[str, int]:
    """The parameter for the largest page; none for a list without pages."""
    paging = entity.listing.paging
    if paging is None or "limit" not in entity.listing.by_name:
        return {}
    return {"limit": min(PAGE, paging.max_limit)}
