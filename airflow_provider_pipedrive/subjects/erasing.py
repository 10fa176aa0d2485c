"""Deleting what Pipedrive has of a person, with a journal of what became of each record."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_pipedrive.errors import (
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveValidationError,
)
from airflow_provider_pipedrive.subjects.finding import KINDS

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.subjects.finding import Subject

_DELETE: Final = {
    "notes": "deleteNote",
    "files": "deleteFile",
    "mail": "deleteMailThread",
    "activities": "deleteActivity",
    "leads": "deleteLead",
    "deals": "deleteDeal",
    "persons": "deletePerson",
}
_KEPT_DAYS: Final = 30
_KEPT: Final = frozenset({"files", "activities", "deals", "persons"})
"""What Pipedrive marks as deleted and removes 30 days later.
https://developers.pipedrive.com/docs/api/v1"""
STAYS: Final = (
    "Deleted persons, deals, activities and files can be restored in Pipedrive until the date above.",
    "Deleted notes, leads and mail: Pipedrive does not say whether and how long it keeps them.",
    "Change histories, and what people have exported, synchronised or received by mail, cannot be deleted by the API.",
    "Records that only mention the person in a text, and deals in which the person takes part, were not looked for.",
    "Tables and files of your own: run a snapshot, and delete what older files hold.",
)
"""What no call deletes."""


@dataclass(frozen=True)
class Erasure:
    """What became of one record.

    :ivar outcome: ``deleted``; ``gone``: somebody else has deleted it before; ``refused``: Pipedrive does not let this
        user
    :ivar at: when
    :ivar kept_until: when Pipedrive removes it for good, where it says so
    :ivar reason: Pipedrive's words, where it refused
    """

    kind: str
    id: Any
    outcome: Literal["deleted", "gone", "refused"]
    at: str
    kept_until: str | None = None
    reason: str | None = None


def erase(client: PipedriveClient, subject: Subject, journal: Path, *, keep: Sequence[str] = ()) -> Iterator[Erasure]:
    """Delete what was found, and say of each record what became of it.

    The journal gets a line before a record is deleted and one after it: ids and outcomes, nothing of the person. Who
    is stopped in between runs it again: the persons come last, and all else is found by them.

    :param journal: a file to append to, which is made for its owner alone
    :param keep: kinds that stay
    :raises PipedriveParameterError: there is no such kind
    """
    check_kinds(keep)
    with os.fdopen(os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        for kind, identity in planned(subject, keep):
            _note(file, {"kind": kind, "id": identity, "outcome": "begun", "at": _now().isoformat()})
            became = _erased(client, kind, identity)
            _note(file, asdict(became))
            yield became


def planned(subject: Subject, keep: Sequence[str] = ()) -> Iterator[tuple[str, Any]]:
    """What would be deleted: kinds and ids, in order. Of mail, the threads."""
    for kind in KINDS:
        if kind not in keep:
            found = subject.records[kind]
            ids = found if kind != "mail" else dict.fromkeys(each.get("mail_thread_id") for each in found.values())
            yield from ((kind, identity) for identity in ids if identity is not None)


def check_kinds(keep: Sequence[str]) -> None:
    """Find kinds that are none.

    :raises PipedriveParameterError: there is no such kind
    """
    if unknown := [kind for kind in keep if kind not in KINDS]:
        raise PipedriveParameterError(f"There is no kind {', '.join(unknown)}. Known: {', '.join(KINDS)}.")


def _erased(client: PipedriveClient, kind: str, identity: Any) -> Erasure:
    now = _now()
    try:
        client.run(_DELETE[kind], {"id": identity})
    except PipedriveNotFoundError:
        return Erasure(kind, identity, "gone", now.isoformat())
    except (PipedrivePermissionError, PipedriveValidationError) as error:
        return Erasure(kind, identity, "refused", now.isoformat(), reason=error.reason or f"status {error.status}")
    until = (now + timedelta(days=_KEPT_DAYS)).date().isoformat() if kind in _KEPT else None
    return Erasure(kind, identity, "deleted", now.isoformat(), until)


def _note(file: Any, line: dict[str, Any]) -> None:
    """A line that survives whatever comes next."""
    file.write(json.dumps(line) + "\n")
    file.flush()
    os.fsync(file.fileno())


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
