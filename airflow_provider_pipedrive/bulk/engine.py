"""A run from rows to receipt."""

from __future__ import annotations

import hashlib
import logging
import pickle  # nosec B403 # for a file that this process alone writes
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from airflow_provider_pipedrive.bulk.approval import (
    Ask,
    PlanApproval,
    Proposal,
    only_with,
    proposal_of,
    unapproved,
    with_names,
)
from airflow_provider_pipedrive.bulk.context import RunContext, context_of
from airflow_provider_pipedrive.bulk.edits import count_edits
from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.journal import row_to_json
from airflow_provider_pipedrive.bulk.made_meanwhile import set_aside_made_meanwhile
from airflow_provider_pipedrive.bulk.mirror import journal_in
from airflow_provider_pipedrive.bulk.new_options import NewOptions
from airflow_provider_pipedrive.bulk.planning import check_bounds, make_plan, price_left, server_now
from airflow_provider_pipedrive.bulk.reading import Digest
from airflow_provider_pipedrive.bulk.receipt import receipt_of, show
from airflow_provider_pipedrive.bulk.run_usage import RunUsage
from airflow_provider_pipedrive.bulk.turns import in_turn
from airflow_provider_pipedrive.bulk.writing import OperationWriter
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)


def write(client: PipedriveClient, rows: Iterable[Mapping[str, Any]], job: BulkJob, *, folder: Any) -> dict[str, Any]:
    """Write rows to Pipedrive.

    Called again with the same rows and folder, a run that died continues after its last row, and one that has ended
    answers its receipt again.

    :param rows: dicts of column to value, read once, one after the other
    :param folder: where the run keeps what it has decided and done; a folder a run. A local path, or one in object
        storage, like a ``pathlib.Path``
    :returns: the receipt: ``created``, ``updated``, ``unchanged``, ``deleted``, ``rejected`` (numbers of rows and
        records of the whole run), ``requests``, ``tokens``, ``seconds``, ``dry_run``, ``edited_meanwhile``, ``lookup``
        (how the rows' keys were found: ``index``, by reading the list, or ``search``; else None), and the paths
        ``rejects``, ``diff`` and ``results`` (JSON lines) as text, or None where there is nothing in them
    :raises PipedriveParameterError: a column or a label is wrong, or the folder is another run's: nothing was
        written
    :raises PipedriveRejectedRowsError: more rows are rejected than ``max_rejects`` allows
    :raises PipedriveTokenCapError: ``max_tokens`` or ``max_writes`` would be exceeded
    :raises PipedriveError: what ended the run; what was done is journalled
    """
    receipt = _run(client, rows, job, folder, None)
    assert isinstance(receipt, dict), "nobody is asked"
    return receipt


def write_when_approved(
    client: PipedriveClient,
    rows: Iterable[Mapping[str, Any]],
    job: BulkJob,
    *,
    folder: Any,
    approval: PlanApproval | None,
) -> dict[str, Any] | Proposal:
    """Like :func:`write`, but only what somebody has approved is written.

    The plan is made of what Pipedrive has now. Where it is not the one that was approved, nothing is written, and it is
    returned to be looked at. A run that has begun to write continues: its plan stays.

    :param approval: who has approved which plan, if anybody has
    :returns: the receipt, or the plan that is to be approved
    :raises PipedriveError: as :func:`write` does
    """
    return _run(client, rows, job, folder, only_with(approval))


def _run(
    client: PipedriveClient,
    rows: Iterable[Mapping[str, Any]],
    job: BulkJob,
    folder: Any,
    ask: Ask | None,
) -> dict[str, Any] | Proposal:
    journal = journal_in(folder)
    try:
        return _BulkRun(context_of(client, job, journal), ask).do(rows)
    except sqlite3.OperationalError as error:
        raise PipedriveError(
            f"{folder}: the run's journal cannot be kept: {error}. What was written before is journalled: make room, "
            "and write again with the same folder.",
            retryable=True,
        ) from error
    finally:
        journal.close()


class _BulkRun:
    def __init__(self, context: RunContext, ask: Ask | None) -> None:
        self._context = context
        self._ask = ask
        self._client = context.client
        self._job = context.job
        self._journal = context.journal
        self._usage = RunUsage(self._client, self._journal)

    def do(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | Proposal:
        if self._job.diff == "state" and iter(rows) is rows:
            with tempfile.TemporaryFile(prefix="pipedrive-rows-") as file:
                return self._do(_Spooled(rows, file))  # held against the last run's rows, and then perhaps planned
        return self._do(rows)

    def _do(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | Proposal:
        identity = self._identity()
        account = f"{self._client.origin} {self._context.directory.owner.company_id}"
        run = str(self._journal.get("run") or uuid4())
        with (
            in_turn(self._job, account, run) as had_last_turn,
            self._usage.capped(self._job.max_tokens, self._spent(identity)),
        ):
            has_begun = self._has_begun(identity, rows)
            if not has_begun:
                self._plan(identity, run, rows)
            elif receipt := self._journal.get("receipt"):
                log.info(
                    "%s: the run in %s has ended, and this is its receipt again: nothing was compared or written. To "
                    "compare the rows again, give each run a folder of its own.",
                    self._job.entity,
                    self._journal.folder,
                )
                return dict(receipt)
            elif not had_last_turn:
                set_aside_made_meanwhile(self._context)
            check_bounds(self._context)
            if not self._job.dry_run:
                propose = partial(proposal_of, self._context)
                if not has_begun and (proposal := unapproved(self._journal, self._ask, propose)):
                    return with_names(self._context, proposal)
                self._write()
            return self._receipt()

    def _identity(self) -> str:
        """Account and job: what two tries of a run must agree on."""
        company = self._context.directory.owner.company_id
        return hashlib.sha256(f"{company} {self._job.identity()}".encode()).hexdigest()

    def _spent(self, identity: str) -> int:
        """API tokens that earlier tries of this run have spent."""
        return int((self._usage_before(identity) or {}).get("tokens", 0))

    def _usage_before(self, identity: str) -> dict[str, Any] | None:
        """Requests, tokens and seconds of earlier tries of this run."""
        is_same = self._journal.get("identity") == identity and not self._journal.get("receipt")
        return self._journal.get("usage") if is_same else None

    # ---- the plan

    def _has_begun(self, identity: str, rows: Iterable[Mapping[str, Any]]) -> bool:
        """Whether an earlier try of this run has begun to write: then its plan is carried out.

        Until then nothing was written, and another plan does no harm.

        :raises PipedriveParameterError: the folder is another run's
        """
        journal = self._journal
        if journal.get("undone"):
            raise PipedriveParameterError(f"The run in {journal.folder} was undone: give another folder.")
        if not journal.get("writing_since"):
            return False
        has_ended = journal.get("receipt") is not None
        if journal.get("identity") == identity and journal.get("digest") == _digest(rows):
            if not has_ended:
                log.info("%s: continuing the run that was begun in %s.", self._job.entity, journal.folder)
            return True
        if has_ended and self._job.diff == "state":
            return False
        raise PipedriveParameterError(
            f"{journal.folder} holds the journal of another run: other rows, another job or another account. Give "
            "each run a folder of its own; to continue a run, give it the same rows and job."
        )

    def _plan(self, identity: str, run: str, rows: Iterable[Mapping[str, Any]]) -> None:
        company = self._context.directory.owner.company_id
        if self._journal.get("company") not in (None, company):
            self._journal.run("DELETE FROM state")  # another company's records are not these
        usage = self._usage_before(identity)
        self._journal.clear()
        self._journal.set(identity=identity, company=company, usage=usage, run=run)
        make_plan(self._context, rows)

    # ---- writing

    def _write(self) -> None:
        if not self._journal.get("writing_since"):
            self._journal.set(writing_since=server_now(self._client).isoformat())
            self._journal.store_plan()
        count_edits(self._context)
        NewOptions(self._context.book, self._journal).add()
        OperationWriter(self._context).write()

    # ---- afterwards

    def _receipt(self) -> dict[str, Any]:
        self._usage.keep()
        if self._job.dry_run:
            show(self._context)
            return receipt_of(self._context, price=price_left(self._journal))
        receipt = receipt_of(self._context, price=None)
        with self._journal.transaction():
            self._keep_state()
            self._journal.set(receipt=receipt)
        return receipt

    def _keep_state(self) -> None:
        """What each row's record has now, for a later run in this folder that compares with it."""
        if self._job.diff != "state":
            return
        if self._job.mode == "delete":
            self._journal.run("DELETE FROM state WHERE key IN (SELECT key FROM rows)")
            return
        self._journal.run(
            "INSERT OR REPLACE INTO state SELECT key, coalesce("
            "(SELECT id FROM operations WHERE operations.row = rows.row AND state = 'done'),"
            "(SELECT id FROM matches WHERE matches.row = rows.row)), fields "
            "FROM rows WHERE key IS NOT NULL AND row NOT IN (SELECT row FROM rejects)"
        )


class _Spooled:
    """Rows that can be read once, to be read again: in a file, so that memory does not grow."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], file: IO[bytes]) -> None:
        self._file = file
        for row in rows:
            pickle.dump(row, file)

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        self._file.seek(0)
        with suppress(EOFError):
            while True:
                yield pickle.load(self._file)  # nosec B301 # it has what `__init__` wrote


def _digest(rows: Iterable[Mapping[str, Any]]) -> str:
    digest = Digest()
    for row in rows:
        digest.add(row_to_json(row))
    return digest.text
