"""Where what is read goes, as far as reading knows it. :mod:`airflow_provider_pipedrive.extraction.output` has one."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key

if TYPE_CHECKING:
    import msgspec


class StoredPart(Protocol):
    """Records that are kept, whatever ends the run.

    :ivar stream: which of the lists that are read at once it is a part of
    :ivar resume_info: what its reader wrote down when it finished the part, to continue from there
    :ivar ids: the identity of every record, in order
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - fields, described above

    @property
    def stream(self) -> str: ...  # noqa: D102

    @property
    def resume_info(self) -> Mapping[str, Any]: ...  # noqa: D102

    @property
    def ids(self) -> Sequence[Identity]: ...  # noqa: D102


class PartSink(Protocol):
    """Takes the records of one entity, in parts, and a plan that survives the run.

    :ivar finished: the parts that are finished, in the order in which they were
    :ivar shared: the stream that takes the records of all scans, in the order in which they come; None where each scan
        has parts of its own
    """

    @property
    def shared(self) -> str | None: ...  # noqa: D102 - a field, described above

    @property
    def finished(self) -> Sequence[StoredPart]: ...  # noqa: D102 - a field, described above

    @property
    def rows(self) -> int:
        """Records in all finished parts."""

    @property
    def newest(self) -> datetime | None:
        """The greatest time of last update in all finished parts."""

    def ids(self) -> Iterator[Identity]:
        """The identity of every record in a finished part, in no special order."""

    def load(self) -> dict[str, Any] | None:
        """The plan of a run that did not end, its finished parts in :attr:`finished`; None for a new run."""

    def save(self, plan: Mapping[str, Any]) -> None:
        """Keep the plan: JSON."""

    def write(self, stream: str, order: list[Any], records: Sequence[bytes | msgspec.Raw], keys: Sequence[Key]) -> bool:
        """Append records to a stream's present part.

        :param order: where the part is among all parts of the entity, for an order that does not depend on who was
            faster
        :returns: whether the part is full, and should be finished
        """

    def finish(self, stream: str, resume_info: Mapping[str, Any]) -> None:
        """Finish a stream's present part; nothing where it has none."""

    def forget(self, parts: Container[str]) -> None:
        """Throw finished parts away, by name, because their records are read again."""
