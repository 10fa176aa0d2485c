"""The columns of what is made of other lists: known beforehand, and the same in every account."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from airflow_provider_pipedrive.extraction.entities import EXACT, OBSERVED
from airflow_provider_pipedrive.extraction.rows.columns import Column

_COMMON = (
    Column("deal_id", "integer"),
    Column("from_stage_id", "integer", description="The stage that it left"),
    Column("to_stage_id", "integer", description="The stage that it came to"),
    Column("changed_at", "timestamp", description="When it moved"),
)
HISTORY_COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = MappingProxyType(
    {
        EXACT: (
            *_COMMON,
            Column("user_id", "integer", description="Who moved it"),
            Column("change_source", "string", description="By which means: app, api, ..."),
        ),
        OBSERVED: (
            *_COMMON,
            Column("observed", "boolean", description="Always true: seen in the deals, not in a changelog"),
        ),
    }
)
