"""Other people's clients of Pipedrive, each in an environment of its own, to be run against the sandbox.

An environment is made once, inside the checkout, from the package indexes; later runs use it as it is.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

from environment import ROOT, clean_environ

TAP = ("tap-pipedrive==2.1.0",)
AIRBYTE = ("airbyte-source-pipedrive==2.3.7",)
N8N = ("n8n-nodes-base@2.41.2", "n8n-workflow@2.41.0", "lodash@4.18.1")
DRIVERS = Path(__file__).parent / "clients"
INSTALL_SECONDS = 600
NPM_INSTALL = ("npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts")


class CannotInstall(Exception):
    """A package index was not reached, or has not what was asked for."""


def tap_pipedrive(url: str, token: str, start_date: str) -> dict[str, list[Any]]:
    """The ids that Singer's tap-pipedrive reads, by stream."""
    python = _python_with("tap-pipedrive", TAP)
    return _run(python, "run_tap_pipedrive.py", url, token, start_date)


def airbyte_source(url: str, token: str, start_date: str) -> dict[str, list[Any]]:
    """The ids that Airbyte's source-pipedrive reads, by stream."""
    python = _python_with("airbyte", AIRBYTE)
    return _run(python, "run_airbyte_source.py", url, token, start_date)


def n8n_node(url: str, token: str) -> dict[str, Any]:
    """The ids that n8n's Pipedrive node reads, by resource; ``written`` has what its writes have left."""
    return _run("node", "run_n8n_node.js", _folder_with_n8n(), url, token)


def node_client(package: str, calls: Path) -> dict[str, Any]:
    """The ``requests`` that Pipedrive's client for Node makes of the calls in a file, without sending them.

    :param package: with its version, ``pipedrive@...``
    """
    return _run("node", "run_node_client.js", _folder_with_node_client(package), calls)


def _run(program: str | Path, driver: str, *arguments: str | Path) -> dict[str, Any]:
    done = subprocess.run(
        [program, DRIVERS / driver, *arguments], capture_output=True, text=True, env=clean_environ(), timeout=240
    )
    if done.returncode:
        raise RuntimeError(f"{driver} has failed: {(done.stderr or done.stdout)[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _python_with(name: str, requirements: tuple[str, ...]) -> Path:
    home = ROOT / f".venv-{name}"
    python = home / "bin" / "python"
    note = home / "installed"
    wanted = f"{sys.version}\n{requirements}"
    if note.exists() and note.read_text() == wanted:
        return python
    venv.create(home, clear=True)
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check"]
    # setuptools: singer-python and its like still import pkg_resources.
    _install([*pip, *requirements, "setuptools<81"], ROOT)
    note.write_text(wanted)
    return python


def _folder_with_n8n() -> Path:
    """The node's package without the hundreds of others that only other nodes need."""
    home = ROOT / ".venv-n8n"
    if _is_made(home, str(N8N)):
        return home
    package, *needs = N8N
    _install(["npm", "pack", "--silent", package], home)
    archive = next(home.glob("n8n-nodes-base-*.tgz"))
    shutil.unpack_archive(archive, home, filter="data")
    archive.unlink()
    _install([*NPM_INSTALL, *needs], home)
    (home / "installed").write_text(str(N8N))
    return home


def _folder_with_node_client(package: str) -> Path:
    home = ROOT / ".venv-node-client"
    if not _is_made(home, package):
        _install([*NPM_INSTALL, package], home)
        (home / "installed").write_text(package)
    return home


def _is_made(home: Path, wanted: str) -> bool:
    """Whether a folder for npm has what is wanted; else it is an empty one from now on."""
    note = home / "installed"
    if note.exists() and note.read_text() == wanted:
        return True
    if shutil.which("npm") is None:
        raise CannotInstall("npm is not installed")
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    (home / "package.json").write_text('{"private": true}')
    return False


def _install(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, env=clean_environ(), capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    if done.returncode:
        raise CannotInstall((done.stderr or done.stdout).strip()[-500:])
