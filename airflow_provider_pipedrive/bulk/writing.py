"""Carrying out what was planned: many requests under way, each record's one after the other, every answer journalled.

What is made for others to refer to is made first, what is removed is removed last. Updates and removals that met a
passing fault are sent again: they leave the same state. A creation whose outcome is unknown is looked for among the
newest records before it is sent again.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.journal import from_json
from airflow_provider_pipedrive.bulk.lookup import Lookup
from airflow_provider_pipedrive.bulk.outcomes import LONGEST_PAUSE, Outcomes
from airflow_provider_pipedrive.bulk.related import CREATED, made_id
from airflow_provider_pipedrive.bulk.requests import PlannedWrite, request_of
from airflow_provider_pipedrive.bulk.senders import SenderPool, Sent
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.catalog.advice import counted

log = logging.getLogger(__name__)
_PROGRESS_EVERY = 10.0
_WORK = 0.002
"""Seconds of CPU for a request, about: while one thread waits for an answer, others have work."""
_GATHERED = 0.01
"""Seconds in which answers are gathered, to be journalled together."""


class OperationWriter:
    """Carries out the planned operations of a run."""

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._client = run.client
        self._journal = run.journal
        self._outcomes = Outcomes(run)
        self._lookup = Lookup(run.client, run.books, run.journal)
        self._reported = time.monotonic()

    def write(self) -> None:
        """Carry out all that is left to do.

        :raises PipedriveRejectedRowsError: more rows were refused than ``max_rejects`` allows
        :raises PipedriveError: what ended it; the journal has what was done
        """
        self._lookup.settle()
        concurrency = self._run.job.concurrency
        with SenderPool(min(concurrency, self._senders), concurrency, self._send) as pool:
            for phase in (0, 1, 2):
                self._write_phase(pool, phase)
                while lost := self._journal.one(
                    "SELECT count(*) FROM operations WHERE state = 'lost' AND phase = ?", [phase]
                ):
                    log.info("%s got no clear answer: looking for what was created first.", counted(lost, "creation"))
                    self._lookup.settle()
                    self._write_phase(pool, phase)
                if phase == 0:
                    self._outcomes.refuse_dependants()

    @property
    def _senders(self) -> int:
        """How many threads send: as many as one processor keeps busy. More would only wait for each other."""
        return 4 + int((self._client.latency or 0.0) / _WORK)

    # ---- one phase

    def _write_phase(self, pool: SenderPool[PlannedWrite], phase: int) -> None:
        waiting: deque[PlannedWrite] = deque()
        busy: set[tuple[str, Any]] = set()
        planned = self._planned(phase)
        try:
            while True:
                if self._outcomes.failure is None:
                    self._submit(pool, planned, waiting, busy)
                if not pool.running and (self._outcomes.failure is not None or not waiting):
                    break
                self._take(self._sent(pool, waiting), waiting, busy)
                self._journal.checkpoint()
                self._report()
        except BaseException:
            self._client.token_cap = 0  # nothing more is sent, nor again; given back with the run's own cap
            while pool.running:  # what is under way gets its answer kept
                self._take(pool.sent(), waiting, busy)
            raise
        if self._outcomes.failure is not None:
            raise self._outcomes.failure

    def _planned(self, phase: int) -> Iterator[PlannedWrite]:
        last = -1
        while chunk := self._journal.run(
            "SELECT operation, row, action, entity, id, fields, before FROM operations "
            "WHERE state = 'planned' AND phase = ? AND operation > ? ORDER BY operation LIMIT 500",
            [phase, last],
        ).fetchall():
            for number, row, action, entity, identity, fields, before in chunk:
                last = number
                yield PlannedWrite(
                    number, row, action, entity, None if identity is None else from_json(identity),
                    from_json(fields), from_json(before),
                )  # fmt: skip

    def _submit(
        self,
        pool: SenderPool[PlannedWrite],
        planned: Iterator[PlannedWrite],
        waiting: deque[PlannedWrite],
        busy: set[tuple[str, Any]],
    ) -> None:
        """Start as many as may be under way; of one record never two."""
        chosen: list[PlannedWrite] = []
        now = time.monotonic()

        def take(operation: PlannedWrite) -> None:
            if len(chosen) < pool.free and operation.not_before <= now and operation.lock not in busy:
                busy.add(operation.lock)
                chosen.append(operation)
            else:
                waiting.append(operation)

        for _ in range(len(waiting)):
            take(waiting.popleft())
        while len(chosen) < pool.free and len(waiting) < self._run.job.concurrency:
            following = next(planned, None)
            if following is None:
                break
            take(following)
        self._note_creations([operation for operation in chosen if operation.action == "create"])
        for operation in chosen:
            pool.submit(self._resolved(operation))

    def _note_creations(self, creations: list[PlannedWrite]) -> None:
        """A creation that is not answered when the process dies must be looked for: note it before it is sent."""
        if creations:
            now = datetime.now(UTC) + timedelta(seconds=self._client.server_ahead or 0)
            with self._journal.transaction():
                self._journal.many(
                    "UPDATE operations SET state = 'sent', note = ? WHERE operation = ?",
                    [(now.isoformat(), operation.number) for operation in creations],
                )

    def _resolved(self, operation: PlannedWrite) -> PlannedWrite:
        """With ids in place of what stands for a record that this run has made."""
        if not any(isinstance(value, dict) and CREATED in value for value in operation.fields.values()):
            return operation
        fields = {name: made_id(self._journal, value) for name, value in operation.fields.items()}
        return replace(operation, fields=fields)

    def _send(self, operation: PlannedWrite) -> Any:
        """One request, in a thread of its own."""
        action, parameters = request_of(
            target_of(operation.entity),
            self._run.books[operation.entity],
            operation.action,
            operation.identity,
            operation.fields,
            operation.before,
        )
        return self._client.run(action, parameters)

    def _sent(self, pool: SenderPool[PlannedWrite], waiting: deque[PlannedWrite]) -> list[Sent]:
        """What was answered by now; where nothing is under way, nothing, when the next may be sent again."""
        if pool.running:
            sent = pool.sent(timeout=1.0)
            if pool.running:
                time.sleep(_GATHERED)
                sent += pool.sent(timeout=0)
            return sent
        soonest = min(operation.not_before for operation in waiting)
        time.sleep(max(0.0, min(soonest - time.monotonic(), LONGEST_PAUSE)))
        return []

    def _take(self, sent: list[Sent], waiting: deque[PlannedWrite], busy: set[tuple[str, Any]]) -> None:
        with self._journal.transaction():
            for operation, answer, error in sent:
                busy.discard(operation.lock)
                if (again := self._outcomes.take(operation, answer, error)) is not None:
                    waiting.append(again)
            self._outcomes.keep()

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_EVERY:
            self._reported = now
            done, whole = self._journal.run("SELECT sum(state = 'done'), count(*) FROM operations").fetchone()
            log.info(
                "%s: %d of %d written, %d rejected.", self._run.job.entity, done or 0, whole, self._outcomes.rejected
            )
