"""What a load reads: what has not been loaded before whole, everything else from where the warehouse has come to."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.extraction.definition import ExtractionJob, Mode
from airflow_provider_pipedrive.extraction.entities import OBSERVED

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse import Scope, TableStore

log = logging.getLogger(__name__)
LoadStates = Mapping[str, Mapping[str, Any]]
"""By entity, what the warehouse remembers of its last load."""
MakeJob = Callable[[Sequence[str], Mode, datetime | None, datetime | None], ExtractionJob]
"""Makes a job for some of the entities: in which mode, since when, until when."""


def plan_jobs(
    make: MakeJob,
    entities: Sequence[str],
    window: tuple[datetime | None, datetime | None],
    watermarks: Mapping[str, datetime | None],
    load_states: LoadStates,
) -> list[ExtractionJob]:
    """One job for what has not been loaded before, which is read whole, and one for each entity that has.

    :param window: of the run, where it has one
    :param watermarks: how far each table has come; None where the entity is to be read whole
    """
    since, until = window
    # The moves that are seen in deals go with them.
    alone = [entity for entity in entities if entity != OBSERVED]
    if since is not None:
        new = [entity for entity in alone if load_states.get(entity) and watermarks[entity] is None]
        rest = _with_moves([entity for entity in alone if entity not in new], entities)
        windows = [make(rest, "changes", since, until)] if rest else []
    else:
        new = [entity for entity in alone if watermarks[entity] is None]
        # Each from its own watermark on: what is hardly ever edited has an old one.
        begins = {entity: watermarks[entity] for entity in alone if entity not in new}
        windows = [make(_with_moves([entity], entities), "changes", begin, until) for entity, begin in begins.items()]
    if new:
        log.info("Read whole: %s.", ", ".join(new))
        return [make(_with_moves(new, entities), "snapshot", None, None), *windows]
    return windows


def _with_moves(chosen: Sequence[str], entities: Sequence[str]) -> list[str]:
    return [*chosen, OBSERVED] if "deals" in chosen and OBSERVED in entities else list(chosen)


def watermark_of(
    warehouse: TableStore, entity: str, load_state: Mapping[str, Any] | None, scope: Scope
) -> datetime | None:
    """How far a table has come; None where the entity is to be read whole."""
    if not load_state or not load_state.get("watermark"):
        return None
    if changed := scope.changes(load_state.get("scope") or {}):
        log.warning("The table %s is read whole: %s is another than at the last load.", entity, ", ".join(changed))
        return None
    rows, least = warehouse.rows(entity), load_state.get("rows_at_least", 0)
    if rows < least:
        log.warning(
            "The table %s has %s, and had at least %d after the last load: it is read whole again.",
            entity,
            counted(rows, "row"),
            least,
        )
        return None
    return datetime.fromisoformat(load_state["watermark"])


def watermark_after(job: ExtractionJob, newest: str | None, before: datetime | None) -> datetime | None:
    """How far the warehouse has come after a load.

    A window that begins after where it was would leave a gap, and one that ends before it would set it back: such as
    that of a backfill, of an old data interval, or of ``since`` and ``until``.

    :param newest: the greatest time of last update in the load; None where there is none
    :param before: how far it had come
    """
    came = datetime.fromisoformat(newest) if newest else None
    if job.mode == "snapshot":
        return came
    if before is None or came is None or job.since is None or job.since > before:
        return before
    return max(before, came)
