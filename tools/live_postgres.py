"""A PostgreSQL server for Airflow's metadata, on this machine and only as long as it is needed. Standard library only.

Needs ``initdb`` and ``pg_ctl`` on the path, and in Airflow's environment psycopg2 and asyncpg.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
from pathlib import Path
from types import TracebackType

SERVICE_USER = "postgres"
"""Who runs the server where this is started as root: PostgreSQL refuses to."""


class LivePostgres:
    """An empty database ``airflow``.

    :param folder: an empty or missing folder for its files
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._user = SERVICE_USER if os.geteuid() == 0 else getpass.getuser()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"postgresql+psycopg2://{self._user}@127.0.0.1:{self._port}/airflow"

    def __enter__(self) -> LivePostgres:
        self._folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            shutil.chown(self._folder, self._user)
            for parent in self._folder.parents:
                # Temporary folders are closed to others; the server must be able to pass through.
                if parent.stat().st_uid == 0 and parent not in (Path("/"), Path("/tmp")):
                    parent.chmod(parent.stat().st_mode | 0o011)
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-A", "trust", "-U", self._user, "--no-sync")
        options = f"-p {self._port} -k {self._folder} -h 127.0.0.1 -c max_connections=200"
        self._run("pg_ctl", "-D", data, "-l", self._folder / "log", "-w", "-o", options, "start")
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "airflow")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._run("pg_ctl", "-D", self._folder / "data", "-m", "immediate", "-w", "stop")

    def _run(self, *command: str | Path) -> None:
        """Run one of its programs; what it says is shown only if it fails."""
        user = {"user": self._user, "group": self._user} if os.geteuid() == 0 else {}
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self._folder, timeout=120, **user
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout}{done.stderr}")
