"""Who is in a folder: each run shows that it is alive by a file of its own."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_pipedrive.extraction.output.names import short_hash
from airflow_provider_pipedrive.extraction.storage.files import read_json, remove, write_json

LEASE = 900.0
"""Seconds after which a run that shows no sign of life no longer holds its unfinished parts."""
OWN_LEASE = 150.0
"""The same for a run of the same owner: it shows itself every minute."""


def process_tag(owner: str) -> str:
    """What tells this process, running something for an owner, from all others."""
    return short_hash(f"{owner} {socket.gethostname()} {os.getpid()}")


class RunLease:
    """The sign of life of one run in a folder.

    :param owner: who runs it
    """

    def __init__(self, folder: Any, owner: str) -> None:
        self._folder = folder
        self._owner = owner
        self._file = folder / f"lease-{process_tag(owner)}.json"

    def renew(self) -> None:
        """Show that this run is alive."""
        own = {"owner": self._owner, "host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
        write_json(self._file, own)

    def release(self) -> None:
        """Let others in: this run has ended."""
        remove(self._file)

    def is_held_by_another(self, names: Iterable[str]) -> bool:
        """Whether another run is in the folder. Each has a lease of its own, written before it looks for others': of
        two that begin at once, at least one sees the other, and gives way.

        :param names: what is in the folder; leases of runs that are dead are removed
        """
        for name in names:
            is_anothers = name.startswith("lease-") and name.endswith(".json") and name != self._file.name
            held = read_json(self._folder / name) if is_anothers else None
            if held is None:
                continue
            if self._is_alive(held):
                return True
            remove(self._folder / name)
        return False

    def _is_alive(self, held: Mapping[str, Any]) -> bool:
        """Whether a lease is that of a run that continues. The same owner's is most likely that of a try that was lost:
        it must be on this machine, and have shown itself of late, for a process id may be given again."""
        if held["owner"] != self._owner:
            return _is_alive(held, LEASE)
        return held["host"] == socket.gethostname() and _is_alive(held, OWN_LEASE)


def _is_alive(held: Mapping[str, Any], seconds: float) -> bool:
    if held["host"] == socket.gethostname():
        try:
            os.kill(held["pid"], 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    return bool(time.time() - held["time"] < seconds)
