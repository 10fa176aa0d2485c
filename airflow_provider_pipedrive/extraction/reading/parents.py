"""An entity that Pipedrive lists by its parents' ids only, a batch of them a request."""

from __future__ import annotations

from functools import partial
from typing import Any

from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Page
from airflow_provider_pipedrive.extraction.reading.plans import ParentsPlan, load_plan, save_plan

STREAM = "parents"


class ByParents:
    """Reads an entity by its parents' ids, in their order."""

    def __init__(self, reading: EntityRead) -> None:
        self._reading = reading

    def read(self) -> ReadOutcome:
        """Read it, continuing where an earlier run ended.

        :raises PipedriveError: what ended it; what was read is in finished parts
        """
        reading, sink = self._reading, self._reading.sink
        plan = self._plan(load_plan(sink, ParentsPlan))
        save_plan(sink, plan)
        done = max((part.resume_info["batches"] for part in sink.finished), default=0)
        while done < len(plan.batches):
            group = plan.batches[done : done + reading.pool.concurrency]
            try:
                found: list[list[Page]] = reading.pool.run_all(partial(self._read_batch, batch) for batch in group)
            except BaseException:
                sink.finish(STREAM, {"batches": done})
                raise
            done += len(group)
            full = False
            for page in (page for pages in found for page in pages):
                full = reading.land(STREAM, [0], page, range(len(page))) or full
            if full:
                sink.finish(STREAM, {"batches": done})
            reading.pool.on_progress()
        sink.finish(STREAM, {"batches": done})
        return ReadOutcome(plan.strategy, {"kind": "walk"}, watermark=sink.newest)

    def _plan(self, kept: ParentsPlan | None) -> ParentsPlan:
        # A run that continues keeps the batches that its parts go by, though there may be other parents now.
        batches: list[list[Identity]] = list(kept.batches) if kept else []
        known = {identity for batch in batches for identity in batch}
        fresh = [identity for identity in self._reading.parents if identity not in known]
        size = self._reading.entity.parent_batch
        return ParentsPlan([*batches, *(fresh[start : start + size] for start in range(0, len(fresh), size))])

    def _read_batch(self, batch: list[Identity]) -> list[Page]:
        entity = self._reading.entity
        parents: Any = batch[0] if entity.parent_batch == 1 and batch else batch
        return list(self._reading.pages({**self._reading.query, entity.parent_parameter or "": parents}))
