"""The plan of a run: from rows to operations, with its price, held against what the job allows."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.difference import Difference, described
from airflow_provider_pipedrive.bulk.index import RecordIndex
from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.bulk.new_options import ADD_OPTIONS, NewOptions
from airflow_provider_pipedrive.bulk.outcomes import too_many_rejects
from airflow_provider_pipedrive.bulk.reading import Columns, RowReader
from airflow_provider_pipedrive.bulk.related import RelatedRecords
from airflow_provider_pipedrive.bulk.run_usage import check_price
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.fields import DEFINITIONS
from airflow_provider_pipedrive.errors import PipedriveParameterError

log = logging.getLogger(__name__)


def make_plan(run: RunContext, rows: Iterable[Mapping[str, Any]]) -> None:
    """Read rows, hold them against what is there, and keep in the journal what is to be done.

    :raises PipedriveParameterError: a column is not a field, or a label is not an option
    """
    job, journal = run.job, run.journal
    columns = Columns(job, run.book)
    reader = RowReader(job, run.book, journal, columns)
    number = reader.read(rows)
    RelatedRecords(run.client, journal, columns, create=job.create_related).resolve()
    if columns.key:
        journal.set(read_at=server_now(run.client).isoformat())
        RecordIndex(run.client, job, run.book, journal, columns).read()
    difference = Difference(job, run.book, journal, columns, reader.labels)
    difference.plan()
    NewOptions(run.book, journal).plan()
    journal.set(diff=journal.lines("diff.jsonl", described(run.book, job.entity, journal)))
    log.info(
        "%s: %s; %s; %d unchanged, %d rejected; writing costs about %s.",
        job.entity, counted(number, "row"), _planned(job.entity, journal) or "nothing to write", difference.unchanged,
        journal.rejected, counted(price_left(journal), "API token"),
    )  # fmt: skip


def check_bounds(run: RunContext) -> None:
    """Hold the plan against what the job allows; nothing was written yet.

    :raises PipedriveRejectedRowsError: more rows are rejected than ``max_rejects`` allows
    :raises PipedriveParameterError: more records would be written or removed than the job allows
    :raises PipedriveTokenCapError: writing would cost more than is left
    """
    _check_rejects(run)
    if not run.job.dry_run:
        _check_records(run)
        check_price(run.client, price_left(run.journal), run.job.max_tokens, "Writing")


def _check_rejects(run: RunContext) -> None:
    journal = run.journal
    if journal.rejected > run.job.allowed_rejects(journal.rows):
        row, reason = journal.run("SELECT row, reason FROM rejects ORDER BY row LIMIT 1").fetchone()
        raise too_many_rejects(journal.rejected, run, f"row {row}: {reason}")


def _check_records(run: RunContext) -> None:
    removed = int(run.journal.one("SELECT count(*) FROM operations WHERE phase = 2"))
    whole = int(run.journal.one("SELECT count(*) FROM operations WHERE action != ?", [ADD_OPTIONS]))
    for name, number in (("max_deletes", removed), ("max_writes", whole)):
        allowed = getattr(run.job, name)
        if allowed is not None and number > allowed:
            raise PipedriveParameterError(
                f"The run would {'remove' if name == 'max_deletes' else 'write'} {counted(number, 'record')}, more "
                f"than {name}={allowed} allows. Nothing was written: look at {run.journal.get('diff')}, and raise "
                f"{name} if that is right."
            )


def price_left(journal: Journal) -> int:
    """API tokens of what is planned and not done."""
    left = journal.run(
        "SELECT entity, action, count(*) FROM operations WHERE state = 'planned' GROUP BY entity, action"
    ).fetchall()
    return sum(_cost(entity, action) * number for entity, action, number in left)


def _cost(entity: str, action: str) -> int:
    target = target_of(entity)
    adding = DEFINITIONS[entity].add_options if entity in DEFINITIONS else None
    keys = {"create": target.create, "delete": target.delete, ADD_OPTIONS: adding}
    return ACTIONS[keys.get(action) or target.update or target.create].token_cost


def _planned(entity: str, journal: Journal) -> str:
    """What is planned, in words: ``3 to create, 5 to update, 2 organizations to create first``."""
    counts = journal.run(
        "SELECT entity, action, count(*) FROM operations GROUP BY entity != ?, entity, action", [entity]
    ).fetchall()
    return ", ".join(
        f"{counted(number, 'field')} to get options"
        if action == ADD_OPTIONS
        else f"{number} to {action}"
        if of == entity
        else f"{counted(number, of.removesuffix('s'))} to create first"
        for of, action, number in counts
    )


def server_now(client: PipedriveClient) -> datetime:
    """Pipedrive's clock as far as it is known, in whole seconds."""
    return datetime.fromtimestamp(int(time.time() + (client.server_ahead or 0)), UTC)
