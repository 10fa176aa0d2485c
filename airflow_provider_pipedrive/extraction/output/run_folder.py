"""Where parts land, and what of a run is kept there until it has ended.

Below the job's folder::

    <entity>/[<partition>/]part-1a2b3c4d5e6f7a8b-00000.jsonl    rows; the digits are the run's and the try's
    <entity>/[<partition>/]_manifest.json       the pointer: rows, bytes and SHA-256 of every part that counts
    _pipedrive/unfinished/<job>/                a run that has not ended: what it reads, and what each part has

A part is written to where it stays, under a name that nobody else gives. It counts when the manifest names it, and the
manifest is replaced at the very end, by one run at a time: nothing is renamed, and in object storage nothing copied.
Only on a disk, where a write is not whole before its end, a part has a hidden name until then.

What a new manifest no longer names is kept for who is still reading it, and removed by a later publication; what no
manifest names and is older than a day is swept.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import KEEP_PREVIOUS, MB, PART_MB
from airflow_provider_pipedrive.extraction.output.encoders import Encoder
from airflow_provider_pipedrive.extraction.output.leases import RunLease, process_tag
from airflow_provider_pipedrive.extraction.output.manifest import DAY, MANIFEST, named_files
from airflow_provider_pipedrive.extraction.output.names import short_hash, tag_of
from airflow_provider_pipedrive.extraction.output.publication import PUBLICATION, EntityFolders, is_of, is_overtaken
from airflow_provider_pipedrive.extraction.output.staging import PLAN, EntityStaging
from airflow_provider_pipedrive.extraction.storage.disk import STATE
from airflow_provider_pipedrive.extraction.storage.files import (
    below,
    files,
    joined,
    on_each,
    read_json,
    remove_all,
    remove_empty,
    write_json,
)
from airflow_provider_pipedrive.extraction.storage.store import FoundFile
from airflow_provider_pipedrive.extraction.storage.versioned import read_versioned

log = logging.getLogger(__name__)
UNFINISHED = 7 * DAY
"""Seconds after which what was read and not published is swept: tokens were paid for it, and another day's run
continues there."""


class RunFolder:
    """The folder of one job.

    :param path: the job's folder: a local path or one in object storage
    :param job: what tells this job from others that land there: entities, names, format, window
    :param owner: who runs it; a later try of the same owner continues where the one before ended, as soon as that one
        is dead
    :param keep_previous: seconds that files are kept which a manifest no longer names
    :param part_mb: a file that has so many MB gets no further parts when it is published
    :param latest: put what is published into a file of an unchanging name, too
    """

    def __init__(
        self,
        path: Any,
        job: str,
        owner: str,
        keep_previous: float = KEEP_PREVIOUS,
        part_mb: float = PART_MB,
        *,
        latest: bool = False,
    ) -> None:
        self.path = path
        self._most_bytes = sys.maxsize if latest else int(part_mb * MB)
        self._latest = latest
        self._owner = owner
        self._keep_previous = keep_previous
        self._unfinished = path / STATE / "unfinished"
        # Nobody else is in the last one.
        for name in (job, f"{job}-{short_hash(owner)}", f"{job}-{process_tag(owner)}"):
            self.folder = self._unfinished / name
            self._lease = RunLease(self.folder, owner)
            self._lease.renew()
            self._names = {found.name for found in below(self.folder)}
            if not self._lease.is_held_by_another(self._names):
                break
            self._lease.release()
        if not self._may_be_finished:
            self._drop(self.folder, self._names)
            self._names = set()

    def read_as(self, whose: Mapping[str, Any]) -> None:
        """Tell whose records are read, and with which key they are hashed: what another account, or one with another
        key, has left unfinished here is dropped."""
        kept = self.folder / "account.json"
        before = read_json(kept) if kept.name in self._names else None
        if before == whose:
            return
        if before is not None:
            self._drop(self.folder, self._names)
            self._names = set()
        write_json(kept, whose)

    @property
    def continues(self) -> bool:
        """Whether a run before has left something here that is not finished."""
        return any("/" in name for name in self._names)

    def entity(
        self,
        name: str,
        format: str,  # noqa: A002
        encoder: Encoder,
        partition: str = "",
        *,
        escape_formulas: bool = False,
    ) -> EntityStaging:
        """The parts of one entity."""
        folder, names = self.folder / name, self._kept_of(name)
        if PLAN in names:  # what was read before is in that partition, whatever this run's is
            begun = read_json(folder / PLAN) or {}
            partition = begun["staging"]["partition"]
        target = self._target(name, partition)
        present = read_versioned(target / MANIFEST)
        if present.value is not None and not present.value.keys() >= {"strategy", "parts"}:
            raise PipedriveParameterError(
                f"{target / MANIFEST} was not written by an extraction, and would be replaced: give another folder."
            )
        folders = EntityFolders(
            name,
            folder,
            target,
            partition,
            self._owner,
            self._keep_previous,
            self._most_bytes,
            self._tags_at_work,
            latest=self._latest,
        )
        return EntityStaging(folders, format, encoder, names=names, present=present, escape_formulas=escape_formulas)

    def unfinished(self, entity: str) -> dict[str, Any] | None:
        """The plan of a run that has not ended, of one entity, as far as it has not begun to publish."""
        names = self._kept_of(entity)
        return read_json(self.folder / entity / PLAN) if PLAN in names and PUBLICATION not in names else None

    def discard(self, entity: str) -> None:
        """Throw away what a run that has not ended has read of one entity."""
        gone = [f"{entity}/{name}" for name in self._kept_of(entity)]
        self._drop(self.folder, gone)
        self._names.difference_update(gone)

    def touch(self) -> None:
        """Show that this run is alive."""
        self._lease.renew()

    def release(self) -> None:
        """Let another owner continue from here: this run has ended."""
        self._lease.release()

    def clear(self) -> None:
        """Remove what was unfinished: the run has ended. With it goes what other jobs have left here and nobody has
        returned to: broken-off publications after a day, what was read and never published after a week."""
        jobs: dict[str, list[FoundFile]] = {}
        for found in below(self._unfinished):
            jobs.setdefault(found.name.split("/")[0], []).append(found)
        own = jobs.pop(self.folder.name, [])
        remove_all([joined(self._unfinished, found.name) for found in own])
        remove_empty(self.folder)
        for job, kept in jobs.items():
            names = [found.name.removeprefix(f"{job}/") for found in kept]
            longest = DAY if any(name.endswith(f"/{PUBLICATION}") for name in names) else UNFINISHED
            # A run that is alive renews its lease every minute.
            if all(found.modified is not None and found.modified < time.time() - longest for found in kept):
                log.info("%s: what a run left unfinished there is removed.", self._unfinished / job)
                self._drop(self._unfinished / job, names)
                remove_all([joined(self._unfinished, found.name) for found in kept])
                remove_empty(self._unfinished / job)

    # ---- broken-off publications

    @property
    def _may_be_finished(self) -> bool:
        """Whether what was begun here may be finished by this run. A publication may by the run that began it alone,
        and no snapshot after another run has published something newer there: it would take its place."""
        for name in sorted(self._names):
            entity, _, file = name.partition("/")
            decided = read_json(self.folder / entity / file) if file == PUBLICATION else None
            if decided is None:
                continue
            if decided["owner"] != self._owner:
                log.warning("%s: another run's publication was broken off: it is dropped, and all is read.", entity)
                return False
            present, version = read_versioned(self._target(entity, decided["partition"]) / MANIFEST)
            if not is_of(decided, present) and is_overtaken(decided, present, version):
                log.warning("%s: another run has published since: all is read again.", entity)
                return False
        return True

    def _drop(self, folder: Any, names: Iterable[str]) -> None:
        """Remove what was read there and is named by no manifest, then what is known of it."""
        kept = [name for name in names if name.split("/")[-1] in (PLAN, PUBLICATION)]
        for name in kept:
            plan = read_json(joined(folder, name)) or {}
            known = plan.get("staging", plan)
            target = self._target(name.split("/")[0], known["partition"])
            named = named_files(read_json(target / MANIFEST) or {})
            gone = [found.name for found in files(target) if tag_of(found.name) == known["tag"]]
            remove_all([target / each for each in gone if each not in named])
        remove_all([joined(folder, name) for name in names if "/" in name and name not in kept])
        remove_all([joined(folder, name) for name in kept])

    def _tags_at_work(self) -> set[str]:
        """The tags of all runs that have not ended."""
        plans = [found.name for found in below(self._unfinished) if found.name.endswith(f"/{PLAN}")]
        kept = on_each(read_json, [joined(self._unfinished, name) for name in plans], self._unfinished)
        return {plan["staging"]["tag"] for plan in kept if plan is not None}

    def _kept_of(self, entity: str) -> set[str]:
        names = list(self._names)  # at once: entities begin side by side
        return {name.removeprefix(f"{entity}/") for name in names if name.startswith(f"{entity}/")}

    def _target(self, entity: str, partition: str) -> Any:
        return joined(self.path / entity, partition)
