"""What becomes of an operation that was sent: done, refused, lost, to be sent again, or the end of the run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.journal import to_json
from airflow_provider_pipedrive.bulk.receipt import write_rejects
from airflow_provider_pipedrive.bulk.related import CREATED, named
from airflow_provider_pipedrive.bulk.requests import PlannedWrite
from airflow_provider_pipedrive.bulk.targets import target_of
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

_UNCLEAR = (PipedriveConnectionError, PipedriveServerError, PipedriveResponseError)
_REFUSED = (PipedriveValidationError, PipedriveNotFoundError, PipedriveParameterError)
LONGEST_PAUSE = 10.0
"""Seconds until what met a passing fault is sent again, at most."""


class Outcomes:
    """Journals answers.

    :ivar failure: what ends the run, as soon as there is something
    :ivar rejected: how many rows are set aside
    """

    def __init__(self, run: RunContext) -> None:
        self._run = run
        self._journal = run.journal
        self.rejected = run.journal.rejected
        self.failure: BaseException | None = None
        self._carried_out: list[tuple[str, str | None, int]] = []

    def take(self, operation: PlannedWrite, answer: Any, error: BaseException | None) -> PlannedWrite | None:
        """Journal what became of an operation; one that was carried out with the next :meth:`keep`.

        :returns: what is to be sent again, after a pause
        """
        if error is None:
            self._done(operation, answer)
        elif isinstance(error, PipedriveNotFoundError) and operation.action == "delete":
            self._done(operation, None, note="it was gone already")
        elif isinstance(error, _REFUSED):
            self._refused(operation, error)
        elif isinstance(error, _UNCLEAR) and operation.action == "create" and not _nothing_sent(error):
            self._note(operation, "lost", None)
            self._may_be_tried(operation, error)
        elif isinstance(error, _UNCLEAR) and (error.retryable or _nothing_sent(error)):
            if self._may_be_tried(operation, error):
                pause = min(0.5 * 2**operation.attempts, LONGEST_PAUSE)
                return replace(operation, attempts=operation.attempts + 1, not_before=time.monotonic() + pause)
        else:
            if operation.action == "create":  # it was not carried out: another try may send it
                self._note(operation, "planned", None)
            self.failure = error
        return None

    def keep(self) -> None:
        """Journal what was carried out since the last call: one statement for many costs less than one for each."""
        self._journal.many(
            "UPDATE operations SET state = 'done', id = ?, note = ? WHERE operation = ?", self._carried_out
        )
        self._carried_out.clear()

    def refuse_dependants(self) -> None:
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
            self.rejected += len(dependants)
            if dependants and self._are_too_many():
                raise too_many_rejects(self.rejected, self._run, f"row {dependants[0][1]}: {reason}")

    def _done(self, operation: PlannedWrite, answer: Any, note: str | None = None) -> None:
        identity = operation.identity
        if operation.action == "create" and isinstance(answer, Mapping):
            identity = answer.get(target_of(operation.entity).record_id)
        seen = answer.get("update_time") if isinstance(answer, Mapping) else None
        self._carried_out.append((to_json(identity), note or seen, operation.number))

    def _refused(self, operation: PlannedWrite, error: PipedriveError) -> None:
        """Pipedrive does not take this one row: it is set aside, and the others go on."""
        reason = error.reason or str(error)
        if isinstance(error, PipedriveNotFoundError):
            reason = "the record was deleted after it was looked at"
        self._note(operation, "rejected", reason)
        if operation.row is None:
            return  # a record for rows to refer to: those rows are counted, after this phase
        given = self._journal.one("SELECT given FROM rows WHERE row = ?", [operation.row])
        self._journal.reject(operation.row, reason, self._field_in(reason, operation), given)
        self.rejected += 1
        if self._are_too_many():
            self.failure = too_many_rejects(self.rejected, self._run, f"row {operation.row}: {reason}")

    def _are_too_many(self) -> bool:
        return self.rejected > self._run.job.allowed_rejects(self._journal.rows)

    def _may_be_tried(self, operation: PlannedWrite, error: BaseException) -> bool:
        """Whether an operation that met a fault has tries left; without, the fault ends the run."""
        tries = (self._journal.get(f"tries {operation.number}") or 0) + 1
        self._journal.set(**{f"tries {operation.number}": tries})
        if tries < self._run.client.settings.max_attempts:
            return True
        self.failure = error
        return False

    def _note(self, operation: PlannedWrite, state: str, note: str | None) -> None:
        self._journal.run(
            "UPDATE operations SET state = ?, note = coalesce(?, note) WHERE operation = ?",
            [state, note, operation.number],
        )

    def _field_in(self, reason: str, operation: PlannedWrite) -> str | None:
        """The field that Pipedrive's words name, as people call it."""
        fields = self._run.books[operation.entity].fields
        return next((str(fields[key]) for key in operation.fields if key in reason and key in fields), None)


def _nothing_sent(error: BaseException) -> bool:
    return isinstance(error, PipedriveConnectionError) and error.nothing_sent


def too_many_rejects(rejected: int, run: RunContext, example: str) -> PipedriveRejectedRowsError:
    """The error for more rejects than a job allows; each of them is in a file then."""
    advice = (
        "What was written before is journalled: raise max_rejects and write again with the same folder, or write the "
        "corrected rows in another one."
        if run.journal.get("writing_since")
        else "Nothing was written: correct the rows, or raise max_rejects to write the others."
    )
    return PipedriveRejectedRowsError(
        f"Rejected: {rejected} of {counted(run.journal.rows, 'row')}, more than max_rejects={run.job.max_rejects} "
        f"allows; for example {example}. Each row with its reason: {write_rejects(run.journal)}. {advice}"
    )
