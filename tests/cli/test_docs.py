from __future__ import annotations

import os
import pty
from pathlib import Path

import pytest

from airflow_provider_pipedrive.__main__ import main
from airflow_provider_pipedrive.cli.docs import manual

ROOT = Path(__file__).resolve().parents[2]


def test_docs_lists_the_pages_and_says_where_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    main(["docs"])
    shown = capsys.readouterr()
    assert "writing" in [line.split()[0] for line in shown.out.splitlines()]
    assert "errors                     Errors" in shown.out.splitlines()
    assert str(ROOT / "docs") in shown.err


def test_docs_prints_a_page_as_it_is_to_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    main(["docs", "writing"])
    assert capsys.readouterr().out == (ROOT / "docs" / "writing.md").read_text(encoding="utf-8")


def test_docs_takes_the_name_of_a_pages_file_too(capsys: pytest.CaptureFixture[str]) -> None:
    main(["docs", "docs/metrics.md"])
    assert capsys.readouterr().out.startswith("# ")


def test_docs_answers_a_misspelled_page_with_the_right_one(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["docs", "sensor"])
    assert ended.value.code == 2
    assert "There is no page 'sensor'. Did you mean 'sensors'?" in capsys.readouterr().err


def test_docs_sets_a_page_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER", "cat")
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr("sys.stdout", terminal)
        main(["docs", "metrics"])
        terminal.flush()
    assert b"# " not in os.read(ours, 2_000).partition(b"\n")[0]
    os.close(ours)


def test_an_installed_package_has_the_manual_inside(tmp_path: Path) -> None:
    (tmp_path / "package" / "docs").mkdir(parents=True)
    assert manual(tmp_path / "package") == tmp_path / "package" / "docs"
