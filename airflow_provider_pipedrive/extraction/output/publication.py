"""The publication of one entity: decided once, kept, and continued where it was interrupted.

A publication lets the manifest name this run's parts. It is replaced by compare-and-swap: of two runs that publish at
the same time, each sees the other.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import KEEP_PREVIOUS, MB, PART_MB
from airflow_provider_pipedrive.extraction.output.latest import keep_latest
from airflow_provider_pipedrive.extraction.output.manifest import (
    MANIFEST,
    is_over,
    named_files,
    previous_files,
    sweep,
)
from airflow_provider_pipedrive.extraction.output.names import PartNames, tag_of
from airflow_provider_pipedrive.extraction.output.parts import WHOLE, FinishedPart
from airflow_provider_pipedrive.extraction.output.rewriting import PartRewriter, RowKey
from airflow_provider_pipedrive.extraction.reading.pages import Identity
from airflow_provider_pipedrive.extraction.storage.files import files, remove_all, write_json
from airflow_provider_pipedrive.extraction.storage.store import Version
from airflow_provider_pipedrive.extraction.storage.versioned import Versioned, read_versioned, replace_versioned

log = logging.getLogger(__name__)
PUBLICATION = "publish.json"
"""The file that keeps what is to be published, until the run has ended."""


@dataclass(frozen=True)
class EntityFolders:
    """Where one entity's files are, and whose they are.

    :ivar unfinished: the folder of what is kept of it while a run lasts
    :ivar target: the folder of its parts
    :ivar partition: the target's name below the entity's folder
    :ivar owner: who runs it
    :ivar keep_previous: seconds that files are kept which a manifest no longer names
    :ivar most_bytes: a file that has so many gets no further parts when it is published
    :ivar spared: the tags of runs that have not ended: their parts are not swept
    :ivar latest: put what is published into a file of an unchanging name, too
    """

    entity: str
    unfinished: Any
    target: Any
    partition: str = ""
    owner: str = ""
    keep_previous: float = KEEP_PREVIOUS
    most_bytes: int = PART_MB * MB
    spared: Callable[[], Container[str]] = field(default=frozenset)
    latest: bool = False

    @property
    def whole_bytes(self) -> int:
        """A part that has so many is published as it is."""
        return self.most_bytes if self.latest else min(self.most_bytes, WHOLE)


class Publication:
    """What one entity publishes.

    :param decided: what an earlier try of this run has decided to publish, where it ended while it did
    :param present: the manifest as it was when the run began
    """

    def __init__(
        self,
        folders: EntityFolders,
        names: PartNames,
        rewriter: PartRewriter,
        decided: Mapping[str, Any] | None,
        present: Versioned,
    ) -> None:
        self._folders = folders
        self._names = names
        self._rewriter = rewriter
        self._decided = decided
        self._is_kept = True
        self._present = present
        self._read_at = ""

    @property
    def _manifest(self) -> Any:
        return self._folders.target / MANIFEST

    @property
    def is_begun(self) -> bool:
        """Whether a try of this run ended while it published: all is read, :meth:`publish` continues."""
        return self._decided is not None

    @property
    def about(self) -> dict[str, Any]:
        """What a begun publication says next to its parts."""
        found: dict[str, Any] = (self._decided or {})["about"]
        return found

    @property
    def deleted(self) -> dict[Identity, datetime | None]:
        """Which records are deleted, according to a begun publication."""
        deleted = (self._decided or {})["deleted"]
        return {identity: datetime.fromisoformat(text) if text else None for identity, text in deleted}

    def note_read(self, moment: datetime) -> None:
        """Note when the run has read, by Pipedrive's clock: of two that overlap, the later one wins.

        :param moment: the same for all entities of a run, so that it wins or loses each of them
        """
        self._read_at = moment.isoformat()

    def publish(
        self,
        finished: Sequence[FinishedPart],
        drop: Callable[[FinishedPart], Sequence[int]],
        about: Mapping[str, Any],
        deleted: Mapping[Identity, datetime | None] | None = None,
        *,
        adds: bool = False,
        asked: str = "",
        are_held: bool = False,
    ) -> dict[str, Any]:
        """Let the manifest name the finished parts.

        Begun again after it was interrupted, it continues.

        :param drop: numbers of a part's rows that something newer has taken the place of
        :param about: what the manifest says next to the parts; each part bears its ``run`` and ``window``
        :param deleted: records that were deleted, with the time where it is known: a file of tombstones
        :param adds: leave what other runs have published there, unless they have read the same
        :param asked: with the window it tells what was read: whose records, and which
        :param are_held: the parts are on this machine's disk alone: who comes after this process reads again
        :raises PipedriveError: another run has read later, and published since
        """
        if self._decided is None:
            self._decided = self._decision(finished, drop, about, deleted or {}, adds)
            self._is_kept = not (finished or deleted)  # of nothing, nothing is lost
            if not are_held:
                self.keep()
        decided, present = self._decided, self._present.value
        manifest = present if present and is_of(decided, present) else self._replace(decided, asked)
        if self._folders.latest:
            keep_latest(self._folders.target, self._folders.entity)
        if finished or present is not None:
            self._clean_up(decided["tag"], manifest)
        return manifest

    def keep(self) -> None:
        """Let another try of this run continue with what is to be published, if that is decided."""
        if self._decided is not None and not self._is_kept:
            write_json(self._folders.unfinished / PUBLICATION, self._decided)
            self._is_kept = True

    def _decision(
        self,
        finished: Sequence[FinishedPart],
        drop: Callable[[FinishedPart], Sequence[int]],
        about: Mapping[str, Any],
        deleted: Mapping[Identity, datetime | None],
        adds: bool,
    ) -> dict[str, Any]:
        """What is to be published, as it survives an interruption."""
        parts: list[dict[str, Any]] = []
        for done in sorted(finished, key=lambda part: part.order):
            dropped = list(drop(done))
            if len(dropped) < done.part.rows:
                known = {"rows": done.part.rows, "bytes": done.part.bytes, "sha256": done.part.sha256}
                parts.append({"name": done.name, "drop": dropped, **known})
        return {
            "id": secrets.token_hex(8),
            "owner": self._folders.owner,
            "tag": self._names.tag,
            "partition": self._folders.partition,
            "adds": adds,
            "base": self._present.version,
            "about": {"entity": self._folders.entity, "format": self._names.format, "read_at": self._read_at, **about},
            "parts": parts,
            "deleted": [[identity, moment and moment.isoformat()] for identity, moment in deleted.items()],
        }

    def _replace(self, decided: Mapping[str, Any], asked: str) -> dict[str, Any]:
        """Replace the manifest."""
        present, version = self._present
        self._refuse_newer(decided, present, version)
        about = decided["about"]
        whose = {"run": about.get("run"), "window": about.get("window"), "asked": asked}
        parts = [{**part, **whose} for part in self._rewriter.published(decided["parts"])]
        tombstones = [{**part, **whose} for part in self._rewriter.tombstones(self.deleted)]
        others = _OtherPublications(self._rewriter, parts, tombstones, whose)
        while True:
            stay = others.that_stay(present or {}) if decided["adds"] else ([], [])
            over = [kept["name"] for kept in (present or {}).get("previous", ()) if is_over(kept)]
            remove_all([self._folders.target / name for name in over])
            manifest = self._new_manifest(decided, present or {}, [*stay[0], *parts], [*stay[1], *tombstones])
            if replace_versioned(self._manifest, manifest, version):
                return manifest
            log.info("%s: another run has published there at the same time.", self._folders.entity)
            present, version = read_versioned(self._manifest)
            self._refuse_newer(decided, present, version)

    def _refuse_newer(self, decided: Mapping[str, Any], present: Mapping[str, Any] | None, version: Version) -> None:
        about, before = decided["about"], present or {}
        is_anothers = before.get("writer") and about.get("writer") and before["writer"] != about["writer"]
        if not decided["adds"] and is_anothers and before["parameters"] != about["parameters"]:
            raise PipedriveParameterError(
                f"{self._manifest}: {before['writer']} publishes there, with other parameters than "
                f"{about['writer']}: each would take the place of the other's rows. Nothing was published: give each a "
                "partition or a folder of its own."
            )
        if is_overtaken(decided, present, version):
            raise PipedriveError(
                f"{self._manifest}: another run has read later than this one, and published first. Nothing of "
                "this one was published: the next try reads again.",
                retryable=True,
            )

    def _new_manifest(
        self,
        decided: Mapping[str, Any],
        present: Mapping[str, Any],
        parts: list[dict[str, Any]],
        tombstones: list[dict[str, Any]],
    ) -> dict[str, Any]:
        named = {part["name"] for part in [*parts, *tombstones]}
        return {
            **decided["about"],
            "rows": sum(part["rows"] for part in parts),
            "parts": parts,
            "tombstones": tombstones,
            "publication": decided["id"],
            "previous": previous_files(present, named, self._folders.keep_previous),
        }

    def _clean_up(self, tag: str, manifest: Mapping[str, Any]) -> None:
        """Remove this run's files that did not come to be named, those whose time is over, and what nobody knows."""
        target = self._folders.target
        over = {kept["name"] for kept in manifest["previous"] if is_over(kept)}
        named = named_files(manifest) - over
        found = [file for file in files(target) if file.name not in named]
        gone = [file.name for file in found if file.name in over or tag_of(file.name) == tag]
        remove_all([target / name for name in gone])
        sweep(target, [file for file in found if file.name not in gone], self._folders.spared)


class _OtherPublications:
    """What is published next to this run's parts and tombstones."""

    def __init__(
        self,
        rewriter: PartRewriter,
        parts: Sequence[Mapping[str, Any]],
        tombstones: Sequence[Mapping[str, Any]],
        whose: Mapping[str, Any],
    ) -> None:
        self._rewriter = rewriter
        self._own = {"parts": parts, "tombstones": [*parts, *tombstones]}
        self._whose = whose
        self._rewritten: dict[str, dict[str, Any] | None] = {}  # by name, what became of files that were written again
        self._read_again: dict[str, set[RowKey]] = {}

    def that_stay(self, present: Mapping[str, Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What other runs have published, and of what this run itself has published before, the rows that were not
        read again: their records have moved on since, and no list shows them as they were."""
        key = list(present.get("key") or ["id"])
        return self._staying(present, "parts", key), self._staying(present, "tombstones", ["id"])

    def _staying(self, present: Mapping[str, Any], kind: str, columns: Sequence[str]) -> list[dict[str, Any]]:
        stay = []
        for part in present.get(kind, ()):
            if part["run"] != self._whose["run"]:
                if not self._is_of_the_same_window(part):
                    stay.append(part)
            elif left := self._left_of(part, kind, columns):
                stay.append(left)
        return stay

    def _is_of_the_same_window(self, part: Mapping[str, Any]) -> bool:
        return self._whose["window"] is not None and all(
            part[name] == self._whose[name] for name in ("window", "asked")
        )

    def _left_of(self, part: Mapping[str, Any], kind: str, columns: Sequence[str]) -> dict[str, Any] | None:
        if part["name"] not in self._rewritten:
            if kind not in self._read_again:
                names = [each["name"] for each in self._own[kind]]
                keys = (found for name in names for found in self._rewriter.keys(name, columns))
                self._read_again[kind] = {found for found in keys if found is not None}
            self._rewritten[part["name"]] = self._rewriter.without_keys(part, columns, self._read_again[kind])
        return self._rewritten[part["name"]]


def is_of(decided: Mapping[str, Any], manifest: Mapping[str, Any] | None) -> bool:
    """Whether a manifest is the one that a publication has written."""
    return manifest is not None and manifest.get("publication") == decided["id"]


def is_overtaken(decided: Mapping[str, Any], present: Mapping[str, Any] | None, version: Version) -> bool:
    """Whether a snapshot would take the place of one that was published since, and read later."""
    if decided["adds"] or version == decided["base"] or present is None:
        return False
    return bool(present.get("read_at", "") > decided["about"]["read_at"])
