"""What has to be true before a version is published, checked from nothing; nothing is uploaded.

    python3 tools/release.py [--only-build] [--folder FOLDER]

Builds the sdist, and from it the wheel; compares their contents with the repository; has twine look at them; installs
the wheel into a bare Airflow, the newest and the oldest, and asks that Airflow what it has found. Then it says what
only the person who publishes can settle: the version's date in CHANGELOG.md, its tag, public addresses. The exit code
is 1 as long as anything is open. ``--only-build``: without the bare Airflows, which take some minutes.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from environment import NEWEST, OLDEST, ROOT, clean_environ, constraints, ready

NAME = "airflow-provider-pipedrive"
PACKAGE = "airflow_provider_pipedrive"
MOVED = {
    path: f"{PACKAGE}/{path}" for path in ("example_dags/", "docs/", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")
}
"""Folders and files of the repository that are elsewhere in the wheel."""
METADATA = ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")
UNPUBLISHED = (".ci/", ".github/", ".pre-commit-config.yaml")
"""What the sdist leaves out: it serves this repository's checkout alone."""
ADDRESSES = ("Source", "Documentation", "Issues")
"""What people look for in [project.urls]."""
ASK = Path(__file__).with_name("ask_installed.py")


def main() -> int:
    """Print what is open; the exit code says whether anything is."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="pipedrive-release-") as scratch:
        python = ready(NEWEST, "dev")
        sdist, wheel = build(python, options.folder or Path(scratch) / "dist")
        found = {
            "contents": [*unexpected_in(sdist), *unexpected_in(wheel)],
            "twine": refused_by_twine(python, sdist, wheel),
            "version": [*unsettled_version(), *unsettled_addresses()],
        }
        for airflow in () if options.only_build else (NEWEST, OLDEST):
            found[f"Airflow {airflow}"] = wrong_when_installed(wheel, airflow, Path(scratch) / airflow)
    for title, problems in found.items():
        print(f"{title}: {'open' if problems else 'ok'}", *problems, sep="\n    ")
    return 1 if any(found.values()) else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only-build", action="store_true", help="without installing into bare Airflows")
    parser.add_argument("--folder", type=Path, help="where the built files stay (default: nowhere)")
    return parser.parse_args()


def build(python: Path, folder: Path) -> tuple[Path, Path]:
    """The sdist of this checkout, and the wheel that is built from it, as an index's users would.

    :param python: an environment with the backend of [build-system]
    """
    folder.mkdir(parents=True, exist_ok=True)
    sdist = folder / _backend(python, ROOT, "sdist", folder)
    with tempfile.TemporaryDirectory(prefix="pipedrive-sdist-") as unpacked, tarfile.open(sdist) as archive:
        archive.extractall(unpacked, filter="data")
        (source,) = Path(unpacked).iterdir()
        return sdist, folder / _backend(python, source, "wheel", folder)


def _backend(python: Path, source: Path, kind: str, folder: Path) -> str:
    call = f"import sys, hatchling.build as b; print(b.build_{kind}(sys.argv[1]))"
    done = subprocess.run(
        [python, "-c", call, folder], cwd=source, env=clean_environ(), check=True, capture_output=True, text=True
    )
    return done.stdout.split()[-1]


def unexpected_in(archive: Path) -> list[str]:
    """How a built file's contents differ from what the repository says: a line for each file."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    expected = set(_of_wheel(tracked) if archive.suffix == ".whl" else _of_sdist(tracked))
    names = set(contents(archive))
    return [
        *(f"{archive.name}: {name} is missing" for name in sorted(expected - names)),
        *(f"{archive.name}: {name} should not be in it" for name in sorted(names - expected)),
    ]


def contents(archive: Path) -> list[str]:
    """The files in a wheel, or in an sdist below its one folder; the version in their paths is ``-``."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as opened:
            return [re.sub(r"-[^/]+\.dist-info/", "-.dist-info/", name) for name in opened.namelist()]
    with tarfile.open(archive) as opened:
        return [member.name.partition("/")[2] for member in opened if member.isfile()]


def _of_wheel(tracked: Iterable[str]) -> Iterator[str]:
    yield from (f"{PACKAGE}-.dist-info/{name}" for name in METADATA)
    for name in tracked:
        if name.startswith(f"{PACKAGE}/"):
            yield name
        for folder, place in MOVED.items():
            if name.startswith(folder):
                yield place + name.removeprefix(folder)


def _of_sdist(tracked: Iterable[str]) -> Iterator[str]:
    yield "PKG-INFO"
    yield from (name for name in tracked if not name.startswith(UNPUBLISHED))


def refused_by_twine(python: Path, *archives: Path) -> list[str]:
    """What twine has against the built files, warnings included."""
    done = subprocess.run(
        [python, "-m", "twine", "--no-color", "check", "--strict", *archives],
        env=clean_environ(),
        capture_output=True,
        text=True,
    )
    return [] if done.returncode == 0 else [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]


def version() -> str:
    """The version, from its one place."""
    text = (ROOT / PACKAGE / "__init__.py").read_text(encoding="utf-8")
    (written,) = re.findall(r"^__version__ = (.+)$", text, re.MULTILINE)
    return str(ast.literal_eval(written))


def unsettled_version() -> Iterator[str]:
    """What is still to be done about the version: its changelog, its tag, its commit."""
    yield from unsettled_changelog(version(), (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
    if _git("status", "--porcelain"):
        yield "the checkout has changes that are in no commit"
    if _git("tag", "--list", f"v{version()}") and not _git("tag", "--points-at", "HEAD", "--list", f"v{version()}"):
        yield f"the tag v{version()} is on another commit: a version is published once"


def unsettled_changelog(version: str, changelog: str) -> Iterator[str]:
    """Whether the changelog's first heading is this version with its date."""
    (heading, *_) = re.findall(r"^## (.+)$", changelog, re.MULTILINE)
    if not re.fullmatch(rf"{re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading):
        yield f"CHANGELOG.md begins with `## {heading}`: it has to be `## {version} (YYYY-MM-DD)`"


def unsettled_addresses() -> Iterator[str]:
    """Public addresses that [project.urls] does not have. Links of README.md to other files need the first."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    yield from (f"[project.urls] in pyproject.toml has no {name}" for name in ADDRESSES if name not in urls)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def wrong_when_installed(wheel: Path, airflow: str, home: Path) -> list[str]:
    """Install the wheel, without extras, next to nothing but Airflow, and compare what that Airflow has found.

    :param home: an empty or missing folder: its environment, and Airflow's home
    """
    found = installed(wheel, airflow, home)
    needs = found["modules_that_need_more"]
    # What comes with an extra is absent, and on an older Airflow what a newer one has brought. Nothing else may be.
    allowed = ("pyarrow",) if airflow == NEWEST else ("pyarrow", "airflow.", "PipedriveRetryPolicy needs Airflow 3.3")
    found["modules_that_need_more"] = {name: lacks for name, lacks in needs.items() if not lacks.startswith(allowed)}
    expected = {
        "version": version(),
        "provider": NAME,
        "hook": f"{PACKAGE}.hooks.pipedrive.PipedriveHook",
        "plugin": "pipedrive",
        "modules_that_need_more": {},
        "broken_examples": {},
        "examples_found": airflow == NEWEST,
    }
    return [
        f"{name} is {found[name]!r}, not {value!r}" for name, value in expected.items() if found.get(name) != value
    ] + ([] if found["examples"] else ["no example DAG is in it"])


def installed(wheel: Path, airflow: str, home: Path) -> dict[str, Any]:
    """What a bare Airflow says of the wheel: see ask_installed.py."""
    venv.create(home / "venv", with_pip=True)
    python = home / "venv" / "bin" / "python"
    pip = [python, "-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check"]
    subprocess.run([*pip, "-c", constraints(airflow), wheel], cwd=home, env=clean_environ(), check=True)
    environ = clean_environ() | {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "True"}
    done = subprocess.run([python, ASK], cwd=home, env=environ, check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


if __name__ == "__main__":
    sys.exit(main())
