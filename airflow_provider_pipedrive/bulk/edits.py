"""Edits by others between the reading and the writing of records."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.journal import from_json, to_json
from airflow_provider_pipedrive.bulk.records import has
from airflow_provider_pipedrive.bulk.related import made_id
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import counted

log = logging.getLogger(__name__)
_FEW = 20
_JUST_NOW = timedelta(seconds=30)


def count_edits(run: RunContext) -> None:
    """Count the records that somebody has edited since they were looked at: they are written all the same.

    Not where looking would cost as much as writing: for a few records that were looked at just now.
    """
    journal = run.journal
    read_at = journal.get("read_at")
    wanted = journal.one("SELECT count(*) FROM operations WHERE state = 'planned' AND id IS NOT NULL")
    listed = ACTIONS[run.job.target.listed]
    if not read_at or not wanted or "updated_since" not in listed.by_name or run.job.target.is_link:
        return
    since = datetime.fromisoformat(read_at)
    if wanted < _FEW and datetime.now(UTC) - since < _JUST_NOW:
        return
    changed = run.client.iterate(listed.key, {"updated_since": since})
    edited = sum(_was_edited(run, record) for record in changed)
    if edited:
        log.warning(
            "%s: %s edited since the comparison: written all the same.",
            run.job.entity,
            counted(edited, "record"),
        )
    journal.set(edited_meanwhile=(journal.get("edited_meanwhile") or 0) + edited)


def _was_edited(run: RunContext, record: Mapping[str, Any]) -> bool:
    """Whether a record that is to be written is another one than was looked at, and not by an earlier try's write."""
    planned = run.journal.run(
        "SELECT fields FROM operations WHERE state = 'planned' AND id = ?1 AND entity = ?2 AND NOT EXISTS "
        "(SELECT 1 FROM matches WHERE matches.id = ?1 AND updated = ?3)",
        [to_json(record["id"]), run.job.entity, record.get("update_time")],
    ).fetchone()
    if planned is None:
        return False
    fields, flat = from_json(planned[0]), run.job.target.flat
    values = {name: made_id(run.journal, value) for name, value in fields.items() if name in run.book.fields}
    return not (values and all(has(run.book.fields[name], record, value, flat=flat) for name, value in values.items()))
