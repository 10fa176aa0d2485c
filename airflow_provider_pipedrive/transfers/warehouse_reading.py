"""What is read for a warehouse, kept until it is loaded: a window, and the whole list where fields ask for it.

Of rows that nobody has edited no window has the new values of a field whose type has changed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.transfers.warehouse_plan import LoadStates, MakeJob

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.extraction.definition import ExtractionJob
    from airflow_provider_pipedrive.warehouse import TableStore
    from airflow_provider_pipedrive.warehouse.field_changes import FieldChanges

log = logging.getLogger(__name__)
EXTRACTED = "extracted"
"""The folder of the receipts of what was read and is not loaded yet."""


@dataclass(frozen=True)
class JobReading:
    """What was read for a job.

    :ivar job: as it was planned
    :ivar receipt: of it
    :ivar changes: by entity, what has happened to its fields
    :ivar reasons: by entity, why its whole list is to be read, a sentence each
    :ivar whole: the job that has read those, and its receipt; None where none has
    :ivar notes: by entity, what people should know of
    """

    job: ExtractionJob
    receipt: Mapping[str, Any]
    changes: Mapping[str, FieldChanges]
    reasons: Mapping[str, Sequence[str]]
    whole: tuple[ExtractionJob, Mapping[str, Any]] | None
    notes: Mapping[str, str]

    def of(self, entity: str) -> tuple[ExtractionJob, Mapping[str, Any]]:
        """The job whose rows are to be loaded, and its receipt."""
        return self.whole if self.whole and entity in self.reasons else (self.job, self.receipt)

    def unread(self, entity: str) -> list[str]:
        """Why a later run is to read the entity's whole list."""
        return [] if self.whole else list(self.reasons.get(entity, ()))

    def told(self, entity: str) -> dict[str, Any]:
        """What the load's receipt says of it."""
        receipts = [self.receipt, *([self.whole[1]] if self.whole and entity in self.reasons else [])]
        loaded = self.of(entity)[1]["entities"][entity]
        return {
            "tokens": sum(receipt["entities"][entity]["tokens"] for receipt in receipts),
            "nulled_values": sum(loaded["nulled_values"].values()),
            "set_aside": loaded["set_aside"],
            "drift": list(self.receipt["entities"][entity]["drift"]),
            "read_whole": list(self.reasons.get(entity, ())) if self.whole else [],
        }


def read_job(
    client: PipedriveClient,
    folder: Any,
    job: ExtractionJob,
    run: str,
    make: MakeJob,
    warehouse: TableStore,
    load_states: LoadStates,
) -> JobReading:
    """Read what a job asks for, and the whole lists that changed definitions ask for.

    :param make: makes the job of the latter
    :param load_states: what the warehouse remembers of the loads before
    """
    before = client.usage.tokens
    receipt = extract_once(client, folder, job, run, load_states)
    states = {name: load_states.get(name) or {} for name in job.entities}
    changes = {name: _changes_of(folder, name, state, warehouse) for name, state in states.items()}
    reasons = {name: [*states[name].get("unread", ()), *changed.unclear] for name, changed in changes.items()}
    reasons = {name: why for name, why in reasons.items() if why} if job.mode == "changes" else {}
    if not reasons:
        return JobReading(job, receipt, changes, {}, None, {})
    whole = make([*reasons], "snapshot", None, None)
    if whole.max_tokens is not None:
        left = whole.max_tokens - (client.usage.tokens - before)
        if (price := _price(client, whole)) > left:
            return JobReading(job, receipt, changes, reasons, None, _too_dear(reasons, price, left))
    for name, why in reasons.items():
        log.warning("%s is read whole: %s", name, " ".join(why))
    return JobReading(
        job, receipt, changes, reasons, (whole, extract_once(client, folder, whole, run, load_states)), {}
    )


def extract_once(
    client: PipedriveClient, folder: Any, job: ExtractionJob, run: str, load_states: LoadStates
) -> dict[str, Any]:
    """The receipt of a job: of this try, or of one before that was not loaded, if nothing else was since."""
    from airflow_provider_pipedrive.extraction.job import extract
    from airflow_provider_pipedrive.extraction.remembered import put_back, take_out
    from airflow_provider_pipedrive.extraction.storage.files import read_json, write_json

    done = folder / EXTRACTED / f"{job.key}.json"
    after = {entity: load_states.get(entity) for entity in job.entities}
    before = read_json(done)
    if before is not None and before["after"] == after:
        log.info("%s: an earlier try has read it, and it is loaded now.", ", ".join(job.entities))
        put_back(folder, before["files"])
        return dict(before["receipt"])
    receipt = extract(client, folder, job, run=run, owner=run)
    files = {name: value for entity in job.entities for name, value in take_out(folder, entity).items()}
    write_json(done, {"receipt": receipt, "files": files, "after": after})
    return receipt


def _changes_of(folder: Any, name: str, before: Mapping[str, Any], warehouse: TableStore) -> FieldChanges:
    """What has happened to an entity's fields since the load before.

    :param before: what the warehouse remembers of it
    """
    from airflow_provider_pipedrive.extraction.remembered import take_out
    from airflow_provider_pipedrive.warehouse.field_changes import field_changes

    schema = f"schema/{name}.json"
    then, now = before.get("files", {}).get(schema), take_out(folder, name).get(schema)
    child_tables = warehouse.lists == "child_tables"
    return field_changes(then, now, in_place=warehouse.is_changed_in_place, child_tables=child_tables)


def _too_dear(reasons: Mapping[str, Sequence[str]], price: int, left: int) -> dict[str, str]:
    notes = {
        name: f"{name} is to be read whole: {' '.join(why)} That costs about {price} API tokens, and max_tokens leaves "
        f"{left}. Rows that are not edited stay as they are until a run with more tokens reads them."
        for name, why in reasons.items()
    }
    for note in notes.values():
        log.warning("%s", note)
    return notes


def _price(client: PipedriveClient, job: ExtractionJob) -> int:
    from airflow_provider_pipedrive.extraction.planning import estimate

    return estimate(client, job).tokens
