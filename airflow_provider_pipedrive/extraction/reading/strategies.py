"""How an entity is read: chosen by its row in the catalog, behind one protocol.

============================ ==========================================================================================
strategy                     for
============================ ==========================================================================================
:class:`ByParents`           entities that are listed by their parents' ids
:class:`ByChangelogs`        what is made of the changelogs of records
:class:`RangeSnapshot`       whole lists that can be read from several places
:class:`ListSnapshot`        all other whole lists
:class:`WindowChanges` etc.  windows of last updates, by the row's ``incremental``
============================ ==========================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.catalog.entities import Incremental
from airflow_provider_pipedrive.extraction.reading.changelogs import ByChangelogs
from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.increments import (
    NewestChanges,
    SinceChanges,
    WholeChanges,
    WindowChanges,
)
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.parents import ByParents
from airflow_provider_pipedrive.extraction.reading.snapshot import (
    ListSnapshot,
    RangeSnapshot,
    both_ends,
    has_ranges,
)
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow


class Strategy(Protocol):
    """One way to read an entity. What it needs to know to continue, it keeps as its plan in the sink."""

    def read(self) -> ReadOutcome:
        """Read the entity, continuing where an earlier run ended.

        :raises PipedriveError: what ended it; what was read is in finished parts
        :raises PipedriveParameterError: the earlier run's plan is not one of this strategy
        """


_CHANGES: Final[Mapping[Incremental, Callable[[EntityRead, UpdateWindow], Strategy]]] = MappingProxyType(
    {"window": WindowChanges, "since": SinceChanges, "newest": NewestChanges, "whole": WholeChanges}
)


def first_requests(entity: Entity, query: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters of the requests that reading a whole list begins with, where they are known beforehand."""
    is_listed = entity.parent is None and entity.changelog_of is None
    return both_ends(entity, query) if is_listed and has_ranges(entity) else []


def strategy_for(reading: EntityRead) -> Strategy:
    """The strategy for what is to be read."""
    entity = reading.entity
    if entity.parent is not None:
        return ByParents(reading)
    if entity.changelog_of is not None:
        return ByChangelogs(reading)
    if reading.window is not None:
        return _CHANGES[entity.incremental](reading, reading.window)
    return RangeSnapshot(reading) if has_ranges(entity) else ListSnapshot(reading)
