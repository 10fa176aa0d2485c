"""Records in a file, each found by its number."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class RecordFile:
    """Records by number from 1 on; eight bytes a record are in memory.

    :param path: is made
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("a+b")  # writes at the end, wherever it was read
        self._ends = array("Q", [0])

    def __len__(self) -> int:
        return len(self._ends) - 1

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def append(self, records: Iterable[Any]) -> None:
        """Keep records."""
        encoded = [_encode(record) for record in records]
        self._ends.extend(accumulate(map(len, encoded), initial=self._ends.pop()))
        self._file.write(b"".join(encoded))

    def record(self, number: int) -> dict[str, Any]:
        """A record, as it was kept."""
        start, end = self._ends[number - 1], self._ends[number]
        self._file.seek(start)
        return _decode(self._file.read(end - start))
