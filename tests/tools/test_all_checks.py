"""The test command: what it runs, and what it says of parts that take long."""

from __future__ import annotations

import json
import runpy
import tomllib
from concurrent.futures import Future
from pathlib import Path

import pytest
from environment import NEWEST, OLDEST, constraints
from pytest_mock import MockerFixture

ROOT = Path(__file__).resolve().parents[2]
COMMAND = runpy.run_path(str(ROOT / "tools" / "test.py"))
SETS: list[dict[str, str]] = json.loads(COMMAND["SETS"].read_text(encoding="utf-8"))


def made(*versions: str) -> dict[str, Future[Path]]:
    """Environments that are there already."""
    found: dict[str, Future[Path]] = {version: Future() for version in versions}
    for future in found.values():
        future.set_result(Path("python"))
    return found


def parts(mocker: MockerFixture, tmp_path: Path) -> dict[str, list[str]]:
    """What pytest would be run with, by the title of the part."""
    run = mocker.patch.object(COMMAND["Report"], "pytest")
    report, making = COMMAND["Report"](), made(NEWEST, OLDEST, *COMMAND["STRICT_TRIGGERERS"])
    COMMAND["started"](report, making, tmp_path, is_long=False)
    for part in COMMAND["suites"](report, making, tmp_path, is_long=False):
        part()
    return {call.args[0]: call.args[3] for call in run.call_args_list}


def test_every_part_has_its_minutes(mocker: MockerFixture, tmp_path: Path) -> None:
    without_pytest = {"Types", "Conformance"}
    assert {*parts(mocker, tmp_path), *without_pytest} == set(COMMAND["MINUTES"])


def test_a_part_that_takes_longer_than_its_minutes_is_named_and_does_not_fail(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = COMMAND["Report"]({"Types": 1.5, "Lint": 1})
    for title, seconds in (("Types", 126.0), ("Lint", 60.0), ("Format", 9_999.0)):
        report.check_minutes(title, seconds)
    report.print_end()
    assert capsys.readouterr().out == (
        "\nSLOW: Types: 2.1 minutes, and 1.5 are its budget\n0 passed, 0 failed, 0 skipped\n"
    )
    assert report.failed == []


def test_a_part_that_is_run_is_held_to_its_minutes(capsys: pytest.CaptureFixture[str]) -> None:
    report = COMMAND["Report"]({"Nothing": 0})
    report.run("Nothing", ["true"], {"PATH": "/usr/bin:/bin"})
    assert [line.partition(":")[0] for line in report.slow] == ["Nothing"]


def test_each_set_of_versions_has_its_file_and_is_there_once() -> None:
    assert [one["airflow"] for one in SETS if not constraints(one["airflow"]).exists()] == []
    assert len({(one["airflow"], one["python"]) for one in SETS}) == len(SETS)
    assert {one["tests"] for one in SETS} == {"all", "differing"}


def test_a_set_whose_python_is_not_there_is_a_failure_that_says_so(mocker: MockerFixture, tmp_path: Path) -> None:
    run = mocker.patch.object(COMMAND["Report"], "pytest")
    report = COMMAND["Report"]()
    COMMAND["one_set"](report, tmp_path, airflow=NEWEST, python="3.99", tests="all")
    assert report.failed == [f"Tests on Airflow {NEWEST}, Python 3.99: there is no Python 3.99 on this machine"]
    run.assert_not_called()


def test_one_set_is_run_alone_by_its_name(mocker: MockerFixture, capsys: pytest.CaptureFixture[str]) -> None:
    run = mocker.patch.object(COMMAND["Report"], "pytest")
    mocker.patch.dict(COMMAND["one_set"].__globals__, ready=lambda *made: Path("/".join(made)), interpreter=Path)
    mocker.patch("sys.argv", ["test.py", "--set", "3.1.8-py3.12"])
    assert COMMAND["main"]() == 0
    assert [(call.args[0], call.args[1]) for call in run.call_args_list] == [
        ("Tests on Airflow 3.1.8, Python 3.12", Path("3.1.8/airflow-test/3.12"))
    ]
    assert capsys.readouterr().out == "\n0 passed, 0 failed, 0 skipped\n"


def test_the_lowest_versions_are_held_for_all_that_the_package_needs() -> None:
    needs = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    held = dict(line.split("==") for line in constraints("2.11.0-lowest").read_text(encoding="utf-8").splitlines())
    lowest = {need: held.get(need.partition(">=")[0]) for need in needs}
    assert [need for need, version in lowest.items() if version is None] == []
    assert lowest["apache-airflow>=2.11"] == "2.11.0"
