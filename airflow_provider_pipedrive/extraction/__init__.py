"""Everything out of Pipedrive: whole lists and what changed, in readable columns, into files, without Airflow.

>>> from pathlib import Path
>>> from airflow_provider_pipedrive.extraction import ExtractionJob, extract
>>> job = ExtractionJob(["deals", "persons"], format="parquet", columns="readable", concurrency=16)
>>> receipt = extract(client, Path("crm"), job)  # doctest: +SKIP
>>> receipt["rows"]  # doctest: +SKIP
70412

A run that was killed resumes when it is called again with the same job and folder. :func:`estimate` says what a job
will cost, :class:`Watermarks` how far the runs of a folder have read. The names below are imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_pipedrive.extraction.definition import ExtractionJob
    from airflow_provider_pipedrive.extraction.job import extract
    from airflow_provider_pipedrive.extraction.planning import estimate
    from airflow_provider_pipedrive.extraction.watermarks import Watermarks

__all__ = ["ExtractionJob", "Watermarks", "estimate", "extract"]

_HOMES = {"ExtractionJob": "definition", "Watermarks": "watermarks", "estimate": "planning", "extract": "job"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
