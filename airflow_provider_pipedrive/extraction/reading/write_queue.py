"""Records that have come and are not written yet: to ask for what comes next is more urgent."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.extraction.reading.memory import give_back
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.sink import PartSink

if TYPE_CHECKING:
    import msgspec

_GIVE_BACK_AFTER = 16
"""Pages, after which what was freed is given back."""


class WriteQueue:
    """Writes what several scans bring to a sink, in the order in which it came. A part that is finished says of every
    scan whose records it has how far that one had come: ``scans``, by stream.
    """

    def __init__(self, sink: PartSink) -> None:
        self._sink = sink
        self._waiting: deque[Callable[[], None]] = deque()
        self._written = 0
        self._scans: defaultdict[str, dict[str, Any]] = defaultdict(dict)  # by the sink's stream: what is to be said

    def __len__(self) -> int:
        return len(self._waiting)

    def write(
        self,
        stream: str,
        order: list[Any],
        records: Sequence[bytes | msgspec.Raw],
        keys: Sequence[Key],
        resume_info: Mapping[str, Any],
    ) -> None:
        """Append records of a scan.

        :param resume_info: how far it has come with them
        """
        self._waiting.append(partial(self._write, stream, order, records, keys, resume_info))

    def finish(self, stream: str, resume_info: Mapping[str, Any]) -> None:
        """Note that a scan has ended."""
        self._waiting.append(partial(self._finish, stream, resume_info))

    def work_while(self, idle: Callable[[], bool]) -> None:
        """Write as long as there is nothing more urgent."""
        while self._waiting and idle():
            self._waiting.popleft()()

    def end(self) -> None:
        """Write what waits, and finish the part that scans have in common."""
        self.work_while(lambda: True)
        if self._sink.shared is not None:
            self._finish_part(self._sink.shared)

    def _write(
        self,
        stream: str,
        order: list[Any],
        records: Sequence[bytes | msgspec.Raw],
        keys: Sequence[Key],
        resume_info: Mapping[str, Any],
    ) -> None:
        part = self._sink.shared or stream
        self._scans[part][stream] = resume_info
        if self._sink.write(part, order if part == stream else [0], records, keys):
            self._finish_part(part)
        self._written += 1
        if self._written % _GIVE_BACK_AFTER == 0:
            give_back()

    def _finish(self, stream: str, resume_info: Mapping[str, Any]) -> None:
        part = self._sink.shared or stream
        self._scans[part][stream] = resume_info
        if part == stream:
            self._finish_part(part)

    def _finish_part(self, part: str) -> None:
        self._sink.finish(part, {"scans": self._scans.pop(part, {})})
