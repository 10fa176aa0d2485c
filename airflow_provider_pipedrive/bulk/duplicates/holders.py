"""Which records have a value in common: found in files, in a memory that does not grow with them.

Values are kept as their hashes, which hold within one process, and spread over parts by them: all records of one value
are in one part, and only one part is looked at a time.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_PARTS: Final = 64
_BUFFERED: Final = 4_096
"""Numbers of a part that are kept before they are written: 32 KB."""


class Holders:
    """The records that have a value, by their number.

    :param folder: is made, and has the parts
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._files = [folder / str(part) for part in range(_PARTS)]
        self._parts = [array("q") for _ in range(_PARTS)]

    def add(self, record: int, values: Iterable[str]) -> None:
        """Keep the values of a record."""
        parts = self._parts
        for value in values:
            found = hash(value)
            part = parts[found % _PARTS]
            part.append(found)
            part.append(record)

    def flush(self) -> None:
        """Write what has become much."""
        for file, part in zip(self._files, self._parts, strict=True):
            if len(part) >= _BUFFERED:
                with file.open("ab") as written:
                    part.tofile(written)
                del part[:]

    def shared(self, least: int) -> Iterator[list[tuple[int, list[int]]]]:
        """Part by part, the hashes of values that so many records have at least, and these records."""
        for file, part in zip(self._files, self._parts, strict=True):
            found = array("q", file.read_bytes() if file.exists() else b"")
            found.extend(part)
            holders: dict[int, list[int]] = {}
            for value, record in zip(found[::2], found[1::2], strict=True):
                if value in holders:
                    holders[value].append(record)
                else:
                    holders[value] = [record]
            distinct = ((value, list(dict.fromkeys(held))) for value, held in holders.items() if len(held) >= least)
            yield [(value, held) for value, held in distinct if len(held) >= least]
