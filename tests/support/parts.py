"""Parts written for a test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.extraction.output.formats import open_part
from airflow_provider_pipedrive.extraction.output.part_writer import Part


@dataclass(frozen=True)
class FileColumn:
    """A column of a part."""

    name: str
    type: str = "string"
    items: str | None = None
    description: str = ""
    labels: Mapping[str, str] | None = None


ID_AND_TITLE = [FileColumn("id", "integer"), FileColumn("title")]


def written(path: Path, fmt: str, columns: Sequence[FileColumn] | None, *batches: Sequence[Mapping[str, Any]]) -> Part:
    """A part with these rows."""
    writer = open_part(path, fmt, columns)
    for batch in batches:
        writer.write(batch)
    return writer.close()
