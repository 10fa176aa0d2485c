"""One extraction: entities in, published parts and a receipt out."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.responses import read_json as parsed
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveResponseError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.entities import EXACT, HISTORIES, OBSERVED, entity_of
from airflow_provider_pipedrive.extraction.output.staging import MANIFEST, Encoder, EntityStaging, RawEncoder, RunFolder
from airflow_provider_pipedrive.extraction.progress import Progress
from airflow_provider_pipedrive.extraction.reading.histories import (
    COLUMNS,
    FixedEncoder,
    has_observed,
    keep_observed,
    observe,
    read_stage_history,
)
from airflow_provider_pipedrive.extraction.reading.increments import Changes, Window, read_by_parents
from airflow_provider_pipedrive.extraction.reading.listing import pages_of
from airflow_provider_pipedrive.extraction.reading.pages import Identity, as_dict, server_time
from airflow_provider_pipedrive.extraction.reading.snapshot import Ids, ReadOutcome, Snapshot
from airflow_provider_pipedrive.extraction.reading.sweep import LandedIds, confirm, sweep, sweepable
from airflow_provider_pipedrive.extraction.reading.walk import ReadStats, RequestPool, Stopped
from airflow_provider_pipedrive.extraction.rows.columns import Column, RowSchema, row_schema
from airflow_provider_pipedrive.extraction.storage.files import STATE, plain, read_json, write_json
from airflow_provider_pipedrive.extraction.storage.versioned import Conflict, read_versioned, replace_versioned
from airflow_provider_pipedrive.extraction.watermarks import CLAIMS_KEPT, Watermarks, WindowClaim

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.extraction.output.formats import PartWriter

log = logging.getLogger(__name__)
_SHRINK = 0.1
_AT_ONCE = 8


def extract(
    client: PipedriveClient,
    path: Any,
    job: ExtractionJob,
    *,
    run: str | None = None,
    owner: str | None = None,
    writer: str | None = None,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, Any]:
    """Extract a job's entities into a folder.

    A run that died, or spent its tokens, goes on where it ended when it is called again with the same job and path.

    :param path: the folder: a ``pathlib.Path``, or a path of the same kind into object storage
    :param run: the run's name, and its receipt's; by default the time, which makes each call a run of its own. Called
        again under the same name, a run that goes by its watermark reads its own window again
    :param owner: who runs it, the same at every try
    :param writer: who runs it night after night: no snapshot takes the place of another writer's that has other
        ``parameters``
    :returns: the receipt, which is also kept in ``_pipedrive/receipts``
    :raises PipedriveParameterError: the job cannot be, found before anything was sent
    :raises PipedriveTokenCapError: ``max_tokens`` would be exceeded
    :raises PipedriveError: what ended it
    :raises OSError: the folder cannot be written to
    """
    job.check()
    run = run or f"{_stamp(clock())}-{uuid.uuid4().hex[:6]}"
    return _Run(client, plain(path), job, run, owner or f"pid {os.getpid()}", writer, clock, sleep).do()


class _Run:
    def __init__(
        self,
        client: PipedriveClient,
        path: Any,
        job: ExtractionJob,
        run: str,
        owner: str,
        writer: str | None,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self.client = client
        self.path = path
        self.job = job
        self.run = run
        self.writer = writer
        # What changed lands beside what the runs before have landed, never in its place: their rows come no more.
        self.partition = job.partition or (f"run={_safe(run)}" if job.mode == "changes" else "")
        self.clock = clock
        self._sleep = sleep
        self._began = clock()
        self._before = (client.usage.requests, client.usage.tokens)
        self.run_folder = RunFolder(path, job.key, owner, job.keep_previous)
        self.progress = Progress(client, clock, self.run_folder.touch)
        self.pool = RequestPool(client, job.concurrency, self.progress.watch)
        self.stats = {name: ReadStats() for name in job.entities}
        self.schemas: dict[str, RowSchema] = {}
        self._definitions: dict[str, Future[list[dict[str, Any]]]] = {}
        self._deciding = threading.Lock()
        self.parts: dict[str, EntityStaging] = {}
        self.windows: dict[str, Window | None] = {}
        self.claims: dict[str, WindowClaim] = {}
        self.outcomes: dict[str, ReadOutcome] = {}
        self.known: dict[str, LandedIds] = {}

    def do(self) -> dict[str, Any]:
        cap = self.client.token_cap
        if self.job.max_tokens is not None:
            self.client.token_cap = self.client.usage.tokens + self.job.max_tokens
        try:
            self.account = self._account()
            self._refuse_another_company()
            self.run_folder.read_as(self.account)
            self._read_all()
            self._keep_company()
            self._refuse_shrunk()
            self._look_for_deleted()
            self.pool.close()
            return self._publish()
        except BaseException:
            self.pool.close()  # before another may go on from what was read
            self._release()
            raise
        finally:
            self.client.token_cap = cap

    def _release(self) -> None:
        try:
            self.run_folder.release()
        except OSError as error:  # a storage out of reach: what ended the run is what counts, and the lease runs out
            log.warning("The lease in %s stays: %s", self.run_folder.folder, error)

    # ---- reading

    def _read_all(self) -> None:
        if self.job.mode == "changes":  # whose watermark it goes by
            self._scope = {**self.account, "columns": self.job.columns}
            self._wait_for_until()
        entities = [entity_of(name) for name in self.job.entities]
        self._ask_for_definitions(entities)
        for entity in entities:
            self.windows[entity.name] = self._window(entity)
            self.parts[entity.name] = self.run_folder.entity(
                entity.name,
                self.job.format,
                self._encoder(entity),
                self.partition,
                escape_formulas=self.job.escape_formulas,
            )
            self.parts[entity.name].edge = timedelta(seconds=2 * self.job.lookback)
        alone = [entity for entity in entities if entity.parent is None and entity.name != OBSERVED]
        self._together(alone, self._read)
        self._together([entity for entity in entities if entity.parent is not None], self._read_children)
        self._together([entity for entity in entities if entity.name == OBSERVED], self._observe)
        self._know_schemas()
        self.progress.end(self.stats)

    def _together(self, entities: Sequence[Entity], read: Callable[[Entity], ReadOutcome]) -> None:
        def one(entity: Entity) -> None:
            try:
                self.outcomes[entity.name] = read(entity)
                self.parts[entity.name].note_present(self._now)
            except Stopped:
                log.info("%s: stopped, because another entity failed; what was read is kept.", entity.name)
            except BaseException as error:  # noqa: BLE001 - raised below, when the others have stopped too
                self.pool.failure = self.pool.failure or error
            finally:
                self.parts[entity.name].abort()  # what is unfinished after an error; nothing after a success
                self.progress.done(entity.name)

        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="entity") as pool:
            waiting = {pool.submit(one, entity) for entity in entities}
            try:
                while waiting:
                    waiting = wait(waiting, timeout=1).not_done
                    self.progress.watch()
            except BaseException as error:  # the task is being ended: the others must not read on to their ends
                self.pool.failure = self.pool.failure or error
                raise
        if self.pool.failure is not None:
            raise self.pool.failure

    def _read(self, entity: Entity) -> ReadOutcome:
        staging, stats = self.parts[entity.name], self.stats[entity.name]
        self.progress.begin(entity.name, stats)
        if staging.publishing:
            return self._published_before(staging)
        parameters = self.job.parameters.get(entity.name, {})
        shown = self._shown(entity)
        window = self.windows[entity.name]
        if entity.name == EXACT:
            claim = self.claims.get(entity.name)
            until = claim.until if claim else None
            return read_stage_history(self.pool, staging, window, parameters, stats, until)
        if window is None:
            return Snapshot(
                self.pool,
                entity,
                staging,
                stats,
                parameters=parameters,
                shown=shown,
                lookback=self.job.lookback,
                clock=self.clock,
            ).read()
        return Changes(
            self.pool, entity, staging, stats, window, parameters=parameters, shown=shown, deletes=self.job.deletes
        ).read()

    @staticmethod
    def _published_before(staging: EntityStaging) -> ReadOutcome:
        """What an entity came to whose publication was interrupted: all of it is read, and decided."""
        staging.load()
        about, deleted = staging.publication()
        return ReadOutcome(about["strategy"], about["completeness"], staging.newest, deleted=deleted)

    def _read_children(self, entity: Entity) -> ReadOutcome:
        staging, stats = self.parts[entity.name], self.stats[entity.name]
        self.progress.begin(entity.name, stats)
        if staging.publishing:
            return self._published_before(staging)
        parent = str(entity.parent)
        if parent in self.parts:
            parents = sorted(set(self.parts[parent].ids()) - self.outcomes[parent].removed.keys(), key=str)
        else:
            pages = pages_of(self.pool, entity_of(parent), {}, stats)
            parents = [key.id for page in pages for key in page.keys]
        return read_by_parents(self.pool, entity, staging, parents, self.job.parameters.get(entity.name, {}), stats)

    def _observe(self, entity: Entity) -> ReadOutcome:
        deals, staging = self.parts["deals"], self.parts[entity.name]
        if staging.publishing:
            return self._published_before(staging)
        if deals.publishing:  # what was seen in them is written
            staging.load()
            return ReadOutcome("observed", {"kind": "observed"}, staging.newest)
        before = read_json(self._receipt) or {}
        if entity.name in before.get("entities", {}) and not has_observed(self._stages, self.run):
            raise PipedriveParameterError(
                f"{entity.name}: the run {self.run} has landed the moves that it saw, and which they were is not known "
                f"any more: those of the last {CLAIMS_KEPT} runs are kept. Nothing was published, and what it has "
                f"landed stays. Start a new run, or leave out {entity.name}."
            )
        dropped = {part.name: set(self.outcomes["deals"].dropped(part)) for part in deals.finished}
        return observe(staging, deals, dropped, self._stages, self.run)

    @property
    def _stages(self) -> Any:
        return self.path / STATE / "stages.json"

    def _shown(self, entity: Entity) -> dict[str, Any]:
        return {"include_option_labels": True} if entity.option_labels and self.job.columns == "readable" else {}

    # ---- before reading

    def _account(self) -> dict[str, Any]:
        """Who reads, and Pipedrive's clock."""
        me, headers = self.client.page("getCurrentUser", {}, lambda body: parsed(body)["data"])
        self.pool.latest = server_time(headers)
        if not isinstance(me, dict):
            raise PipedriveResponseError("getCurrentUser: no user came.", action="getCurrentUser")
        return {"company_id": me.get("company_id"), "user_id": me.get("id")}

    @property
    def _now(self) -> datetime:
        return self.pool.latest or datetime.fromtimestamp(self.clock(), UTC)

    def _wait_for_until(self) -> None:
        """A window closes when Pipedrive's clock has passed its end by the lookback."""
        if self.job.until is None:
            return
        left = (self.job.until + timedelta(seconds=self.job.lookback) - self._now).total_seconds()
        if left > 2 * self.job.lookback + 60:
            raise PipedriveParameterError(
                f"until ({self.job.until}) lies {left:.0f} s ahead of Pipedrive's clock: run after it, or leave it out."
            )
        if left > 0:
            log.info("Waiting %.0f s until Pipedrive's clock has passed the window's end by the lookback.", left)
            self._sleep(left)

    def _window(self, entity: Entity) -> Window | None:
        """The entity's window; None where it is read whole."""
        if self.job.mode == "snapshot":
            return None
        if self.job.since is None:
            return self._claimed_window(entity)
        until = self.job.until or self._now
        kept = self.run_folder.unfinished(entity.name)
        if self.job.until is None and kept is not None and kept.get("window"):
            until = datetime.fromisoformat(kept["until"])  # of the run that goes on
        if self.job.since >= until:
            raise PipedriveParameterError(f"since ({self.job.since}) lies ahead of Pipedrive's clock ({until}).")
        return Window(self.job.since, until, self.job.lookback, {})

    def _claimed_window(self, entity: Entity) -> Window | None:
        """The window that belongs to this run, the same at each of its tries and when it is cleared."""
        name, watermarks = entity.name, self._watermarks(entity.name)
        reading = watermarks.reading(name)
        began = reading.of(self.run)
        unfinished = self.run_folder.unfinished(name)
        until = self._now
        if began is None:
            self._refuse_forgotten(name, watermarks)
            if reading.watermark is not None and reading.watermark.until > until:
                raise PipedriveParameterError(
                    f"{name}: the watermark ({reading.watermark.until}) lies ahead of Pipedrive's clock: set it back "
                    "by `airflow pipedrive watermarks`."
                )
            since = _iso(reading.watermark.until) if reading.watermark else None
            if unfinished and unfinished.get("since") == since and unfinished.get("until"):
                until = datetime.fromisoformat(unfinished["until"])  # of the run that this one continues
        claim = self.claims[name] = watermarks.claim(name, self.run, until)
        since = _iso(claim.since) if claim.since else None
        if unfinished is not None and not _fits(unfinished, since, _iso(claim.until)):
            self.run_folder.discard(name)  # of a run with another window
        self._tell_claim(name, claim, again=began is not None)
        return None if claim.since is None else Window(claim.since, claim.until, self.job.lookback, claim.edge)

    def _tell_claim(self, name: str, claim: WindowClaim, *, again: bool) -> None:
        if again:
            begin = f"from {_iso(claim.since)}" if claim.since else "the whole list,"
            log.info("%s: reading this run's own window again: %s up to %s.", name, begin, _iso(claim.until))
        elif claim.since is None:
            log.info("%s: there is no watermark yet: the first load reads the whole list.", name)
        else:
            log.info("%s: reading on from %s, where the last load ended.", name, _iso(claim.since))

    def _refuse_forgotten(self, name: str, watermarks: Watermarks) -> None:
        """A run that has landed something, and whose window is not known any more, must not take another one's place.

        :raises PipedriveParameterError: it is so
        """
        before = read_json(self._receipt) or {}
        if before.get("watermarks", {}).get(name) == watermarks.name(name):
            raise PipedriveParameterError(
                f"{name}: the run {self.run} has landed its changes, and which they were is not known any more: the "
                f"windows of the last {CLAIMS_KEPT} runs are kept. Nothing was read, and what it has landed stays. To "
                "read that time again, give since and until (its receipt has them), or start a new run, which reads on "
                f"from the watermark. The receipt: {self._receipt}"
            )

    def _ask_for_definitions(self, entities: Sequence[Entity]) -> None:
        """Ask for the fields, while the first pages are read already."""
        if self.job.columns == "readable":
            wanted = sorted({entity.definitions for entity in entities if entity.definitions})
            self._definitions = {key: self.pool.submit(partial(self.client.run, key)) for key in wanted}

    def _encoder(self, entity: Entity) -> Encoder:
        if entity.name in HISTORIES:
            return FixedEncoder(COLUMNS[entity.name])
        if self.job.columns == "raw":
            return RawEncoder()
        return ReadableEncoder(partial(self._schema, entity.name))

    def _schema(self, name: str) -> RowSchema:
        self._know_schemas()
        return self.schemas[name]

    def _know_schemas(self) -> None:
        """Decide on the columns of all entities, in their order: which is called what depends on the ones before."""
        with self._deciding:
            if self.job.columns == "raw" or self.schemas:
                return
            schemas: dict[str, RowSchema] = {}
            for entity in (entity_of(name) for name in self.job.entities if name not in HISTORIES):
                fields = self._definitions[entity.definitions].result() if entity.definitions else []
                schemas[entity.name] = schema = row_schema(
                    entity, fields, self._frozen(entity, schemas), rename=self.job.rename
                )
                for sentence in schema.drift:
                    log.warning("%s: %s", entity.name, sentence)
            self.schemas = schemas

    def _frozen(self, entity: Entity, schemas: Mapping[str, RowSchema]) -> dict[str, Any] | None:
        """The columns that its fields had first; before it was ever landed, those that an entity with the same fields
        has, so that one field has one column everywhere: leads and archived deals have the fields of deals."""
        folder = self.path / STATE / "schema"
        frozen = read_json(folder / f"{entity.name}.json")
        if frozen is not None or entity.definitions is None:
            return frozen
        alike = [name for name, each in ENTITIES.items() if each.definitions == entity.definitions]
        kept = [schemas[name].to_json() for name in alike if name in schemas]
        kept += filter(None, (read_json(folder / f"{name}.json") for name in alike))
        return kept[0] if kept else None

    # ---- afterwards

    @property
    def _company(self) -> Any:
        return self.path / STATE / "company.json"

    def _refuse_another_company(self) -> None:
        """Ids, columns and what was landed once mean something within one company only, whatever window is read.

        :raises PipedriveParameterError: the folder holds another company's data
        """
        kept = read_json(self._company)
        if kept is not None and kept["company_id"] != self.account["company_id"]:
            raise PipedriveParameterError(
                f"{self.path} holds data of company {kept['company_id']}, and this connection reads company "
                f"{self.account['company_id']}. Nothing was published: give each account a place of its own."
            )

    def _keep_company(self) -> None:
        """From now on the folder is this company's; of two that begin at once one gets it."""
        kept, version = read_versioned(self._company)
        if kept is None:
            with suppress(Conflict):
                replace_versioned(self._company, {"company_id": self.account["company_id"]}, version)
        self._refuse_another_company()

    def _refuse_shrunk(self) -> None:
        for name, staging in self.parts.items():
            if self.windows[name] is not None or staging.publishing or name in HISTORIES:
                continue
            before = read_json(self._last_snapshot(name))
            if before is None:
                continue
            if self.job.allow_shrink:
                continue
            rows = staging.rows - sum(len(self.outcomes[name].dropped(part)) for part in staging.finished)
            if before["account"] != self.account:
                raise PipedriveParameterError(
                    f"{name}: the last snapshot was read as user {before['account']['user_id']} of company "
                    f"{before['account']['company_id']}, this one as user {self.account['user_id']}, who may see other "
                    "records. Nothing was published: set allow_shrink if that is right."
                )
            if rows < before["rows"] * (1 - _SHRINK):
                raise PipedriveParameterError(
                    f"{name}: {counted(rows, 'row')} came, the last snapshot had {before['rows']:,}: over 10 % fewer. "
                    "The credential's user may see less than before. Nothing was published, and nothing counts as "
                    "deleted: set allow_shrink if that is right."
                )

    def _look_for_deleted(self) -> None:
        """Hold what was landed once against what is there now."""
        for name, staging in self.parts.items():
            entity = entity_of(name)
            if name in HISTORIES or not sweepable(entity) or self.job.parameters.get(name):
                continue
            outcome, known = self.outcomes[name], LandedIds(self.path, name)
            self.known[name] = known
            if staging.publishing:
                continue
            stats, deleted = self.stats[name], outcome.deleted
            if self.job.deletes and self.windows[name] is None:
                absent = Ids(known.ids.bits)
                absent.remove(staging.ids())
                absent.remove(deleted)
                looked_up = absent.all()
                deleted.update(confirm(self.pool, entity, looked_up, stats))
                known.ids.remove(looked_up)  # those that are archived too: the next run would look them up again
            elif self.job.sweep:
                deleted.update(sweep(self.pool, entity, known.ids, {}, stats))
            known.ids.add(staging.ids())
            known.save()  # should the run end while it publishes, they are landed all the same

    def _chosen(self, name: str) -> str:
        return hashlib.sha256(repr(sorted(self.job.parameters.get(name, {}).items())).encode()).hexdigest()[:8]

    def _last_snapshot(self, name: str) -> Any:
        return self.path / STATE / "snapshots" / f"{name}-{self._chosen(name)}.json"

    def _publish(self) -> dict[str, Any]:
        receipt: dict[str, Any] = {
            "run": self.run,
            "mode": self.job.mode,
            "format": self.job.format,
            "columns": self.job.columns,
            "account": self.account,
            "entities": {},
        }
        for name, schema in self.schemas.items():
            write_json(self.path / STATE / "schema" / f"{name}.json", schema.to_json())
        for name, staging in self.parts.items():
            receipt["entities"][name] = self._publish_one(name, staging)
        receipt |= {
            "rows": sum(entity["rows"] for entity in receipt["entities"].values()),
            "requests": self.client.usage.requests - self._before[0],
            "tokens": self.client.usage.tokens - self._before[1],
            "seconds": round(self.clock() - self._began, 3),
            "started_at": _iso(datetime.fromtimestamp(self._began, UTC)),
            "watermarks": {name: self._watermarks(name).name(name) for name in self.claims},
        }
        write_json(self._receipt, receipt)
        for name, known in self.known.items():
            known.ids.remove(self.outcomes[name].deleted)
            known.save()
        for name in self.parts:
            self._move_watermark(name)
        if OBSERVED in self.parts:
            keep_observed(self.parts[OBSERVED], self._stages)
        self.run_folder.clear()
        self._sweep()
        return receipt

    @property
    def _receipt(self) -> Any:
        return self.path / STATE / "receipts" / f"{_safe(self.run)}.json"

    def _sweep(self) -> None:
        try:
            self.run_folder.sweep()
        except OSError as error:  # all is published: another run sweeps
            log.warning("What other runs have left in %s was not swept: %s", self.path, error)

    def _publish_one(self, name: str, staging: EntityStaging) -> dict[str, Any]:
        outcome, window, stats = self.outcomes[name], self.windows[name], self.stats[name]
        drop = outcome.dropped if self.job.versions == "latest" else lambda part: ()
        nulled_values: Counter[str] = Counter()
        for part in staging.finished:
            nulled_values.update(part.part.nulled_values)
            dropped = frozenset(drop(part) if part.part.nulled_rows else ())
            for column, rows in part.part.nulled_rows.items():
                nulled_values[column] -= sum(row in dropped for row in rows)
        about: dict[str, Any] = {
            "key": list(entity_of(name).key),
            "strategy": outcome.strategy,
            "completeness": outcome.completeness,
            "window": None if window is None else {"since": _iso(window.since), "until": _iso(window.until)},
            "watermark": _iso(outcome.watermark) if outcome.watermark else None,
            "run": self.run,
            "nulled_values": dict(+nulled_values),
            "set_aside": len(stats.set_aside),
            "writer": self.writer,
            "parameters": self._chosen(name),
        }
        manifest = staging.publish(
            drop,
            about,
            outcome.deleted if self.job.deletes or self.job.sweep else None,
            adds=self.job.mode == "changes",
            asked=self._asked(name),
        )
        # Of what changed, other runs' files may lie in the same partition.
        parts, tombstones = (
            [part for part in manifest[kind] if part["run"] == manifest["run"]] for kind in ("parts", "tombstones")
        )
        rows = sum(part["rows"] for part in parts)
        if window is None and name not in HISTORIES:
            write_json(self._last_snapshot(name), {"rows": rows, "account": self.account, "run": self.run})
        log.info(
            "%s: %s in %s published in %s", name, counted(rows, "row"), counted(len(parts), "file"), staging.target
        )
        return {
            "rows": rows,
            **{
                key: manifest[key]
                for key in ("strategy", "completeness", "window", "watermark", "nulled_values", "set_aside")
            },
            "parts": len(parts),
            "bytes": sum(part["bytes"] for part in parts),
            "tombstones": sum(part["rows"] for part in tombstones),
            "manifest": str(staging.target / MANIFEST),
            "pages": stats.pages,
            "tokens": stats.tokens,
            "drift": list(self.schemas[name].drift) if name in self.schemas else [],
        }

    def _asked(self, name: str) -> str:
        """Tells one choice of records from another: of which account, narrowed down by what, in which columns."""
        asked = [self.account, self.job.parameters.get(name, {}), self.job.columns, self.job.versions]
        return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).hexdigest()[:12]

    def _move_watermark(self, name: str) -> None:
        """Only after the data is published, and only by runs that go by the watermark themselves."""
        if name not in self.claims:
            return
        landed: dict[Identity, datetime] = {}
        for part in self.parts[name].finished:
            landed.update(part.edge)
        outcome = self.outcomes[name]
        self._watermarks(name).complete(name, self.claims[name], outcome.watermark, landed, self.job.lookback)

    def _watermarks(self, name: str) -> Watermarks:
        """Where an entity's watermark is: another choice of its records has another one."""
        given = self.job.parameters.get(name)
        chosen = {"parameters": json.dumps(given, sort_keys=True, default=str)} if given else {}
        return Watermarks(self.path, {**self._scope, **chosen})


class ReadableEncoder:
    """Records as rows with readable columns.

    :param shape: tells the columns, when the first record has come
    """

    def __init__(self, schema: Callable[[], RowSchema]) -> None:
        self._schema = schema

    @property
    def columns(self) -> Sequence[Column]:
        """The columns, in order."""
        return self._schema().columns

    def write(self, part: PartWriter, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append them."""
        schema = self._schema()
        read = [as_dict(record) for record in records]
        rows, nulled_values = schema.fitted([record for record, _ in read])
        for column, nulled in nulled_values.items():
            for row, count in nulled.items():
                part.count_nulled_values(column, row, count)
        for row, (_, losses) in enumerate(read):
            for place, count in losses.items():
                part.count_nulled_values(schema.column_at(place), row, count)
        part.write(rows)


def _fits(plan: Mapping[str, Any], since: str | None, until: str) -> bool:
    """Whether an unfinished reading was of that window; a whole list, which has no end, of the whole list."""
    return plan.get("since") == since and plan.get("until") in (None, until)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _stamp(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H-%M-%SZ")


def _safe(name: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", name)[:150]
