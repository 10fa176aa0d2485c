"""``python -m airflow_provider_pipedrive.sandbox``."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sandbox.__main__ import main

PATIENCE = 30


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "airflow_provider_pipedrive.sandbox", "--port", "0", "--deals", "5"]
    command += ["--port-file", str(tmp_path / "port"), "--api-token", "pasted-token", "--burst-limit", "33"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    yield process
    process.kill()
    process.communicate(timeout=PATIENCE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_prints_one_line_serves_and_stops_cleanly(
    number: signal.Signals, process: subprocess.Popen[str], tmp_path: Path
) -> None:
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.search(r"(http://127\.0\.0\.1:(\d+)) .*AIRFLOW_CONN_PIPEDRIVE_DEFAULT='(.+)'", line)
    assert found, line
    url, port, connection = found.groups()
    assert (tmp_path / "port").read_text() == port
    pasted = json.loads(connection)
    assert (pasted["conn_type"], pasted["host"]) == ("pipedrive", url)
    answer = requests.get(f"{url}/v1/users/me", headers={"x-api-token": pasted["extra"]["api_token"]}, timeout=PATIENCE)
    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-limit"] == "33"
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert (out, err) == ("", "")
    assert process.returncode in (0, -number)


def test_it_listens_on_loopback_only() -> None:
    command = [sys.executable, "-m", "airflow_provider_pipedrive.sandbox", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "127.0.0.1" in done.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "8765000"])
def test_a_port_that_cannot_be_is_refused_in_one_line(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--port", port])
    assert capsys.readouterr().err.splitlines()[-1].endswith(f"--port must be from 0 to 65535, not {port}")


def test_names_to_be_answered_are_taken_from_the_command_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "airflow_provider_pipedrive.sandbox", "--port", "0", "--deals", "1"]
    command += ["--allowed-hosts", "Host.Docker.Internal, crm:8080"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[2]
            statuses = [
                requests.get(f"{url}/_sandbox/state", headers={"Host": host}, timeout=PATIENCE).status_code
                for host in ("host.docker.internal:1", "crm:8080", "crm", "evil.example.com")
            ]
            assert statuses == [200, 200, 403, 403]
        finally:
            process.kill()


def test_the_package_knows_the_catalog_its_errors_and_nothing_else_of_ours_and_no_airflow() -> None:
    code = (
        "import sys, airflow_provider_pipedrive.sandbox.__main__;"
        "print(sorted(n for n in sys.modules if n == 'airflow' or n.startswith('airflow.')"
        " or n.startswith('airflow_provider_pipedrive')"
        " and n.split('.')[1:2] not in ([], ['catalog'], ['errors'], ['sandbox'])))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.strip() == "[]"


def test_a_port_that_is_taken_is_told_in_one_line(sandbox: Sandbox) -> None:
    port = sandbox.url.rpartition(":")[2]
    command = [sys.executable, "-m", "airflow_provider_pipedrive.sandbox", "--deals", "0", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert f"port {port} cannot be taken" in done.stderr
    assert "Traceback" not in done.stderr
