"""One pace for all processes of a user on one machine.

Airflow runs every task in a process of its own, and Pipedrive counts the requests of all of them together. So each
process notes in a file when its requests start, and finds there when those of the others do. It is a private file, see
:mod:`.private_files`, and has nothing but times in it, under a name that cannot be traced back to a credential. Where
it cannot be had, each process paces itself, and the log says so once.
"""

from __future__ import annotations

import logging
import os
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_pipedrive.client.private_files import (
    open_private,
    overwrite,
    shared_folder,
    try_lock,
    unlock,
)

log = logging.getLogger(__name__)
LOCK_PATIENCE = 1.0
"""Seconds to wait for a lock, which is held for less than a millisecond unless its holder is stopped."""
_POLL = 0.001
_LARGEST = 1024 * 1024


class SharedPace:
    """The file of one credential: a list of numbers.

    :param name: of the file
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._opened: tuple[int, int] | None = None
        self._has_failed = False

    @contextmanager
    def locked(self) -> Iterator[int | None]:
        """The file, for a block that runs in one process at a time; ``None`` where there is none to be had."""
        file = self._locked()
        try:
            yield file
        finally:
            if file is not None:
                unlock(file)

    def read(self, file: int) -> array[float]:
        """The numbers in the locked file; none where there is nothing that can be read."""
        found = array("d")
        content = os.pread(file, _LARGEST, 0)
        if not len(content) % found.itemsize:
            found.frombytes(content)
        return found

    def write(self, file: int, numbers: array[float]) -> None:
        """Put these in place of what is in the locked file."""
        try:
            overwrite(file, numbers.tobytes())
        except OSError as error:  # no room
            self._fail(error)

    def _locked(self) -> int | None:
        if self._has_failed:
            return None
        try:
            file = self._file()
            until = time.monotonic() + LOCK_PATIENCE
            while file is not None and not try_lock(file):
                if time.monotonic() > until:
                    return None
                time.sleep(_POLL)
        except OSError as error:
            self._fail(error)
            return None
        return file

    def _file(self) -> int | None:
        """The file, opened once in each process: what a fork has inherited shares its lock with the parent."""
        if self._opened is not None:
            process, file = self._opened
            if process == os.getpid() and os.fstat(file).st_nlink:  # 0: it was swept out of the temporary folder
                return file
            self.close()
        folder = shared_folder()
        if folder is None:
            return None
        file = open_private(folder, self._name, create=True)
        self._opened = (os.getpid(), file)
        return file

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            os.close(self._opened[1])
            self._opened = None

    def _fail(self, error: OSError) -> None:
        self._has_failed = True
        log.warning("The rate limit is not shared with other processes of this machine: %s", error)
