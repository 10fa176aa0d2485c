"""``subject``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.cli.conftest import Terminal

EMAIL = "jana.forgetme@example.com"


@pytest.fixture
def person(sandbox: Sandbox) -> int:
    hook = PipedriveHook()
    found = hook.run("addPerson", {"name": "Jana", "emails": [{"value": EMAIL}]})["id"]
    hook.run("addNote", {"content": "likes tea", "person_id": found})
    hook.run("addDeal", {"title": "Roof", "person_id": found})
    return int(found)


def test_without_an_option_it_shows_what_there_is_and_changes_nothing(terminal: Terminal, person: int) -> None:
    assert terminal.run("subject", EMAIL) == 0
    shown = {line.split()[0]: line.split()[1:] for line in terminal.out.splitlines()}
    assert (shown["persons"], shown["notes"][0], shown["mail"]) == (["1", str(person)], "1", ["0"])
    assert "Nothing was changed." in terminal.err
    assert PipedriveHook().run("getPerson", {"id": person})["is_deleted"] is False


def test_an_export_writes_a_folder(terminal: Terminal, person: int, tmp_path: Path) -> None:
    assert terminal.run("subject", EMAIL, "--export", str(tmp_path / "jana")) == 0
    assert json.loads((tmp_path / "jana" / "persons.json").read_text())[0]["id"] == person
    assert "3 files written" in terminal.err


def test_an_erasure_asks_first_and_nobody_says_no(terminal: Terminal, person: int, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    assert terminal.run("subject", EMAIL, "--erase", "--journal", str(journal)) == 0
    assert "Nothing was deleted." in terminal.err
    assert not journal.exists()


def test_an_erasure_says_what_was_deleted_what_stays_and_until_when(
    terminal: Terminal, person: int, tmp_path: Path
) -> None:
    journal = tmp_path / "journal.jsonl"
    assert terminal.run("subject", EMAIL, "--erase", "--yes", "--keep", "deals", "--journal", str(journal)) == 0
    assert "persons: 1 deleted, kept by Pipedrive until 20" in terminal.out
    assert "notes: 1 deleted\n" in terminal.out
    assert "deals: 1 stay, as asked" in terminal.out
    assert "cannot be deleted by the API" in terminal.err
    assert len(journal.read_text().splitlines()) == 4
    assert terminal.run("subject", EMAIL) == 0
    assert "Nobody has this address" in terminal.err


def test_a_kind_that_is_none_is_a_wrong_call(terminal: Terminal, sandbox: Sandbox) -> None:
    assert terminal.run("subject", EMAIL, "--erase", "--keep", "deels") == 2
    assert "There is no kind deels. Known: notes, files" in terminal.err
