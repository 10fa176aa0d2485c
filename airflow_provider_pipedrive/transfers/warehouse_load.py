"""What was read for a warehouse, as it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.entities import entity_of
from airflow_provider_pipedrive.operators.task_support import storage_path
from airflow_provider_pipedrive.transfers.warehouse_plan import watermark_after
from airflow_provider_pipedrive.transfers.warehouse_reading import JobReading

if TYPE_CHECKING:
    from airflow_provider_pipedrive.warehouse import EntityLoad, Scope, Write


def entity_load(folder: Any, reading: JobReading, name: str, scope: Scope, before: Mapping[str, Any]) -> EntityLoad:
    """The load of one entity of a job.

    :param folder: where it was extracted to
    :param before: what the warehouse remembers of the load before
    """
    from airflow_provider_pipedrive.extraction.storage.files import read_json
    from airflow_provider_pipedrive.warehouse import EntityLoad

    job, receipt = reading.of(name)
    manifest = storage_path("staging", receipt["entities"][name]["manifest"])
    files = {"parts": [], "tombstones": [], **(read_json(manifest) or {})}
    entity, write = entity_of(name), _write(job)
    other_shape = (before.get("scope") or {}).get("versions", job.versions) != job.versions
    return EntityLoad(
        entity=name,
        key=entity.key,
        updated=entity.updated,
        columns=columns_of(folder, name),
        parts=[manifest.parent / part["name"] for part in files["parts"]],
        tombstones=[manifest.parent / part["name"] for part in files["tombstones"]],
        read_at=datetime.fromisoformat(receipt["started_at"]).astimezone(UTC),
        write=write,
        load_state=_load_state(folder, reading, name, before),
        scope=scope,
        confirmed=job.allow_shrink,
        fresh=write == "versions" and job.mode == "snapshot" and other_shape,
        renamed=reading.changes[name].renamed,
        removed=reading.changes[name].removed,
    )


def _write(job: ExtractionJob) -> Write:
    if job.versions == "all":
        return "versions"
    return "merge" if job.mode == "changes" else "replace"


def _load_state(folder: Any, reading: JobReading, name: str, before: Mapping[str, Any]) -> dict[str, Any]:
    """What the warehouse is to remember of the load."""
    from airflow_provider_pipedrive.extraction.remembered import take_out

    job, receipt = reading.of(name)
    kept = datetime.fromisoformat(before["watermark"]) if before.get("watermark") else None
    watermark = watermark_after(job, receipt["entities"][name]["watermark"], kept)
    return {
        "read_at": receipt["started_at"],
        "watermark": watermark.isoformat() if watermark else None,
        "files": {**before.get("files", {}), **take_out(folder, name)},
        "unread": reading.unread(name),
    }


def columns_of(folder: Any, entity: str) -> list[Any]:
    """The columns of an entity's files, according to its schema file."""
    from airflow_provider_pipedrive.extraction.rows.history_columns import HISTORY_COLUMNS
    from airflow_provider_pipedrive.extraction.rows.schema_file import read_columns
    from airflow_provider_pipedrive.extraction.storage.disk import STATE
    from airflow_provider_pipedrive.extraction.storage.files import read_json

    if entity in HISTORY_COLUMNS:
        return list(HISTORY_COLUMNS[entity])
    return list(read_columns(read_json(folder / STATE / "schema" / f"{entity}.json") or {}))
