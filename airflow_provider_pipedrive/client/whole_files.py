"""Files on a disk that are there whole or not at all.

A write to a disk is not whole before its end, so the bytes go to a hidden file in the same folder, which takes the name
when it is complete. A killed process leaves the hidden file behind; its name tells which file it was to become.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_NAME_KEPT = 50
"""Characters of a file's name that its hidden name begins with: all of it has to fit 255 bytes."""


class UnfinishedFile:
    """A file being written, for who cannot do that in one block of :func:`whole_file`.

    :param private: nobody but this user can read it
    :ivar file: where its bytes go
    :raises OSError: it cannot be written
    """

    def __init__(self, path: Path, *, private: bool = False) -> None:
        self._path = path
        self._hidden = path.with_name(f".{path.name[:_NAME_KEPT]}.{uuid.uuid4().hex}.tmp")
        self.file: BinaryIO = open(self._hidden, "wb", opener=_open_private if private else None)  # noqa: SIM115

    def finish(self, *, synced: bool = False) -> None:
        """Close the file and give it its name.

        :param synced: only when its bytes are on the disk: so that it is whole when the power fails, too. That takes
            milliseconds, which is much for a small file.
        :raises OSError: the disk is full, for example
        """
        self.file.flush()
        if synced:
            os.fsync(self.file.fileno())
        self.file.close()
        self._hidden.replace(self._path)

    def discard(self) -> None:
        """Close the file and remove it."""
        with suppress(OSError):  # a full disk refuses the last bytes once more; what it said first is what counts
            self.file.close()
        with suppress(OSError):
            self._hidden.unlink()


@contextmanager
def whole_file(path: Path, *, private: bool = False, synced: bool = True) -> Iterator[BinaryIO]:
    """A file to write into, which takes the place of ``path`` when the block ends well, and is removed when it fails.

    The parameters are those of :class:`UnfinishedFile`.

    :raises OSError: it cannot be written
    """
    unfinished = UnfinishedFile(path, private=private)
    try:
        yield unfinished.file
        unfinished.finish(synced=synced)
    except BaseException:
        unfinished.discard()
        raise


def _open_private(name: str, flags: int) -> int:
    return os.open(name, flags, 0o600)
