"""All checks of this repository, from nothing: Python 3.11 or newer, pip and a package index are enough.

    python3 tools/test.py [--long]

Makes an environment for each Airflow (see environment.py), then runs the linter, the type checker, the whole test suite
on the newest Airflow and (but for the longest of what knows no Airflow) on the oldest, what runs in a triggerer on 3.0
and 3.1, and the conformance cases where they lie beside this checkout. With --long nothing is left out, and all that
the versions differ in runs on 3.0, 3.1 and 3.2. What starts no Airflow runs on the newest and the oldest side by side.
Every part runs even if an earlier one failed; the last line counts tests.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from environment import BETWEEN, NEWEST, OLDEST, ROOT, clean_environ, ready, runs_here

PACKAGE = "airflow_provider_pipedrive"
CONFORMANCE = ROOT.parent / "shared" / "conformance"

# A triggerer of these versions ends by an answer of its supervisor that is read in the wrong place. Later ones do not.
STRICT_TRIGGERERS = ("3.0.6", "3.1.8")
IN_TRIGGERERS = ["tests/triggers", "tests/system/test_triggerer.py"]
# Rooms that know no Airflow, and whose tests take longest: once is enough, but for the long form.
ON_THE_NEWEST_ALONE = ("tests/extraction", "tests/warehouse")
VERSIONS_DIFFER = [
    *IN_TRIGGERERS,
    *("tests/sensors", "tests/assets", "tests/plugin", "tests/hooks", "tests/system/test_sensors_on_airflow_3.py"),
]


@dataclass
class Report:
    """What was run, what failed, and how many tests that were."""

    failed: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    printing: threading.Lock = field(default_factory=threading.Lock)

    def run(
        self,
        title: str,
        command: list[str | Path],
        environ: dict[str, str],
        *,
        may_fail: bool = False,
        prefix: str = "",
    ) -> str:
        """Run one part under a heading, its output passed on as it comes; return that output.

        ``may_fail``: what its exit code means is for the caller to judge. ``prefix``: what its lines begin with, where
        another part runs at the same time.
        """
        heading(title)
        started = time.monotonic()
        with subprocess.Popen(
            command, cwd=ROOT, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        ) as process:
            lines = []
            for line in process.stdout or ():
                with self.printing:
                    print(prefix + line, end="", flush=True)
                lines.append(line)
        failed = bool(process.returncode) and not may_fail
        if failed:
            self.failed.append(title)
        print(f"{prefix}-- {'FAILED' if failed else 'ok'} in {time.monotonic() - started:.0f} s", flush=True)
        return "".join(lines)

    def pytest(self, title: str, python: Path, scratch: Path, arguments: list[str], prefix: str = "") -> None:
        """Run pytest in a home of its own and count its tests."""
        results = scratch / "results.xml"
        command: list[str | Path] = [python, "-m", "pytest", "-q", f"--junitxml={results}", *arguments]
        self.run(title, command, test_environ(scratch), prefix=prefix)
        if not results.exists():
            return
        (suite,) = ElementTree.parse(results).getroot()
        total, skipped, failures, errors = (
            int(suite.attrib[name]) for name in ("tests", "skipped", "failures", "errors")
        )
        failed = failures + errors
        with self.printing:
            self.counts.update(passed=total - skipped - failed, failed=failed, skipped=skipped)


def heading(title: str) -> None:
    """Print a line that starts a part."""
    print(f"\n== {title} ==", flush=True)


def test_environ(scratch: Path) -> dict[str, str]:
    """An environment in which nothing of the person's own Airflow, netrc or bytecode plays a part."""
    home = scratch / "airflow"
    home.mkdir(parents=True)
    (scratch / "netrc").touch()
    return clean_environ() | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NETRC": str(scratch / "netrc"),
    }


def main() -> int:
    """Run everything; the exit code is 1 if any part failed."""
    is_long = "--long" in sys.argv[1:]
    short = "" if is_long else " and not long"
    extras = {
        NEWEST: "dev",
        OLDEST: "test",
        **dict.fromkeys(BETWEEN if is_long else STRICT_TRIGGERERS, "airflow-test"),
    }
    report = Report()
    heading("Environments")
    with ThreadPoolExecutor(2) as two:  # one waits for the index while the other unpacks
        making = {version: two.submit(ready, version, extra) for version, extra in extras.items() if runs_here(version)}
        pythons = {version: made.result() for version, made in making.items()}
    newest = pythons[NEWEST]
    print(f"Airflow {', '.join(pythons)} on Python {sys.version.split()[0]}", flush=True)
    for version in extras.keys() - pythons.keys():
        heading(f"Tests on Airflow {version}: left out, it does not run on Python {sys.version.split()[0]}")

    plain = clean_environ()
    report.run("Lint", [newest, "-m", "ruff", "check", "."], plain)
    report.run("Format", [newest, "-m", "ruff", "format", "--check", "."], plain)
    report.run("Types", [newest, "-m", "mypy", "--strict", PACKAGE], plain)
    with tempfile.TemporaryDirectory(prefix="pipedrive-test-") as folder:
        scratch = Path(folder)
        left_out = [] if is_long else [f"--ignore={folder}" for folder in ON_THE_NEWEST_ALONE]
        both = [version for version in (NEWEST, OLDEST) if version in pythons]
        with ThreadPoolExecutor(len(both)) as side_by_side:
            running = [
                side_by_side.submit(
                    report.pytest,
                    f"Tests on Airflow {version}",
                    pythons[version],
                    scratch / version,
                    ["-m", f"not airflow{short}", *(left_out if version == OLDEST else [])],
                    f"{version} | ",
                )
                for version in both
            ]
        for done in running:
            done.result()  # what went wrong with running them, not with a test
        # One after the other: two Airflows on one machine fight over ports.
        for version, python in pythons.items():
            arguments = [] if version in both else VERSIONS_DIFFER if is_long else IN_TRIGGERERS
            marked = f"airflow{short}" if version in both else short.removeprefix(" and ")
            report.pytest(
                f"Tests that start Airflow {version}" if version in both else f"Tests on Airflow {version}",
                python,
                scratch / f"{version}-started",
                [*(["-m", marked] if marked else []), *arguments],
            )
        conformance(report, newest, scratch / "conformance")

    print()
    for title in report.failed:
        print(f"FAILED: {title}")
    print(f"{report.counts['passed']} passed, {report.counts['failed']} failed, {report.counts['skipped']} skipped")
    return 1 if report.failed else 0


def conformance(report: Report, python: Path, scratch: Path) -> None:
    """Play other clients' recorded requests against this package, if the recordings are at hand.

    Some recordings contradict Pipedrive's own description; conformance_misses.json names them with the reason. Any
    other miss is a failure, and so is a named one that no longer is one.
    """
    title = "Conformance"
    if not CONFORMANCE.is_dir():
        heading(f"{title}: left out, {os.path.relpath(CONFORMANCE, ROOT)} is not there")
        return
    adapter = ROOT / "tools" / "conformance_adapter.py"
    command: list[str | Path] = [python, CONFORMANCE / "run.py", "--adapter", adapter]
    command += ["--allow-extra-query", "limit,start"]
    output = report.run(title, command, test_environ(scratch), may_fail=True)
    explained = json.loads((ROOT / "tools" / "conformance_misses.json").read_text(encoding="utf-8"))
    missed = set(re.findall(r"^FAIL \w+/(\S+)", output, re.MULTILINE))
    passed = len(re.findall(r"^PASS ", output, re.MULTILINE))
    unexplained = sorted(missed ^ set(explained)) if passed else ["no case ran"]
    print(f"-- {passed} as recorded, {len(missed)} not; {len(explained)} of these are explained", flush=True)
    if unexplained:
        report.failed.append(f"{title}: {', '.join(unexplained)}")
    report.counts.update(passed=passed, failed=len(unexplained))


if __name__ == "__main__":
    sys.exit(main())
