"""What can be read: the catalog's entities, and the histories that are made of their lists."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.errors import PipedriveParameterError


def get_entity(name: str) -> Entity:
    """The entity with this name.

    :raises PipedriveParameterError: there is none; the message names the nearest ones
    """
    if isinstance(name, str) and name in ENTITIES:
        return ENTITIES[name]
    near = nearest(name, ENTITIES, most=3, cutoff=0.7)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(ENTITIES)}."
    raise PipedriveParameterError(f"There is no entity {name!r} to extract. {hint}")


EXACT: Final = "stage_history"
OBSERVED: Final = "observed_stage_history"
HISTORIES: Final[Mapping[str, Entity]] = MappingProxyType(
    {
        EXACT: Entity(
            EXACT,
            "getDealChangelog",
            "window",
            "Moves of deals between stages, from their changelogs.",
            key=("deal_id", "changed_at", "to_stage_id"),
            updated="changed_at",
            changelog_of="deals",
        ),
        OBSERVED: Entity(
            OBSERVED,
            "getDeals",
            "whole",
            "Moves of deals between stages, as far as two readings of the deals show them.",
            key=("deal_id", "changed_at", "to_stage_id"),
            updated="changed_at",
        ),
    }
)
"""What is made of other lists: no entity of Pipedrive's."""


def entity_of(name: str) -> Entity:
    """An entity or a history by its name.

    :raises PipedriveParameterError: there is none
    """
    return HISTORIES[name] if name in HISTORIES else get_entity(name)
