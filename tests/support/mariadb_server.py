"""A real MariaDB, for the tests that load into one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "PasswordOfTheWarehouse0123"
PROGRAMS = ("mariadbd", "mariadb-install-db", "mariadb")


@contextmanager
def running_mariadb(folder: Path | None = None) -> Iterator[dict[str, Any]]:
    """A MariaDB on a free port of this machine: its credentials, as dlt names them.

    :param folder: an empty or missing folder for its files; by default a temporary one

    Needs the programs of :data:`PROGRAMS`. It has the user ``pipedrive``, who may do everything, and ``reader``, who
    may only read, both with the same password.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="my-"))
    folder.mkdir(exist_ok=True)
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "mysql")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = [*user, f"--datadir={folder / 'data'}"]
    # The folder for temporary files of who starts it may be closed to its own user.
    environment = {**os.environ, "TMPDIR": str(folder)}
    made = ["mariadb-install-db", "--no-defaults", *data, "--auth-root-authentication-method=normal"]
    subprocess.run(made, check=True, capture_output=True, timeout=120, env=environment)
    options = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'socket'}"]
    server = subprocess.Popen(
        ["mariadbd", "--no-defaults", *data, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    ask = ["mariadb", "--no-defaults", "--user=root", f"--socket={folder / 'socket'}", "-e"]
    try:
        while subprocess.run([*ask, "SELECT 1"], capture_output=True).returncode:
            if server.poll() is not None:
                raise RuntimeError("MariaDB has ended.")
            time.sleep(0.1)
        for name, rights in (("pipedrive", "ALL"), ("reader", "SELECT")):
            grant = f"GRANT {rights} ON *.* TO {name}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'"
            subprocess.run([*ask, grant], check=True, capture_output=True)
        yield {
            "drivername": "mysql+pymysql",
            "host": "127.0.0.1",
            "port": port,
            "username": "pipedrive",
            "password": PASSWORD,
            "database": "mysql",
        }
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[dict[str, Any]]:
    """A MariaDB, where it is installed."""
    if not all(shutil.which(name) for name in PROGRAMS):
        pytest.skip(f"MariaDB ({', '.join(PROGRAMS)}) is not installed")
    with running_mariadb() as credentials:
        yield credentials
