"""Finished parts on their way into object storage.

A part is first a file on this machine's disk. Of a run's first seconds, only those are uploaded that are so large that
they can be published as they are, and nothing is noted: a run that is over by then uploads what it publishes, and one
that is killed by then has lost no more than these seconds. From then on, each is uploaded when it is finished, so that
another try can continue after it. What is still on the disk is read from there when it is published.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from airflow_provider_pipedrive.extraction.definition import MB
from airflow_provider_pipedrive.extraction.output.part_writer import PartOnDisk, PartWriter
from airflow_provider_pipedrive.extraction.storage.store import file_system
from airflow_provider_pipedrive.extraction.storage.uploading import OrderedUploads

HELD_SECONDS = 10.0
"""Seconds from a run's first finished part on in which nothing is uploaded."""
HELD_BYTES = 256 * MB
"""Bytes of an entity's parts that stay on the disk."""
HELD_PARTS = 48
"""Parts of an entity that stay on the disk: each is an open file."""


class PartUploads:
    """The finished parts of one entity. On a disk each has its place at once.

    :param target: the folder of its parts
    :param at_once: a part that has so many bytes is uploaded at once: as it is, it can be published
    """

    def __init__(self, target: Any, at_once: int) -> None:
        self._target = target
        self._at_once = at_once
        self._uploads = OrderedUploads(target)
        self._is_on_disk = file_system(target) is None
        self._held: list[tuple[str, Callable[[], Any]]] | None = None if self._is_on_disk else []
        self._until: float | None = None
        self._here: dict[str, PartWriter] = {}
        self._early: set[str] = set()
        self._bytes = 0

    @property
    def are_held(self) -> bool:
        """Whether nothing is noted yet, so that another try would find nothing."""
        return self._held is not None

    def source(self, name: str) -> Any:
        """Where a part is to be read."""
        part = self._here.get(name)
        return self._target / name if part is None else PartOnDisk(name, part)

    def begin(self, stream: str, name: str, part: PartWriter, note: Callable[[], Any]) -> None:
        """Bring a finished part to its place, and note that it is there.

        :raises Exception: what an earlier one raised
        """
        appear: Callable[[], None] = part.appear
        if not self._is_on_disk:
            self._bytes += part.size
            if self._bytes <= HELD_BYTES and len(self._here) < HELD_PARTS:
                self._here[name] = part
                appear = part.upload
            else:
                self.upload_held()
            if self.are_held and part.size >= self._at_once:
                self._early.add(name)
                appear = self._uploads.begin(name, appear, _nothing).result
        self._begin(name, partial(self._uploads.begin, stream, appear, note))

    def note(self, note: Callable[[], Any]) -> None:
        """Note something that holds for what is begun from now on."""
        self._begin("", partial(self._uploads.note, note))

    def _begin(self, name: str, upload: Callable[[], Any]) -> None:
        if self._held is None:
            upload()
            return
        now = time.monotonic()
        self._until = self._until or now + HELD_SECONDS
        self._held.append((name, upload))
        if now >= self._until:
            self.upload_held()

    def publish(self, name: str) -> None:
        """Bring a part to its place that is published as it is.

        :raises Exception: what an earlier one raised
        """
        if self.are_held and name not in self._early:
            self._uploads.begin(name, self._here[name].upload, _nothing)

    def publish_new(self, part: PartWriter) -> None:
        """The same of one that was made for that.

        :raises Exception: what an earlier one raised
        """
        self._uploads.begin("", part.appear, _nothing)

    def upload_held(self) -> None:
        """Upload and note what was held, in its order.

        :raises Exception: what one of them raised
        """
        held, self._held = self._held or [], None
        for _, upload in held:
            upload()

    def settle(self) -> None:
        """Wait until all is done that is begun.

        :raises Exception: what one of them raised
        """
        self._uploads.settle()

    def forget(self, name: str) -> None:
        """Throw a part away that is on the disk; nothing where it is not."""
        if (part := self._here.pop(name, None)) is not None:
            part.abort()
        if self._held is not None:
            self._held = [(held, upload) for held, upload in self._held if held != name]

    def close(self) -> None:
        """Let what is begun end, and no thread and no file stay."""
        self._uploads.close()
        for name in list(self._here):
            self.forget(name)


def _nothing() -> None:
    """What is published is noted in the manifest, what is held later."""
