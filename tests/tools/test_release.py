"""What is built to be published, and what a bare Airflow finds of it."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import release

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(sys.executable)

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="compares with what git knows")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return release.build(PYTHON, tmp_path_factory.mktemp("dist"))


def test_sdist_and_wheel_have_the_files_of_the_repository_that_belong_in_them_and_no_others(
    built: tuple[Path, Path],
) -> None:
    sdist, wheel = built
    assert (sdist.name, wheel.name) == (
        f"airflow_provider_pipedrive-{release.version()}.tar.gz",
        f"airflow_provider_pipedrive-{release.version()}-py3-none-any.whl",
    )
    assert [*release.unexpected_in(sdist), *release.unexpected_in(wheel)] == []


def test_the_wheel_has_what_people_look_for_and_the_sdist_what_tests_need(built: tuple[Path, Path]) -> None:
    sdist, wheel = (set(release.contents(archive)) for archive in built)
    assert {
        "airflow_provider_pipedrive/py.typed",
        "airflow_provider_pipedrive/plugin/templates/overview.html",
        "airflow_provider_pipedrive/sandbox/state/shapes.json",
        "airflow_provider_pipedrive/example_dags/pipedrive_extract.py",
        "airflow_provider_pipedrive-.dist-info/licenses/LICENSE",
    } <= wheel
    assert {name.partition("/")[0] for name in wheel} == {
        "airflow_provider_pipedrive",
        "airflow_provider_pipedrive-.dist-info",
    }
    assert {"tools/test.py", "tests/tools/test_release.py", "docs/writing.md", "Makefile", "LICENSE"} <= sdist


def test_a_file_too_many_and_a_file_too_few_are_named(built: tuple[Path, Path], tmp_path: Path) -> None:
    damaged = tmp_path / built[1].name
    with zipfile.ZipFile(built[1]) as whole, zipfile.ZipFile(damaged, "w") as written:
        for name in whole.namelist():
            if name != "airflow_provider_pipedrive/py.typed":
                written.writestr(name, whole.read(name))
        written.writestr("tests/conftest.py", "")
    assert release.unexpected_in(damaged) == [
        f"{damaged.name}: airflow_provider_pipedrive/py.typed is missing",
        f"{damaged.name}: tests/conftest.py should not be in it",
    ]


def test_twine_accepts_what_is_built(built: tuple[Path, Path]) -> None:
    assert release.refused_by_twine(PYTHON, *built) == []


def test_twine_names_what_it_refuses(tmp_path: Path) -> None:
    empty = tmp_path / "airflow_provider_pipedrive-0.1.0-py3-none-any.whl"
    with zipfile.ZipFile(empty, "w"):
        pass
    assert release.refused_by_twine(PYTHON, empty) != []


def test_the_changelog_has_to_begin_with_the_version_and_its_date() -> None:
    assert list(release.unsettled_changelog("1.2.0", "# Changelog\n\n## 1.2.0 (2027-01-31)\n\n## 1.1.0\n")) == []
    assert list(release.unsettled_changelog("1.2.0", "## 1.2.0 (unreleased)\n")) == [
        "CHANGELOG.md begins with `## 1.2.0 (unreleased)`: it has to be `## 1.2.0 (YYYY-MM-DD)`"
    ]
    assert list(release.unsettled_changelog("1.2.0", "## 1.1.0 (2027-01-31)\n")) != []


def test_the_changelog_begins_with_the_version_of_the_package() -> None:
    headings = [line for line in (ROOT / "CHANGELOG.md").read_text().splitlines() if line.startswith("## ")]
    assert headings[0].split()[1] == release.version()


def test_no_other_place_states_the_version_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert ("version" in project["project"], project["project"]["dynamic"]) == (False, ["version"])
    assert project["tool"]["hatch"]["version"] == {"path": "airflow_provider_pipedrive/__init__.py"}


@pytest.mark.long
@pytest.mark.parametrize("airflow", [release.NEWEST, release.OLDEST])
def test_a_bare_airflow_finds_the_provider_its_hook_its_plugin_and_its_examples(
    built: tuple[Path, Path], airflow: str, tmp_path: Path
) -> None:
    assert release.wrong_when_installed(built[1], airflow, tmp_path) == []
