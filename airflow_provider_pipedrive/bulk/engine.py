"""A run from rows to receipt."""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.difference import Difference, described
from airflow_provider_pipedrive.bulk.index import RecordIndex
from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.journal import Journal, row_to_json
from airflow_provider_pipedrive.bulk.matching import shown_key
from airflow_provider_pipedrive.bulk.mirror import journal_in
from airflow_provider_pipedrive.bulk.new_options import ADD_OPTIONS, NewOptions
from airflow_provider_pipedrive.bulk.reading import Columns, Digest, RowReader
from airflow_provider_pipedrive.bulk.related import RelatedRecords
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.bulk.writing import OperationWriter, too_many_rejects
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.fields import DEFINITIONS, FieldBook
from airflow_provider_pipedrive.client.record_links import record_url
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveTokenCapError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
_FEW = 20
_JUST_NOW = timedelta(seconds=30)
_SHOWN = 20
"""Records of a dry run that the log shows."""


def write(client: PipedriveClient, rows: Iterable[Mapping[str, Any]], job: BulkJob, *, folder: Any) -> dict[str, Any]:
    """Write rows to Pipedrive.

    Called again with the same rows and folder, a run that died continues after its last row, and one that has ended
    answers its receipt again.

    :param rows: dicts of column to value, read once, one after the other
    :param folder: where the run keeps what it has decided and done; a folder a run. A local path, or one in object
        storage, like a ``pathlib.Path``
    :returns: the receipt: ``created``, ``updated``, ``unchanged``, ``deleted``, ``rejected`` (numbers of rows and
        records of the whole run), ``requests``, ``tokens``, ``seconds``, ``dry_run``, ``edited_meanwhile``, and the
        paths ``rejects``, ``diff`` and ``results`` (JSON lines) as text, or None where there is nothing in them
    :raises PipedriveParameterError: the job, a column or a label is wrong, or the folder is another run's: nothing was
        written
    :raises PipedriveRejectedRowsError: more rows are rejected than ``max_rejects`` allows
    :raises PipedriveTokenCapError: ``max_tokens`` or ``max_writes`` would be exceeded
    :raises PipedriveError: what ended the run; what was done is journalled
    """
    job.check()
    journal = journal_in(folder)
    try:
        return _BulkRun(client, job, journal).do(rows)
    except sqlite3.OperationalError as error:
        raise PipedriveError(
            f"{folder}: the run's journal cannot be kept: {error}. What was written before is journalled: make room, "
            "and write again with the same folder.",
            retryable=True,
        ) from error
    finally:
        journal.close()


class _BulkRun:
    def __init__(self, client: PipedriveClient, job: BulkJob, journal: Journal) -> None:
        self.client = client
        self.job = job
        self.journal = journal
        directory = Directory(client)
        self.directory = directory
        self.books = {
            entity: FieldBook(client, entity, target_of(entity).fields_action, directory)
            for entity in dict.fromkeys([job.entity, "persons", "organizations"])
        }
        self.book = self.books[job.entity]
        self._began = time.monotonic()
        self._before = (client.usage.requests, client.usage.tokens)

    def do(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        cap = self.client.token_cap
        if self.job.max_tokens is not None:
            self.client.token_cap = self.client.usage.tokens + self.job.max_tokens - self._spent()
        try:
            finished = self._planned(rows)
            if finished is not None:
                return finished
            self._refuse()
            if not self.job.dry_run:
                self._write()
            return self._receipt()
        finally:
            self._keep_usage()
            self.client.token_cap = cap

    def _spent(self) -> int:
        """API tokens that earlier tries of this run have spent."""
        if self.journal.get("identity") != self._identity() or self.journal.get("receipt"):
            return 0
        return int((self.journal.get("usage") or {}).get("tokens", 0))

    # ---- the plan

    def _planned(self, rows: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
        """Make the plan, unless an earlier try has.

        :returns: the receipt of a run that has ended
        """
        identity = self._identity()
        kept = self.journal.get("identity")
        if self.journal.get("undone"):
            raise PipedriveParameterError(f"The run in {self.journal.folder} was undone: give another folder.")
        if self.journal.get("writing_since"):  # until then nothing was written, and another plan does no harm
            same = kept == identity and self.journal.get("digest") == _digest(rows)
            receipt: dict[str, Any] | None = self.journal.get("receipt")
            if same:
                if receipt is None:
                    log.info("%s: continuing the run that was begun in %s.", self.job.entity, self.journal.folder)
                return receipt
            if receipt is None or self.job.diff != "state":
                raise PipedriveParameterError(
                    f"{self.journal.folder} holds the journal of another run: other rows, another job or another "
                    "account. Give each run a folder of its own; to continue a run, give it the same rows and job."
                )
        company = self.directory.me.get("company_id")
        if self.journal.get("company") not in (None, company):
            self.journal.run("DELETE FROM state")  # another company's records are not these
        usage = self.journal.get("usage") if kept == identity and not self.journal.get("receipt") else None
        self.journal.clear()
        self.journal.set(identity=identity, company=company, usage=usage)
        columns = Columns(self.job, self.book)
        number = RowReader(self.job, self.book, self.journal, columns).read(rows)
        RelatedRecords(self.client, self.journal, columns, create=self.job.create_related).resolve()
        if columns.key:
            self.journal.set(read_at=self._now().isoformat())
            RecordIndex(self.client, self.job, self.book, self.journal, columns).read()
        difference = Difference(self.job, self.book, self.journal, columns)
        difference.plan()
        NewOptions(self.book, self.journal).plan()
        diff = self.journal.lines("diff.jsonl", described(self.book, self.job.entity, self.journal))
        self.journal.set(diff=diff)
        log.info(
            "%s: %s; %s; %d unchanged, %d rejected; writing costs about %s.",
            self.job.entity, counted(number, "row"), _described(self._planned_actions()) or "nothing to write",
            difference.unchanged, self._rejected, counted(self._price(), "API token"),
        )  # fmt: skip
        return None

    def _identity(self) -> str:
        """Account and job: what two tries of a run must agree on."""
        company = self.directory.me.get("company_id")
        return hashlib.sha256(f"{company} {self.job.identity()}".encode()).hexdigest()

    def _now(self) -> datetime:
        """Pipedrive's clock, in whole seconds."""
        return datetime.fromtimestamp(int(time.time() + (self.client.server_ahead or 0)), UTC)

    def _planned_actions(self) -> dict[str, int]:
        return dict(self.journal.run("SELECT action, count(*) FROM operations GROUP BY action").fetchall())

    @property
    def _rejected(self) -> int:
        return int(self.journal.one("SELECT count(*) FROM rejects"))

    @property
    def _rows(self) -> int:
        return int(self.journal.get("rows") or 0)

    def _price(self) -> int:
        """API tokens of what is planned and not done."""
        left = self.journal.run(
            "SELECT entity, action, count(*) FROM operations WHERE state = 'planned' GROUP BY entity, action"
        ).fetchall()
        return sum(_cost(entity, action) * number for entity, action, number in left)

    # ---- bounds

    def _refuse(self) -> None:
        """Hold the plan against what the job allows; nothing was written yet.

        :raises PipedriveError: it goes beyond
        """
        if self._rejected > self.job.allowed_rejects(self._rows):
            self._write_rejects()
            row, reason = self.journal.run("SELECT row, reason FROM rejects ORDER BY row LIMIT 1").fetchone()
            raise too_many_rejects(self._rejected, self._rows, self.job, f"row {row}: {reason}")
        planned = self._planned_actions()
        removed = int(self.journal.one("SELECT count(*) FROM operations WHERE phase = 2"))
        whole = sum(number for action, number in planned.items() if action != ADD_OPTIONS)
        for name, number in (("max_deletes", removed), ("max_writes", whole)):
            allowed = getattr(self.job, name)
            if allowed is not None and number > allowed and not self.job.dry_run:
                raise PipedriveParameterError(
                    f"The run would {'remove' if name == 'max_deletes' else 'write'} {counted(number, 'record')}, more "
                    f"than {name}={allowed} allows. Nothing was written: look at {self.journal.get('diff')}, and raise "
                    f"{name} if that is right."
                )
        price = self._price()
        cap = self.client.token_cap
        if cap is not None and not self.job.dry_run and self.client.usage.tokens + price > cap:
            raise PipedriveTokenCapError(
                f"Writing costs about {counted(price, 'API token')}, more than is left of "
                f"max_tokens={self.job.max_tokens}, which counts for the whole run. Nothing was written in this "
                "try: write again with a higher max_tokens."
            )

    # ---- writing

    def _write(self) -> None:
        if not self.journal.get("writing_since"):
            self.journal.set(writing_since=self._now().isoformat())
            self.journal.store_plan()
        self._note_edits()
        NewOptions(self.book, self.journal).add()
        OperationWriter(self.client, self.job, self.books, self.journal, self._rows).write()

    def _note_edits(self) -> None:
        """Count the records that somebody has edited since they were looked at: they are written all the same.

        Not where looking would cost as much as writing: for a few records that were looked at just now.
        """
        read_at = self.journal.get("read_at")
        wanted = self.journal.one("SELECT count(*) FROM operations WHERE state = 'planned' AND id IS NOT NULL")
        listed = ACTIONS[self.job.target.listed]
        if not read_at or not wanted or "updated_since" not in listed.by_name or self.job.target.is_link:
            return
        since = datetime.fromisoformat(read_at)
        if wanted < _FEW and datetime.now(UTC) - since < _JUST_NOW:
            return
        edited = 0
        for record in self.client.iterate(listed.key, {"updated_since": since}):
            edited += self.journal.one(
                "SELECT count(*) FROM operations WHERE state = 'planned' AND id = ?1 AND entity = ?2 AND NOT EXISTS "
                "(SELECT 1 FROM matches WHERE matches.id = ?1 AND updated = ?3)",
                [json.dumps(record["id"]), self.job.entity, record.get("update_time")],
            )
        if edited:
            log.warning(
                "%s: %s edited since the comparison: written all the same.",
                self.job.entity,
                counted(edited, "record"),
            )
        self.journal.set(edited_meanwhile=(self.journal.get("edited_meanwhile") or 0) + edited)

    # ---- afterwards

    def _receipt(self) -> dict[str, Any]:
        states = self.journal.run(
            "SELECT action, sum(state = 'done'), count(*) FROM operations WHERE entity = ? GROUP BY action",
            [self.job.entity],
        ).fetchall()
        counts = {action: (whole if self.job.dry_run else done) for action, done, whole in states}
        self._keep_usage()
        receipt = {
            "entity": self.job.entity,
            "mode": self.job.mode,
            "rows": self._rows,
            "created": counts.get("create", 0),
            "updated": counts.get("update", 0),
            "archived": counts.get("archive", 0),
            "unchanged": int(self.journal.get("unchanged") or 0),
            "deleted": counts.get("delete", 0),
            "rejected": self._rejected,
            "related_created": self._related_created(),
            "edited_meanwhile": int(self.journal.get("edited_meanwhile") or 0),
            "dry_run": self.job.dry_run,
            "price": self._price() if self.job.dry_run else None,
            **(self.journal.get("usage") or {}),
            "rejects": self._write_rejects(),
            "diff": self.journal.get("diff"),
            "results": None if self.job.dry_run else self.journal.lines("results.jsonl", self._results()),
        }
        if self.job.dry_run:
            self._show(receipt)
        else:
            with self.journal.transaction():
                self._keep_state()
                self.journal.set(receipt=receipt)
        log.info(
            "%s: %d created, %d updated, %d deleted, %d unchanged, %d rejected; %s, %s, %.1f s.",
            self.job.entity, *(receipt[name] for name in ("created", "updated", "deleted", "unchanged", "rejected")),
            counted(receipt["requests"], "request"), counted(receipt["tokens"], "API token"), receipt["seconds"],
        )  # fmt: skip
        return receipt

    def _keep_state(self) -> None:
        """What each row's record has now, for a later run in this folder that compares with it."""
        if self.job.diff != "state":
            return
        if self.job.mode == "delete":
            self.journal.run("DELETE FROM state WHERE key IN (SELECT key FROM rows)")
            return
        self.journal.run(
            "INSERT OR REPLACE INTO state SELECT key, coalesce("
            "(SELECT id FROM operations WHERE operations.row = rows.row AND state = 'done'),"
            "(SELECT id FROM matches WHERE matches.row = rows.row)), fields "
            "FROM rows WHERE key IS NOT NULL AND row NOT IN (SELECT row FROM rejects)"
        )

    def _related_created(self) -> int:
        state = "planned" if self.job.dry_run else "done"
        return int(
            self.journal.one(
                "SELECT count(*) FROM operations WHERE phase = 0 AND action = 'create' AND state = ?", [state]
            )
        )

    def _keep_usage(self) -> None:
        """Requests, tokens and seconds of the whole run, resumes included."""
        kept = self.journal.get("usage") or {"requests": 0, "tokens": 0, "seconds": 0.0}
        usage, now = self.client.usage, time.monotonic()
        self.journal.set(
            usage={
                "requests": kept["requests"] + usage.requests - self._before[0],
                "tokens": kept["tokens"] + usage.tokens - self._before[1],
                "seconds": round(kept["seconds"] + now - self._began, 3),
            }
        )
        self._before, self._began = (usage.requests, usage.tokens), now

    def _write_rejects(self) -> str | None:
        found = self.journal.each("SELECT row, reason, field, given FROM rejects ORDER BY row")
        return self.journal.lines(
            "rejects.jsonl",
            (
                {"row": row, "reason": reason, "field": field, "values": json.loads(given)}
                for row, reason, field, given in found
            ),
        )

    def _results(self) -> Iterator[dict[str, Any]]:
        done = self.journal.each(
            "SELECT row, key, action, id FROM operations WHERE state = 'done' AND entity = ? AND action != ? "
            "ORDER BY row, operation",
            [self.job.entity, ADD_OPTIONS],
        )
        for row, key, action, identity in done:
            known = None if identity is None else json.loads(identity)
            link = record_url(self.job.entity, known, self.client.origin) if action != "delete" else None
            yield {"row": row, "key": shown_key(key) or None, "action": action, "id": known, "link": link}

    def _show(self, receipt: Mapping[str, Any]) -> None:
        """The first records of a dry run, as people read them."""
        for number, record in enumerate(described(self.book, self.job.entity, self.journal)):
            if number == _SHOWN:
                log.info("... and more: %s", receipt["diff"])
                break
            changes = [
                f"{name}: {_brief(record['before'].get(name))} -> {_brief(after)}"
                for name, after in record["after"].items()
            ]
            log.info(
                "%s %s %s: %s",
                record["action"],
                self.job.entity,
                record["id"] or record["key"] or "",
                "; ".join(changes) or "-",
            )


def _brief(value: Any) -> str:
    text = "-" if value is None else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _described(actions: Mapping[str, int]) -> str:
    words = {ADD_OPTIONS: "fields to get options"}
    return ", ".join(f"{number} {words.get(action, f'to {action}')}" for action, number in sorted(actions.items()))


def _cost(entity: str, action: str) -> int:
    target = target_of(entity)
    keys = {"create": target.create, "delete": target.delete, ADD_OPTIONS: _adding_options(entity)}
    return ACTIONS[keys.get(action) or target.update or target.create].token_cost


def _digest(rows: Iterable[Mapping[str, Any]]) -> str:
    digest = Digest()
    for row in rows:
        digest.add(row_to_json(row))
    return digest.text


def _adding_options(entity: str) -> str | None:
    return DEFINITIONS[entity].add_options if entity in DEFINITIONS else None
