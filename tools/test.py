"""All checks of this repository, from nothing: Python 3.11 or newer, pip and a package index are enough.

    python3 tools/test.py [--long | --every | --set NAME] [--conformance FOLDER]

Makes an environment for each Airflow (see environment.py), then runs the linter, the type checker, the whole test suite
on the newest Airflow, the rooms that know Airflow on the oldest, what runs in a triggerer on 3.0 and 3.1, and the
conformance cases in FOLDER, if there are any. With --long nothing is left out on the oldest, and all that the versions
differ in runs on 3.0, 3.1 and 3.2. With --every all that tools/constraints/sets.json lists follows, one after the
other: each Airflow on each Python that it installs on, and the lowest and the newest versions of all dependencies.
With --set, one of these is run and nothing else, by its name: ``--set 3.1.8-py3.12``.

The linter runs first, then types and the suite in parts, three at a time on two cores, while the other environments are
made: what starts an Airflow waits for it most of the time. Those parts run one after the other, next to what starts
none: two of them on one machine fight over ports. Every part runs even if an earlier one failed; the last line counts
tests. A part that takes longer than its minutes, below, is named at the end; it is no failure.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

from environment import BETWEEN, NEWEST, OLDEST, ROOT, clean_environ, interpreter, ready, runs_here

PACKAGE = "airflow_provider_pipedrive"
# Characters of a failure's text that the end of the output repeats: an Airflow that fails tells pages of its logs.
REASON_LENGTH = 3000
# Recorded requests of other clients, in a folder that is not part of this repository.
CONFORMANCE = os.environ.get("PIPEDRIVE_CONFORMANCE", str(ROOT.parent / "shared" / "conformance"))

# A triggerer of these versions ends by an answer of its supervisor that is read in the wrong place. Later ones do not.
STRICT_TRIGGERERS = ("3.0.6", "3.1.8")
IN_TRIGGERERS = ["tests/triggers", "tests/system/test_triggerer.py", "tests/test_compatibility.py"]
# Rooms that know no Airflow, as tests/tools/test_street.py holds them to, and tests that need none: no Airflow can
# change what they do, so the newest's environment is enough but for the long form.
READING = ["tests/extraction", "tests/properties", "tests/warehouse"]
THE_REST = [f"tests/{room}" for room in ("bulk", "catalog", "client", "events", "files", "sandbox", "tools")]
WITHOUT_AIRFLOW = [*READING, *THE_REST]
# What meets Airflow in few lines, which other tests run on the oldest: there it is for the long form.
ALIKE = [
    *("tests/storm", "tests/subjects", "tests/test_dependencies.py", "tests/test_every_action.py"),
    *("tests/cli/test_catalog.py", "tests/transfers/test_warehouse.py"),
    *("tests/transfers/test_warehouse_reading.py", "tests/transfers/test_warehouse_scope.py"),
]
# What this repository is held to, by tools that only the newest's environment has.
OURS_ALONE = ["--ignore=tests/tools"]
# It looks at what the tests of its own process have shown.
SECRETS = "tests/test_no_secret_was_shown.py"
VERSIONS_DIFFER = [
    *IN_TRIGGERERS,
    *("tests/sensors", "tests/assets", "tests/plugin", "tests/hooks", "tests/system/test_sensors_on_airflow_3.py"),
]


# What each part of the test command may take before it is named, in minutes on two cores: about a third more than it
# took when this was written.
MINUTES = {
    "Types": 2,
    f"Tests that start Airflow {NEWEST}": 11,
    f"Tests that start Airflow {OLDEST}": 2,
    **dict.fromkeys((f"Tests on Airflow {version}" for version in STRICT_TRIGGERERS), 3),
    f"Tests on Airflow {NEWEST}, reading": 14,
    f"Tests on Airflow {NEWEST}, rooms with Airflow": 13,
    f"Tests on Airflow {NEWEST}, other rooms without Airflow": 4,
    f"Tests on Airflow {OLDEST}, rooms with Airflow": 6,
    "Conformance": 0.5,
}
SETS = ROOT / "tools" / "constraints" / "sets.json"


@dataclass
class Report:
    """What was run, what failed, and how many tests that were.

    :ivar minutes: what parts may take, by title; a part that is not in it may take any time
    """

    minutes: Mapping[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    # The tests that failed with the same words, by these words: one fixture that fails takes a module's tests with it.
    reasons: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

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
        seconds = time.monotonic() - started
        print(f"{prefix}-- {'FAILED' if failed else 'ok'} in {seconds:.0f} s", flush=True)
        self.check_minutes(title, seconds)
        return "".join(lines)

    def check_minutes(self, title: str, seconds: float) -> None:
        """Note a part that took longer than it may; that is a warning, not a failure."""
        if seconds > 60 * self.minutes.get(title, math.inf):
            self.slow.append(f"{title}: {seconds / 60:.1f} minutes, and {self.minutes[title]:g} are its budget")

    def pytest(self, title: str, python: Path, scratch: Path, arguments: list[str], prefix: str = "") -> None:
        """Run pytest in a home of its own and count its tests."""
        results = scratch / "results.xml"
        slowest = ["--durations=12", "--durations-min=4"]
        command: list[str | Path] = [python, "-m", "pytest", "-q", f"--junitxml={results}", *slowest, *arguments]
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
            for case in suite.iter("testcase"):
                for reason in (*case.iter("failure"), *case.iter("error")):
                    name = f"{title}: {case.attrib['classname']}::{case.attrib['name']}"
                    self.reasons[reason.attrib["message"]].append(name)

    def print_end(self) -> None:
        """Say once more what failed and why, below all other output, then how many tests passed."""
        print()
        for reason, names in self.reasons.items():
            print("\n".join(names))
            print(textwrap.indent(reason[:REASON_LENGTH], "    "))
        for line in self.slow:
            print(f"SLOW: {line}")
        for title in self.failed:
            print(f"FAILED: {title}")
        print(f"{self.counts['passed']} passed, {self.counts['failed']} failed, {self.counts['skipped']} skipped")


def heading(title: str) -> None:
    """Print a line that starts a part."""
    print(f"\n== {title} ==", flush=True)


def test_environ(scratch: Path) -> dict[str, str]:
    """An environment in which nothing of the person's own Airflow, netrc or bytecode plays a part.

    Its temporary files are its own too: parts that run at the same time would meet in what the package keeps there.
    """
    home = scratch / "airflow"
    home.mkdir(parents=True)
    # Next to ``scratch``, for the sake of sockets, whose paths are short; databases run as users of their own in it.
    temporary = Path(tempfile.mkdtemp(dir=scratch.parent, prefix="t-"))
    for folder in (scratch.parent, temporary):
        folder.chmod(0o711)
    (scratch / "netrc").touch()
    return clean_environ() | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "NETRC": str(scratch / "netrc"),
        "TMPDIR": str(temporary),
    }


def main() -> int:
    """Run everything; the exit code is 1 if any part failed."""
    options = _options()
    if options.set:
        return one_set_alone(options.set)
    is_long = options.long or options.every
    versions = BETWEEN if is_long else STRICT_TRIGGERERS
    extras = {NEWEST: "dev", OLDEST: "test", **dict.fromkeys(versions, "airflow-test")}
    for version in [version for version in extras if not runs_here(version)]:
        heading(f"Tests on Airflow {version}: left out, it does not run on Python {sys.version.split()[0]}")
        del extras[version]
    report = Report({} if is_long else MINUTES)
    heading(f"Environments of Airflow {', '.join(extras)} on Python {sys.version.split()[0]}")
    with (
        tempfile.TemporaryDirectory(prefix="pipedrive-test-", ignore_cleanup_errors=True) as folder,
        ThreadPoolExecutor(1) as installer,
        ThreadPoolExecutor(3) as running,
    ):
        scratch = Path(folder)
        # In this order: the last ones are made while tests run on the first.
        making = {version: installer.submit(ready, version, extra) for version, extra in extras.items()}
        newest = making[NEWEST].result()
        lint(report, newest)
        # What waits for an Airflow most of the time goes first, next to what keeps a core busy.
        parts = [partial(started, report, making, scratch, is_long=is_long), partial(types, report, newest)]
        parts += suites(report, making, scratch, is_long=is_long)
        finish([running.submit(run) for run in parts])
        conformance(report, newest, Path(options.conformance), scratch / "conformance")
        for other in every_set().values() if options.every else ():
            one_set(report, scratch, **other)

    report.print_end()
    return 1 if report.failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    chosen = parser.add_mutually_exclusive_group()
    chosen.add_argument("--long", action="store_true", help="the long trials too, on all versions")
    chosen.add_argument("--every", action="store_true", help="--long, then every set of versions on every Python")
    chosen.add_argument("--set", metavar="NAME", choices=every_set(), help=f"one of {', '.join(every_set())}")
    parser.add_argument(
        "--conformance",
        metavar="FOLDER",
        default=CONFORMANCE,
        help="recorded requests of other clients, with the program that plays them (default: PIPEDRIVE_CONFORMANCE)",
    )
    return parser.parse_args()


def lint(report: Report, python: Path) -> None:
    """Linter and formatter."""
    plain = clean_environ()
    report.run("Lint", [python, "-m", "ruff", "check", "."], plain)
    report.run("Format", [python, "-m", "ruff", "format", "--check", "."], plain)


def types(report: Report, python: Path) -> None:
    """Type checker."""
    report.run("Types", [python, "-m", "mypy", "--strict", PACKAGE], clean_environ(), prefix="types | ")


def suites(report: Report, making: dict[str, Future[Path]], scratch: Path, *, is_long: bool) -> Iterator[partial[None]]:
    """What starts no Airflow, in parts of similar length, those first that can begin first."""
    marked = ["-m", "not airflow" if is_long else "not airflow and not long"]
    others = [f"--ignore={folder}" for folder in WITHOUT_AIRFLOW]
    examples = ["--hypothesis-profile=long"] if is_long else []
    alike = [f"--ignore={path}" for path in ALIKE]
    parts = [
        (NEWEST, "reading", [*READING, SECRETS, *examples]),
        (NEWEST, "rooms with Airflow", others),
        (OLDEST, "all rooms" if is_long else "rooms with Airflow", OURS_ALONE if is_long else [*others, *alike]),
        (NEWEST, "other rooms without Airflow", [*THE_REST, SECRETS]),
    ]

    def run(version: str, rooms: str, arguments: list[str]) -> None:
        python = making[version].result()
        prefix = f"{version}, {rooms} | "
        home = scratch / f"{version}-{rooms}".replace(" ", "-")
        report.pytest(f"Tests on Airflow {version}, {rooms}", python, home, [*marked, *arguments], prefix)

    return (partial(run, *part) for part in parts if part[0] in making)


def started(report: Report, making: dict[str, Future[Path]], scratch: Path, *, is_long: bool) -> None:
    """What starts an Airflow, one version after the other: two on one machine fight over ports.

    For versions between the oldest and the newest, all that is run on them.
    """
    for version, made in making.items():
        is_between = version not in (NEWEST, OLDEST)
        marks = [*([] if is_between else ["airflow"]), *([] if is_long else ["not long"])]
        arguments = [] if not is_between else VERSIONS_DIFFER if is_long else IN_TRIGGERERS
        title = f"Tests on Airflow {version}" if is_between else f"Tests that start Airflow {version}"
        marked = ["-m", " and ".join(marks)] if marks else []
        python, home = made.result(), scratch / f"{version}-started"
        report.pytest(title, python, home, [*marked, *arguments], f"{version}, started | ")


def every_set() -> dict[str, dict[str, str]]:
    """Sets of versions by name, what ``one_set`` takes of each."""
    sets = json.loads(SETS.read_text(encoding="utf-8"))
    return {f"{each['airflow']}-py{each['python']}": each for each in sets}


def one_set_alone(name: str) -> int:
    """Run one set of versions; the exit code is 1 if a test failed."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="pipedrive-test-", ignore_cleanup_errors=True) as folder:
        one_set(report, Path(folder), **every_set()[name])
    report.print_end()
    return 1 if report.failed else 0


def one_set(report: Report, scratch: Path, *, airflow: str, python: str, tests: str) -> None:
    """The tests of one set of versions on one Python: all that start no Airflow, or what versions of Airflow differ in.

    :param tests: ``all`` or ``differing``
    """
    title = f"Tests on Airflow {airflow}, Python {python}"
    if interpreter(python) is None:
        report.failed.append(f"{title}: there is no Python {python} on this machine")
        return
    made = ready(airflow, "test" if tests == "all" else "airflow-test", python)
    chosen = OURS_ALONE if tests == "all" else VERSIONS_DIFFER
    report.pytest(
        title,
        made,
        scratch / f"{airflow}-{python}",
        ["-m", "not airflow and not long", *chosen],
        f"{airflow}, {python} | ",
    )


def finish(running: list[Future[None]]) -> None:
    """Wait for parts; what went wrong with running them, not with a test, is raised here."""
    for done in running:
        done.result()


def conformance(report: Report, python: Path, recordings: Path, scratch: Path) -> None:
    """Play other clients' recorded requests against this package, if the recordings are there.

    Some recordings contradict Pipedrive's own description; conformance_misses.json names them with the reason. Any
    other miss is a failure, and so is a named one that no longer is one.
    """
    title = "Conformance"
    if not recordings.is_dir():
        heading(f"{title}: left out, there are no recordings (--conformance FOLDER)")
        return
    adapter = ROOT / "tools" / "conformance_adapter.py"
    command: list[str | Path] = [python, recordings / "run.py", "--adapter", adapter]
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
