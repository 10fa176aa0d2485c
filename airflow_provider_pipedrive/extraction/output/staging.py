"""What one run reads of one entity, until it is published.

Every finished part has a small JSON file of its own in the folder of what is unfinished, written after the part. A part
without one is not finished and is thrown away, so a killed run continues from its last finished part. Nothing is ever
appended to: object stores can't.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.extraction.definition import LOOKBACK
from airflow_provider_pipedrive.extraction.output.encoders import Encoder
from airflow_provider_pipedrive.extraction.output.formats import open_part, staged_as
from airflow_provider_pipedrive.extraction.output.names import PartNames, number_of, tag_of
from airflow_provider_pipedrive.extraction.output.part_uploads import PartUploads
from airflow_provider_pipedrive.extraction.output.parts import MOST_ROWS, PART_ROWS, WHOLE, FinishedPart, OpenPart
from airflow_provider_pipedrive.extraction.output.publication import PUBLICATION, EntityFolders, Publication
from airflow_provider_pipedrive.extraction.output.rewriting import PartRewriter
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key
from airflow_provider_pipedrive.extraction.storage.files import (
    files,
    make_folder,
    on_each,
    read,
    read_json,
    remove_all,
    write,
    write_json,
)
from airflow_provider_pipedrive.extraction.storage.versioned import Versioned

log = logging.getLogger(__name__)
PLAN = "plan.json"
"""The file that keeps the reader's plan, and which run's parts are read by it."""


class EntityStaging:
    """The parts of one entity while a run lasts.

    :param folders: where they are
    :param names: what is in the folder of what is unfinished
    :param present: the manifest as it is
    :ivar finished: the finished parts
    :ivar shared: the stream of all scans; None where rows wait in another format, and in the order of the scans, until
        they are published
    :ivar boundary_width: how far before its newest record a part's records are kept by their times
    :ivar publication: what becomes of them
    """

    def __init__(
        self,
        folders: EntityFolders,
        format: str,  # noqa: A002 - the users' word
        encoder: Encoder,
        *,
        names: set[str],
        present: Versioned,
        escape_formulas: bool = False,
    ) -> None:
        self.entity = folders.entity
        self.folder = folders.unfinished
        self.target = folders.target
        self.format = format
        self.encoder = encoder
        self.finished: list[FinishedPart] = []
        self.shared = "scans" if staged_as(format) == format else None
        self.boundary_width = timedelta(seconds=2 * LOOKBACK)
        self._partition = folders.partition
        self._escape_formulas = escape_formulas
        self._kept = names
        self._unsaved: dict[str, Any] | None = None
        self._names = PartNames(folders.owner, format)
        self._open: dict[str, OpenPart] = {}
        self._most_bytes = folders.most_bytes
        at_once = sys.maxsize if self.shared is None else max(folders.whole_bytes, WHOLE)
        self._uploads = PartUploads(self.target, at_once)
        decided = read_json(self.folder / PUBLICATION) if PUBLICATION in self._kept else None
        rewriter = PartRewriter(
            self.target,
            format,
            self._names,
            whole_bytes=folders.whole_bytes,
            most_bytes=folders.most_bytes,
            uploads=self._uploads,
        )
        self.publication = Publication(folders, self._names, rewriter, decided, present)

    # ---- what is known of it

    def load(self) -> dict[str, Any] | None:
        """The reader's plan of a run that did not end, its finished parts in :attr:`finished`; None for a new one."""
        plan = read_json(self.folder / PLAN) if PLAN in self._kept else None
        finished = sorted((n.removesuffix(".json") for n in self._kept if n.startswith("part-")), key=number_of)
        if plan is None:
            remove_all([self.target / name for name in finished])
            remove_all([self.folder / name for name in self._kept])
            self._kept = set()
            return None
        self._uploads.upload_held()  # it continues for who comes after it, too
        tag = plan.pop("staging")["tag"]
        present = {found.name for found in files(self.target)}
        # One that is missing was replaced by a publication that was broken off, which continues without it.
        known = [name for name in finished if name in present or self.publication.is_begun]
        self.finished = on_each(_restored, [self.folder / f"{name}.json" for name in known], self.folder)
        self._names.resume(tag, known)
        if not self.publication.is_begun:
            unknown = [name for name in present - set(known) if tag_of(name) == tag]
            remove_all([self.target / name for name in unknown])
        if self.finished:
            log.info("%s: continuing after %s that an earlier try has read.", self.entity, counted(self.rows, "row"))
        return plan

    def save(self, plan: Mapping[str, Any]) -> None:
        """Keep the reader's plan: from its first part on, for before that there is nothing to continue."""
        own = {"tag": self._names.tag, "partition": self._partition}
        self._unsaved = {**plan, "staging": own}
        if self.finished or self._open:
            self._save()

    def _save(self) -> None:
        if self._unsaved is not None:
            plan, self._unsaved = self._unsaved, None
            self._uploads.note(lambda: write_json(self.folder / PLAN, plan))
            self._kept.add(PLAN)

    @property
    def rows(self) -> int:
        """Rows in all finished parts."""
        return sum(part.part.rows for part in self.finished)

    @property
    def newest(self) -> datetime | None:
        """The greatest time of last update in all finished parts."""
        return max((part.newest for part in self.finished if part.newest is not None), default=None)

    def ids(self) -> Iterator[Identity]:
        """The identity of every row that was finished, in no special order."""
        for part in self.finished:
            yield from part.ids

    # ---- writing

    def write(self, stream: str, order: list[Any], records: Sequence[bytes | msgspec.Raw], keys: Sequence[Key]) -> bool:
        """Append records to a stream's present part.

        :returns: whether the part is full
        """
        part = self._open.get(stream)
        if part is None:
            part = self._open[stream] = self._begin(order)
        self.encoder.write(part.writer, records)
        part.note(keys, self.boundary_width)
        return part.rows >= PART_ROWS and (stream != self.shared or self._is_large(part))

    def _is_large(self, part: OpenPart) -> bool:
        """Whether a part that scans share is full. The longer a list, the larger are its files, and the last of them is
        about a seventh of it at most: that one goes to object storage when all is read."""
        before = sum(finished.part.bytes for finished in self.finished)
        return part.rows >= MOST_ROWS or part.writer.size >= min(self._most_bytes, max(WHOLE, before // 6))

    def _begin(self, order: list[Any]) -> OpenPart:
        self._save()
        staged = staged_as(self.format)
        name = self._names.next("part", staged)
        make_folder(self.target)
        path, columns = self.target / name, self.encoder.columns
        writer = open_part(path, staged, columns, escape_formulas=self._escape_formulas)
        return OpenPart(writer, name, [*order, self._names.count])

    def finish(self, stream: str, resume_info: Mapping[str, Any]) -> None:
        """Finish a stream's present part; nothing where it has none."""
        part = self._open.pop(stream, None)
        if part is None:
            return
        finished = part.finished(stream, resume_info)
        known = self.folder / f"{part.name}.json"
        # When that is written it counts as finished.
        self._uploads.begin(stream, part.name, part.writer, lambda: write(known, finished.encoded()))
        self.finished.append(finished)

    def source(self, name: str) -> Any:
        """Where a finished part is to be read."""
        return self._uploads.source(name)

    def settle(self) -> None:
        """Wait until all that was finished, and does not wait to be published, is where it is to stay."""
        self._uploads.settle()

    def abort(self) -> None:
        """Throw the parts away that are being written; what was finished before stays."""
        for part in self._open.values():
            part.writer.abort()
        self._open.clear()

    def keep(self) -> None:
        """Let another try continue after what is finished.

        :raises Exception: it is not all there, now or when it was to be before
        """
        self._uploads.upload_held()
        self.settle()
        self.publication.keep()

    def close(self) -> None:
        """Let no thread and no file of it stay."""
        self._uploads.close()

    def forget(self, parts: Container[str]) -> None:
        """Throw finished parts away, because their records are read again."""
        self.settle()
        gone = [part for part in self.finished if part.name in parts]
        self.finished = [part for part in self.finished if part.name not in parts]
        for part in gone:
            self._uploads.forget(part.name)
        remove_all([self.folder / f"{part.name}.json" for part in gone])
        remove_all([self.target / part.name for part in gone])

    def publish(
        self,
        drop: Callable[[FinishedPart], Sequence[int]],
        about: Mapping[str, Any],
        deleted: Mapping[Identity, datetime | None] | None = None,
        *,
        adds: bool = False,
        asked: str = "",
    ) -> dict[str, Any]:
        """Let the manifest name the finished parts: see :meth:`Publication.publish`."""
        self.settle()
        return self.publication.publish(
            self.finished, drop, about, deleted, adds=adds, asked=asked, are_held=self._uploads.are_held
        )


def _restored(path: Any) -> FinishedPart:
    return FinishedPart.decoded(path.name.removesuffix(".json"), read(path))
