"""Records that have come and are not written yet: to ask for what comes next is more urgent."""

from __future__ import annotations

from collections import deque
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
    """Writes to a sink, in the order in which records came."""

    def __init__(self, sink: PartSink) -> None:
        self._sink = sink
        self._waiting: deque[Callable[[], None]] = deque()
        self._written = 0

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
        """Append records to a stream's part.

        :param resume_info: of the part, should it be full with them
        """
        self._waiting.append(partial(self._write, stream, order, records, keys, resume_info))

    def finish(self, stream: str, resume_info: Mapping[str, Any]) -> None:
        """Finish a stream's part."""
        self._waiting.append(partial(self._sink.finish, stream, resume_info))

    def work_while(self, idle: Callable[[], bool]) -> None:
        """Write as long as there is nothing more urgent."""
        while self._waiting and idle():
            self._waiting.popleft()()

    def _write(
        self,
        stream: str,
        order: list[Any],
        records: Sequence[bytes | msgspec.Raw],
        keys: Sequence[Key],
        resume_info: Mapping[str, Any],
    ) -> None:
        if self._sink.write(stream, order, records, keys):
            self._sink.finish(stream, resume_info)
        self._written += 1
        if self._written % _GIVE_BACK_AFTER == 0:
            give_back()
