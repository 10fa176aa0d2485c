"""A small file that processes of one user on one machine take turns at.

It is a private file, see :mod:`.private_files`. Where it cannot be had, each process does without, and the log says so
once.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_pipedrive.client.private_files import open_private, shared_folder, try_lock, unlock

log = logging.getLogger(__name__)
LOCK_PATIENCE = 1.0
"""Seconds to wait for a lock, which is held for less than a millisecond unless its holder is stopped."""
_POLL = 0.001
_LARGEST = 16 * 1024 * 1024


class SharedFile:
    """One of these files, opened once in each process.

    :param name: of the file
    :param purpose: what is shared by it, for the log: ``The rate limit``
    """

    def __init__(self, name: str, purpose: str) -> None:
        self._name = name
        self._purpose = purpose
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

    def content(self, file: int) -> bytes:
        """All that is in the locked file."""
        return os.pread(file, _LARGEST, 0)

    def put(self, file: int, content: bytes) -> None:
        """Put this at the beginning of the locked file. It is not cut, for each call to the system lets other threads
        in, and this one wait: the content itself says where it ends."""
        try:
            os.pwrite(file, content, 0)
        except OSError as error:  # no room
            self._fail(error)

    def close(self) -> None:
        """Close the file."""
        if self._opened is not None:
            os.close(self._opened[1])
            self._opened = None

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

    def _fail(self, error: OSError) -> None:
        self._has_failed = True
        log.warning("%s is not shared with other processes of this machine: %s", self._purpose, error)
