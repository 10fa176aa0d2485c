"""Processes of an Airflow that are killed and started again. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path


class Part:
    """A process with its children.

    :param name: what it is called, in its log file's name too
    :param command: what starts it
    :param environ: its environment
    :param home: the folder that it runs in and that its log is in
    """

    def __init__(self, name: str, command: Sequence[str | Path], environ: dict[str, str], home: Path) -> None:
        self.name = name
        self.log = home / f"{name}.log"
        self._command = command
        self._environ = environ
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environ,
                cwd=self._home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: a Ctrl-C in the terminal reaches us alone, and we stop it in order.
                start_new_session=True,
            )

    @property
    def has_ended(self) -> bool:
        """Whether it was started and has ended, unasked."""
        return self._process is not None and self._process.poll() is not None

    def kill(self) -> None:
        """Kill -9 it and all that descend from it, at once."""
        if self._process is None:
            return
        # Some children have process groups of their own: those that run tasks.
        for pid in (self._process.pid, *descendants(self._process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None


def descendants(pid: int) -> list[int]:
    """The processes that descend from one."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, at = [], [pid]
    while at:
        at = [child for child, parent in parents.items() if parent in at]
        found += at
    return found
