"""Records that another run has made since a run was planned: when the run continues, they must not be made again."""

from __future__ import annotations

import logging
from datetime import datetime

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.journal import from_json
from airflow_provider_pipedrive.bulk.lookup import MARGIN, Lookup
from airflow_provider_pipedrive.bulk.matching import keys_of_record
from airflow_provider_pipedrive.bulk.reading import Columns
from airflow_provider_pipedrive.catalog.advice import counted

log = logging.getLogger(__name__)


def set_aside_made_meanwhile(run: RunContext) -> None:
    """Set aside the rows that are left to create, and whose key a record has by now that was made after the plan.

    The run's own creations without an answer are settled first: their records are this run's.
    """
    journal, target = run.journal, run.job.target
    lookup = Lookup(run.client, run.books, journal)
    lookup.settle()
    left = {
        key: (number, row, given, fields)
        for key, number, row, given, fields in journal.run(
            "SELECT rows.key, operation, row, given, operations.fields FROM operations JOIN rows USING (row) "
            "WHERE state = 'planned' AND action = 'create' AND entity = ? AND rows.key IS NOT NULL",
            [run.job.entity],
        )
    }
    planned_at = journal.get("read_at")
    if not left or planned_at is None:
        return
    parts = Columns(run.job, run.book).key
    wanted = {number: from_json(fields) for number, _row, _given, fields in left.values()}
    found = 0
    for record in lookup.newest(target, wanted, datetime.fromisoformat(planned_at) - MARGIN):
        for key in keys_of_record(parts, record, flat=target.flat) & left.keys():
            number, row, given, _fields = left.pop(key)
            reason = (
                f"the record {record[target.record_id]} was made with this key after the run was planned: write the "
                "row again in another folder"
            )
            with journal.transaction():
                journal.run("UPDATE operations SET state = 'rejected', note = ? WHERE operation = ?", [reason, number])
                journal.reject(row, reason, None, given)
            found += 1
    if found:
        log.warning("%s: %s made by others after the run was planned.", run.job.entity, counted(found, "record"))
