"""What the parts of the client that look names up need of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class ActionRunner(Protocol):
    """Does actions, as :class:`PipedriveClient` does."""

    def run(self, action: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """Do one action and return its ``data``."""

    def iterate(self, action: str, parameters: Mapping[str, Any] | None = None) -> Iterator[Any]:
        """The records of all pages of a list."""
