"""Carrying out what was planned: many requests under way, each record's one after the other, every answer journalled.

What is made for others to refer to is made first, what is removed is removed last. Updates and removals that met a
passing fault are sent again: they leave the same state. A creation whose outcome is unknown is looked for among the
newest records before it is sent again.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.journal import Journal, to_json
from airflow_provider_pipedrive.bulk.lookup import Lookup
from airflow_provider_pipedrive.bulk.related import CREATED, made_id, named
from airflow_provider_pipedrive.bulk.requests import request_of
from airflow_provider_pipedrive.bulk.targets import LINK_OF, target_of
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import (
    PipedriveConnectionError,
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveRejectedRowsError,
    PipedriveResponseError,
    PipedriveServerError,
    PipedriveValidationError,
)

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.client.fields import FieldBook

log = logging.getLogger(__name__)
_UNCLEAR = (PipedriveConnectionError, PipedriveServerError, PipedriveResponseError)
_PROGRESS_EVERY = 10.0
_LONGEST_PAUSE = 10.0


@dataclass
class PlannedWrite:
    """One planned operation, and how often it was tried."""

    number: int
    row: int | None
    action: str
    entity: str
    key: str | None
    identity: Any
    fields: dict[str, Any]
    before: dict[str, Any]
    attempts: int = 0
    not_before: float = 0.0
    answer: Any = field(default=None, repr=False)

    @property
    def lock(self) -> tuple[str, Any]:
        """What no two requests may write at once: the record, of a link the deal."""
        deal = self.fields.get(LINK_OF, self.before.get(LINK_OF))
        if deal is not None and self.entity.startswith("deal_"):
            return "deals", deal
        return (self.entity, self.identity) if self.identity is not None else ("operation", self.number)


class OperationWriter:
    """Carries out the planned operations of a journal.

    :param books: the fields of each entity that is written
    """

    def __init__(
        self, client: PipedriveClient, job: BulkJob, books: Mapping[str, FieldBook], journal: Journal, rows: int
    ) -> None:
        self._client = client
        self._job = job
        self._books = books
        self._journal = journal
        self._rows = rows
        self._rejected = journal.one("SELECT count(*) FROM rejects")
        self._lookup = Lookup(client, books, journal)
        self._reported = time.monotonic()

    def write(self) -> None:
        """Carry out all that is left to do.

        :raises PipedriveRejectedRowsError: more rows were refused than ``max_rejects`` allows
        :raises PipedriveError: what ended it; the journal has what was done
        """
        self._find_lost()
        with ThreadPoolExecutor(self._job.concurrency, thread_name_prefix="bulk") as pool:
            for phase in (0, 1, 2):
                self._write_phase(pool, phase)
                while lost := self._journal.one(
                    "SELECT count(*) FROM operations WHERE state = 'lost' AND phase = ?", [phase]
                ):
                    log.info("%s got no clear answer: looking for what was created first.", counted(lost, "creation"))
                    self._find_lost()
                    self._write_phase(pool, phase)
                if phase == 0:
                    self._refuse_dependants()

    def _refuse_dependants(self) -> None:
        """Rows whose person or organization Pipedrive did not make are set aside: without it they would say less.

        :raises PipedriveRejectedRowsError: those are more than ``max_rejects`` allows
        """
        refused = self._journal.run(
            "SELECT operation, note FROM operations WHERE phase = 0 AND state = 'rejected' ORDER BY operation"
        ).fetchall()
        for made, why in refused:
            reference = {CREATED: made}
            reason = f"the record {named(self._journal, reference)!r} that it names could not be made: {why}"
            dependants = self._journal.run(
                "SELECT operation, row, given FROM operations JOIN rows USING (row) "
                "WHERE state = 'planned' AND phase > 0 AND instr(operations.fields, ?)",
                [to_json(reference)],
            ).fetchall()
            with self._journal.transaction():
                for number, row, given in dependants:
                    self._journal.run(
                        "UPDATE operations SET state = 'rejected', note = ? WHERE operation = ?", [reason, number]
                    )
                    self._journal.reject(row, reason, None, given)
            self._rejected += len(dependants)
            if dependants and self._rejected > self._job.allowed_rejects(self._rows):
                raise too_many_rejects(self._rejected, self._rows, self._job, f"row {dependants[0][1]}: {reason}")

    def _find_lost(self) -> None:
        """Creations that were sent and not answered, of an earlier try too: which of them Pipedrive has."""
        self._lookup.settle()

    # ---- one phase

    def _write_phase(self, pool: ThreadPoolExecutor, phase: int) -> None:
        waiting: deque[PlannedWrite] = deque()
        running: dict[Future[Any], PlannedWrite] = {}
        busy: set[tuple[str, Any]] = set()
        failure: BaseException | None = None
        planned = iter(self._planned(phase))
        try:
            while True:
                if failure is None:
                    self._submit(pool, planned, waiting, running, busy)
                if not running and (failure is not None or not waiting):
                    break
                done = self._finished(running, waiting)
                with self._journal.transaction():
                    for future in done:
                        operation = running.pop(future)
                        busy.discard(operation.lock)
                        failure = self._take(future, operation, waiting) or failure
                self._journal.checkpoint()
                self._report()
        except BaseException:
            wait(running)  # what is under way gets its answer kept
            with self._journal.transaction():
                for future, operation in running.items():
                    self._take(future, operation, waiting)
            raise
        if failure is not None:
            raise failure

    def _planned(self, phase: int) -> Iterator[PlannedWrite]:
        last = -1
        while chunk := self._journal.run(
            "SELECT operation, row, action, entity, key, id, fields, before FROM operations "
            "WHERE state = 'planned' AND phase = ? AND operation > ? ORDER BY operation LIMIT 500",
            [phase, last],
        ).fetchall():
            for number, row, action, entity, key, identity, fields, before in chunk:
                last = number
                yield PlannedWrite(
                    number, row, action, entity, key, None if identity is None else json.loads(identity),
                    json.loads(fields), json.loads(before),
                )  # fmt: skip

    def _submit(
        self,
        pool: ThreadPoolExecutor,
        planned: Iterator[PlannedWrite],
        waiting: deque[PlannedWrite],
        running: dict[Future[Any], PlannedWrite],
        busy: set[tuple[str, Any]],
    ) -> None:
        """Start as many as may be under way; of one record never two."""
        chosen: list[PlannedWrite] = []
        now = time.monotonic()
        for _ in range(len(waiting)):
            operation = waiting.popleft()
            free = operation.lock not in busy and operation.not_before <= now
            if free and len(running) + len(chosen) < self._job.concurrency:
                busy.add(operation.lock)
                chosen.append(operation)
            else:
                waiting.append(operation)
        while len(running) + len(chosen) < self._job.concurrency and len(waiting) < self._job.concurrency:
            following = next(planned, None)
            if following is None:
                break
            if following.lock in busy:
                waiting.append(following)
            else:
                busy.add(following.lock)
                chosen.append(following)
        if not chosen:
            return
        self._note_creations([operation for operation in chosen if operation.action == "create"])
        for operation in chosen:
            running[pool.submit(self._send, operation, self._resolved(operation.fields))] = operation

    def _note_creations(self, creations: list[PlannedWrite]) -> None:
        """A creation that is not answered when the process dies must be looked for: note it before it is sent."""
        if creations:
            with self._journal.transaction():
                self._journal.many(
                    "UPDATE operations SET state = 'sent', note = ? WHERE operation = ?",
                    [(self._now().isoformat(), operation.number) for operation in creations],
                )

    def _now(self) -> datetime:
        """Pipedrive's clock, as far as it is known."""
        return datetime.now(UTC) + timedelta(seconds=self._client.server_ahead or 0)

    def _send(self, operation: PlannedWrite, fields: Mapping[str, Any]) -> Any:
        """One request, in a thread of its own."""
        action, parameters = request_of(
            target_of(operation.entity),
            self._books[operation.entity],
            operation.action,
            operation.identity,
            fields,
            operation.before,
        )
        return self._client.run(action, parameters)

    def _resolved(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Fields with ids in place of what stands for a record that this run has made."""
        return {name: made_id(self._journal, value) for name, value in fields.items()}

    def _finished(self, running: Mapping[Future[Any], PlannedWrite], waiting: deque[PlannedWrite]) -> set[Future[Any]]:
        if not running:
            soonest = min(operation.not_before for operation in waiting)
            time.sleep(max(0.0, min(soonest - time.monotonic(), _LONGEST_PAUSE)))
            return set()
        return wait(running, timeout=1.0, return_when=FIRST_COMPLETED).done

    # ---- one answer

    def _take(self, future: Future[Any], operation: PlannedWrite, waiting: deque[PlannedWrite]) -> BaseException | None:
        """Journal what became of an operation; returns what ends the run."""
        error = future.exception()
        if error is None:
            self._done(operation, future.result())
            return None
        if isinstance(error, PipedriveNotFoundError) and operation.action == "delete":
            self._done(operation, None, note="it was gone already")
            return None
        if isinstance(error, PipedriveValidationError | PipedriveNotFoundError | PipedriveParameterError):
            return self._refused(operation, error)
        if isinstance(error, _UNCLEAR) and operation.action == "create" and not _nothing_sent(error):
            self._journal.run("UPDATE operations SET state = 'lost' WHERE operation = ?", [operation.number])
            return self._spent(operation, error)
        if isinstance(error, _UNCLEAR) and (error.retryable or _nothing_sent(error)):
            spent = self._spent(operation, error)
            if spent is None:
                pause = min(0.5 * 2**operation.attempts, _LONGEST_PAUSE)
                waiting.append(replace(operation, attempts=operation.attempts + 1, not_before=time.monotonic() + pause))
            return spent
        if operation.action == "create":  # it was not carried out: another try may send it
            self._journal.run("UPDATE operations SET state = 'planned' WHERE operation = ?", [operation.number])
        return error

    def _spent(self, operation: PlannedWrite, error: BaseException) -> BaseException | None:
        tries = (self._journal.get(f"tries {operation.number}") or 0) + 1
        self._journal.set(**{f"tries {operation.number}": tries})
        return error if tries >= self._client.settings.max_attempts else None

    def _done(self, operation: PlannedWrite, answer: Any, note: str | None = None) -> None:
        identity = operation.identity
        if operation.action == "create" and isinstance(answer, Mapping):
            identity = answer.get(target_of(operation.entity).record_id)
        seen = answer.get("update_time") if isinstance(answer, Mapping) else None
        self._journal.run(
            "UPDATE operations SET state = 'done', id = ?, note = ? WHERE operation = ?",
            [to_json(identity), note or seen, operation.number],
        )

    def _refused(self, operation: PlannedWrite, error: PipedriveError) -> BaseException | None:
        """Pipedrive does not take this one row: it is set aside, and the others go on."""
        reason = error.reason or str(error)
        if isinstance(error, PipedriveNotFoundError):
            reason = "the record was deleted after it was looked at"
        self._journal.run(
            "UPDATE operations SET state = 'rejected', note = ? WHERE operation = ?", [reason, operation.number]
        )
        if operation.row is None:
            return None  # a record for rows to refer to: those rows are counted, after this phase
        given = self._journal.one("SELECT given FROM rows WHERE row = ?", [operation.row])
        self._journal.reject(operation.row, reason, self._field_in(reason, operation), given)
        self._rejected += 1
        if self._rejected > self._job.allowed_rejects(self._rows):
            return too_many_rejects(self._rejected, self._rows, self._job, f"row {operation.row}: {reason}")
        return None

    def _field_in(self, reason: str, operation: PlannedWrite) -> str | None:
        """The field that Pipedrive's words name, as people call it."""
        fields = self._books[operation.entity].fields
        return next((str(fields[key]) for key in operation.fields if key in reason and key in fields), None)

    def _report(self) -> None:
        now = time.monotonic()
        if now - self._reported >= _PROGRESS_EVERY:
            self._reported = now
            done, whole = self._journal.run("SELECT sum(state = 'done'), count(*) FROM operations").fetchone()
            log.info("%s: %d of %d written, %d rejected.", self._job.entity, done or 0, whole, self._rejected)


def _nothing_sent(error: BaseException) -> bool:
    return isinstance(error, PipedriveConnectionError) and error.nothing_sent


def too_many_rejects(rejected: int, rows: int, job: BulkJob, example: str) -> PipedriveRejectedRowsError:
    """The error for more rejects than a job allows."""
    return PipedriveRejectedRowsError(
        f"Rejected: {rejected} of {counted(rows, 'row')}, more than max_rejects={job.max_rejects} allows; for example "
        f"{example}. "
        "The folder's rejects.jsonl has each row with its reason. What was written before is journalled: raise "
        "max_rejects and write again with the same folder, or write the corrected rows in another one."
    )
