"""A real Postgres, for the tests that load into one."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "PasswordOfTheWarehouse0123"


@pytest.fixture(scope="session")
def postgres() -> Iterator[dict[str, Any]]:
    """A Postgres on a free port of this machine: host, port, login, password and schema, as an Airflow connection."""
    if not all(shutil.which(name) for name in ("initdb", "pg_ctl", "postgres")):
        pytest.skip("Postgres (initdb, pg_ctl, postgres) is not installed")
    as_other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if as_other and subprocess.run(["id", "postgres"], capture_output=True).returncode:
        pytest.skip("Postgres does not run as root, and there is no user postgres")
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    password = folder / "password"
    password.write_text(PASSWORD)
    if as_other:
        for path in (folder, password):
            shutil.chown(path, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    created = ["--auth=scram-sha-256", f"--pwfile={password}", "-E", "UTF8", "-U", "pipedrive"]
    subprocess.run([*as_other, "initdb", "-D", data, *created], check=True, capture_output=True, timeout=120)
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    control = [*as_other, "pg_ctl", "-D", str(data), "-w"]
    subprocess.run([*control, "-o", options, "-l", str(folder / "log"), "start"], check=True, timeout=120)
    try:
        yield {"host": "127.0.0.1", "port": port, "login": "pipedrive", "password": PASSWORD, "schema": "postgres"}
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, timeout=60)
        shutil.rmtree(folder, ignore_errors=True)
