"""Rows into Pipedrive: matched, compared, written at the pace of the limit, journalled and taken back, without Airflow.

>>> from airflow_provider_pipedrive.bulk import BulkJob, write
>>> job = BulkJob("persons", mapping={"mail": "email", "full name": "name"}, max_writes=500)
>>> receipt = write(client, rows, job, folder="crm/run-1")  # doctest: +SKIP

What a run does is decided before its first request that writes: every row is converted, the records that are there are
read once, and what differs is kept in the run's folder. The names below are imported when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.bulk.duplicates.finding import find_duplicates
    from airflow_provider_pipedrive.bulk.duplicates.review import approved_groups, write_review
    from airflow_provider_pipedrive.bulk.duplicates.rules import DuplicateRules
    from airflow_provider_pipedrive.bulk.engine import write
    from airflow_provider_pipedrive.bulk.job import BulkJob
    from airflow_provider_pipedrive.bulk.merge_job import MergeJob
    from airflow_provider_pipedrive.bulk.merges import merge
    from airflow_provider_pipedrive.bulk.restoring import undo
    from airflow_provider_pipedrive.bulk.written import written_states

__all__ = [
    "BulkJob",
    "DuplicateRules",
    "MergeJob",
    "approved_groups",
    "find_duplicates",
    "merge",
    "undo",
    "write",
    "write_review",
    "written_states",
]

_HOMES = {
    "BulkJob": "job",
    "DuplicateRules": "duplicates.rules",
    "MergeJob": "merge_job",
    "approved_groups": "duplicates.review",
    "find_duplicates": "duplicates.finding",
    "merge": "merges",
    "undo": "restoring",
    "write": "engine",
    "write_review": "duplicates.review",
    "written_states": "written",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
