"""``plan``, ``watermarks`` and ``files``."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.watermarks import listed
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.cli.conftest import Terminal


def test_a_plan_prices_each_entity_and_says_what_it_cost_itself(terminal: Terminal, sandbox: Sandbox) -> None:
    assert terminal.run("plan", "--entities", "deals,pipelines,deal_products") == 0
    assert [line.split()[:4] for line in terminal.out.splitlines()] == [
        ["entity", "records", "pages", "tokens"],
        ["deals", "30", "1", "10"],
        ["pipelines", "3", "1", "5"],
        ["deal_products", "?", "1", "10"],
    ]
    assert "About 37 API tokens" in terminal.err
    assert "This plan cost 25 API tokens." in terminal.err


def test_a_plan_of_an_unknown_entity_names_the_nearest(terminal: Terminal, sandbox: Sandbox) -> None:
    assert terminal.run("plan", "--entities", "deels") == 1
    assert "There is no entity 'deels' to extract. Did you mean deals" in terminal.err


def test_a_plan_with_an_end_and_no_beginning_says_what_is_missing(terminal: Terminal, sandbox: Sandbox) -> None:
    assert terminal.run("plan", "--entities", "deals", "--until", "2026-01-01") == 1
    assert "--until needs --since" in terminal.err
    assert terminal.run("plan", "--entities", "deals", "--since", "2099-01-01") == 1
    assert "--since 2099-01-01 is in the future" in terminal.err


def test_marks_are_shown_set_back_and_forgotten(terminal: Terminal, sandbox: Sandbox, tmp_path: Path) -> None:
    extract(PipedriveHook().client, tmp_path, ExtractionJob(["persons"], "changes"))
    assert terminal.run("watermarks", str(tmp_path)) == 0
    assert terminal.out.startswith("persons  20")

    assert terminal.run("watermarks", str(tmp_path), "--entity", "persons", "--set", "2026-01-31") == 0
    assert "persons: the next run reads what was updated from 2026-01-31T00:00:00+00:00 on." in terminal.err
    assert terminal.run("watermarks", str(tmp_path)) == 0
    assert terminal.out.startswith("persons  2026-01-31T00:00:00+00:00")

    assert terminal.run("watermarks", str(tmp_path), "--entity", "persons", "--forget") == 0
    assert terminal.run("watermarks", str(tmp_path)) == 0
    assert terminal.out.startswith("persons  none: the next run reads everything")


def test_the_windows_of_the_latest_runs_are_shown_and_all_of_them_for_one_entity(
    terminal: Terminal, sandbox: Sandbox, tmp_path: Path
) -> None:
    for night in range(4):
        extract(PipedriveHook().client, tmp_path, ExtractionJob(["persons", "stages"], "changes"), run=f"night {night}")
    assert terminal.run("watermarks", str(tmp_path), "--entity", "persons") == 0
    _, *windows = terminal.out.splitlines()
    assert [line.rpartition("  ")[2] for line in windows] == ["night 3", "night 2", "night 1", "night 0"]
    assert windows[3].startswith("  whole list, up to 20")
    assert "  from 20" in windows[0]
    assert all("  published  " in line for line in windows)
    assert terminal.run("watermarks", str(tmp_path)) == 0
    assert terminal.out.count("  and 1 earlier run: --entity shows them") == 2


def test_a_folder_in_which_no_run_has_begun_has_no_marks(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("watermarks", str(tmp_path)) == 0
    assert "There are no watermarks" in terminal.err


def test_a_mark_that_is_not_there_is_told_with_those_that_are(
    terminal: Terminal, sandbox: Sandbox, tmp_path: Path
) -> None:
    extract(PipedriveHook().client, tmp_path, ExtractionJob(["persons"], "changes"))
    assert terminal.run("watermarks", str(tmp_path), "--entity", "deals", "--forget") == 1
    assert "There is no watermark of deals" in terminal.err
    assert "there are: persons." in terminal.err
    assert terminal.run("watermarks", str(tmp_path), "--entity", "deals") == 1
    assert "there are: persons." in terminal.err


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--entity", "persons", "--set", "yesterday"], "--set must be a time with a zone"),
        (["--entity", "persons", "--set", "2099-01-01"], "--set 2099-01-01 is in the future"),
        (["--entity", "persons", "--set", "2026-01-01", "--forget"], "--set and --forget contradict one another"),
        (["--forget"], "Say which watermark: --entity deals"),
    ],
)
def test_a_mark_that_cannot_be_set_so_stays(
    terminal: Terminal, sandbox: Sandbox, tmp_path: Path, options: list[str], advice: str
) -> None:
    extract(PipedriveHook().client, tmp_path, ExtractionJob(["persons"], "changes"))
    before = listed(tmp_path)
    assert terminal.run("watermarks", str(tmp_path), *options) == 1
    assert advice in terminal.err
    assert listed(tmp_path) == before


def test_marks_of_a_folder_that_is_not_there_are_no_silence(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal.run("watermarks", str(tmp_path / "crn")) == 1
    assert "There is no folder" in terminal.err


def test_the_files_that_count_are_listed_and_no_others(terminal: Terminal, sandbox: Sandbox, tmp_path: Path) -> None:
    for _ in range(2):
        extract(PipedriveHook().client, tmp_path, ExtractionJob(["stages", "persons"], partition="dt=1"))
    assert terminal.run("files", str(tmp_path)) == 0
    listed_files = [Path(line) for line in terminal.out.splitlines()]
    assert [file.relative_to(tmp_path).parts[:2] for file in listed_files] == [("persons", "dt=1"), ("stages", "dt=1")]
    assert len(list(tmp_path.glob("stages/dt=1/part-*"))) == 2, "the one before is kept for who is still reading it"
    assert len(listed_files[1].read_text().splitlines()) == len(sandbox.records("stages"))
    assert terminal.run("files", str(tmp_path / "stages")) == 0
    assert terminal.out.splitlines()[-1] == str(listed_files[1])


def test_a_folder_in_which_nothing_is_published_is_told(terminal: Terminal, sandbox: Sandbox, tmp_path: Path) -> None:
    assert terminal.run("files", str(tmp_path)) == 1
    assert "There is no _manifest.json in" in terminal.err
