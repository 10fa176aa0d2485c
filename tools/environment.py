"""Virtual environments inside the checkout, one for each Airflow version. Standard library only.

An environment holds this package (editable) with one of its extras, at the versions in
``tools/constraints/airflow-NAME.txt``. The name is Airflow's version; those with a word after it have other versions of
all the rest, the lowest that ``pyproject.toml`` allows or the newest. An environment is made once; later runs see by a
fingerprint that nothing has changed. pip installs uv, and uv the rest.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NEWEST = "3.3.2"
BETWEEN = ("3.0.6", "3.1.8", "3.2.2")
OLDEST = "2.11.2"
# It resolves and unpacks in a tenth of pip's time, and unpacks once what several environments have.
UV = "uv==0.13.9"
UV_NAMES = {"index-url": "UV_DEFAULT_INDEX", "cert": "SSL_CERT_FILE"}
PIP_INSTALL = ("-m", "pip", "install", "-qq", "--disable-pip-version-check")
EXTRAS = ("demo", "airflow-test", "test", "dev")
"""Extras of pyproject.toml, each of which has the one before in it."""


def constraints(airflow: str) -> Path:
    """The file of versions that the given Airflow runs with."""
    return ROOT / "tools" / "constraints" / f"airflow-{airflow}.txt"


def folder(airflow: str, python: str = "") -> Path:
    """Where the environment of the given Airflow is, on a Python other than this one if that is named."""
    return ROOT / (f".venv-{airflow}-py{python}" if python else f".venv-{airflow}")


def runs_here(airflow: str) -> bool:
    """Whether this Python can have that Airflow: those before 3.1 do not install on Python 3.13."""
    return sys.version_info < (3, 13) or not airflow.startswith(("2.", "3.0."))


def interpreter(python: str) -> Path | None:
    """A Python of this version on this machine (``3.13``): on the path, or one that pyenv or uv has installed."""
    homes = [Path.home() / ".pyenv" / "versions", Path.home() / ".local" / "share" / "uv" / "python"]
    kept = [file for home in homes for file in sorted(home.glob(f"*{python}.*/bin/python{python}"))]
    for found in (shutil.which(f"python{python}"), *kept):
        # pyenv has programs of these names that only say which versions there are.
        if found and subprocess.run([found, "--version"], capture_output=True, check=False).returncode == 0:
            return Path(found)
    return None


def ready(airflow: str, extra: str, python: str = "") -> Path:
    """The Python of an environment with this package, its ``extra`` and the given Airflow, made if need be.

    :param python: the version of another Python than the one that runs this
    :raises SystemExit: this Python is too old, there is none of that version, or pip failed (it has said why)
    """
    if sys.version_info < (3, 11):  # noqa: UP036 - this file runs before anything has looked at requires-python
        sys.exit(
            f"Python 3.11 or newer is needed, this is {sys.version.split()[0]}: run it as python3.11 {sys.argv[0]}"
        )
    base = interpreter(python) if python else Path(sys.executable)
    if base is None:
        sys.exit(f"There is no Python {python} on this machine.")
    home = folder(airflow, python)
    made = home / "bin" / "python"
    wanted = _fingerprint(airflow, base)
    installed = {name for name in EXTRAS if _text(home / f"installed-{name}") == wanted}
    if made.exists() and installed & set(EXTRAS[EXTRAS.index(extra) :]):
        return made
    print(f"Installing Airflow {airflow} and this package into {home.name} (once) ...", flush=True)
    # Anew, not on top of an earlier set of versions: packages of that one would stay.
    clear = [] if installed else ["--clear"]
    subprocess.run([base, "-m", "venv", *clear, home], env=clean_environ(), check=True)
    if not _install(made, ["-c", constraints(airflow), "-e", f"{ROOT}[{extra}]"]):
        sys.exit(f"pip could not install Airflow {airflow}: see its words above, then run this again.")
    (home / f"installed-{extra}").write_text(wanted)
    return made


def _install(python: Path, what: list[str | Path]) -> bool:
    """Whether the environment of a Python has all of this now: by uv, or by pip where uv cannot."""
    environ = clean_environ()
    uv = _uv(environ)
    if uv:
        command: list[str | Path] = [uv, "pip", "install", "--quiet", "--python", python, *what]
        if subprocess.run(command, cwd=ROOT, env=_settings_of_pip(environ) | environ, check=False).returncode == 0:
            return True
    print("uv could not install this: pip does it, which takes some minutes.", flush=True)
    # Not compiled: most of an Airflow's modules are never imported here.
    command = [python, *PIP_INSTALL, "--no-compile", *what]
    return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode == 0


def _uv(environ: dict[str, str]) -> Path | None:
    """The program uv in an environment of its own, or None if pip could not install it (it has said why)."""
    home = ROOT / f".venv-{UV.replace('==', '-')}"
    program = home / "bin" / "uv"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", home], env=environ, check=True)
        subprocess.run([home / "bin" / "python", *PIP_INSTALL, UV], env=environ, check=False)
    return program if program.exists() else None


def _settings_of_pip(environ: dict[str, str]) -> dict[str, str]:
    """The index and the certificates that pip is set up with, under uv's names: uv does not read pip's files."""
    asked = [sys.executable, "-m", "pip", "config", "list"]
    told = subprocess.run(asked, env=environ, capture_output=True, text=True, check=False).stdout
    # Lines such as global.index-url='https://...', those of the environment first: they count.
    found = re.findall(r"^\S+?\.(index-url|cert)='(.*)'$", told, re.MULTILINE)
    return {UV_NAMES[name]: value for name, value in reversed(found)}


def clean_environ() -> dict[str, str]:
    """The environment of this process without Airflow's and Python's settings of the person who runs it."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AIRFLOW_", "PYTHON", "PYTEST_")) and name not in ("VIRTUAL_ENV", "NETRC")
    }


def _fingerprint(airflow: str, base: Path) -> str:
    version = subprocess.run(
        [base, "-c", "import sys; print(sys.version, end='')"], capture_output=True, text=True
    ).stdout
    parts = [version, (ROOT / "pyproject.toml").read_text(), constraints(airflow).read_text()]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _text(file: Path) -> str:
    return file.read_text() if file.exists() else ""
