"""A folder in object storage for one run alone: a file that its owner replaces every few seconds.

Only the version that was read is replaced (see :mod:`airflow_provider_pipedrive.extraction.storage.versioned`), so of
two runs one gets the folder. Clocks of different machines are not compared: a folder is free again if its file has not
changed for as long as somebody else has watched it.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.store import Version
from airflow_provider_pipedrive.extraction.storage.versioned import read_versioned, replace_versioned

log = logging.getLogger(__name__)
FILE: Final = "bulk.lock"
_RENEWED_EVERY = 8.0
_FREE_AFTER = 40.0
"""Seconds without a change after which whoever held a folder is taken for dead: several renewals may fail."""
_LOOK_EVERY = 4.0


class FolderLease:
    """Holds a folder until it is released.

    :param folder: the folder: like a ``pathlib.Path``
    :raises PipedriveParameterError: another run holds it
    """

    def __init__(self, folder: Any, sleep: Callable[[float], None] = time.sleep) -> None:
        self._folder = folder
        self._file = folder / FILE
        self._owner = uuid.uuid4().hex
        self._lost = False
        self._stopped = threading.Event()
        self._version = self._take(sleep)
        self._renewing = threading.Thread(target=self._renew, name="bulk-lease", daemon=True)
        self._renewing.start()

    def check(self) -> None:
        """Make sure that the folder is still this run's.

        :raises PipedriveError: another run has taken it
        """
        if self._lost:
            raise PipedriveError(
                f"{self._folder} was taken by another run, because this one did not answer for {_FREE_AFTER:.0f} s. "
                "What was written before is journalled: write again with the same folder.",
                retryable=True,
            )

    def release(self) -> None:
        """Leave the folder to others."""
        self._stopped.set()
        self._renewing.join()
        if not self._lost:
            with suppress(OSError):  # it is free before long in any case
                replace_versioned(self._file, {"owner": None}, self._version)

    def _take(self, sleep: Callable[[float], None]) -> Version:
        value, version = read_versioned(self._file)
        if value is not None and value["owner"] is not None:
            version = self._watch(version, sleep)
        own = self._replace(version)
        if own is None:
            raise self._in_use()
        return own

    def _watch(self, version: Version, sleep: Callable[[float], None]) -> Version:
        """Wait until whoever holds the folder has released it, or has not renewed it for long enough."""
        log.info("%s is held by another run: looking whether that one is alive.", self._folder)
        for _ in range(int(_FREE_AFTER / _LOOK_EVERY)):
            sleep(_LOOK_EVERY)
            value, present = read_versioned(self._file)
            if present != version:
                if value is not None and value["owner"] is not None:
                    raise self._in_use()
                return present
        return version

    def _in_use(self) -> PipedriveParameterError:
        return PipedriveParameterError(
            f"{self._folder} is in use: another process is writing or undoing a run in it. Wait for it, or give each "
            "run a folder of its own."
        )

    def _replace(self, version: Version) -> Version:
        """The version of the file with this run in it; None where another run has replaced it."""
        if not replace_versioned(self._file, {"owner": self._owner}, version):
            return None
        value, version = read_versioned(self._file)
        return version if value is not None and value["owner"] == self._owner else None

    def _renew(self) -> None:
        while not self._lost and not self._stopped.wait(_RENEWED_EVERY):
            self._renew_once()

    def _renew_once(self) -> None:
        try:
            own = self._replace(self._version)
        except OSError as error:  # it passes, or the next checkpoint meets it too
            log.info("%s could not be renewed: %s", self._file, error)
            return
        if own is None:
            self._lost = True
        else:
            self._version = own
