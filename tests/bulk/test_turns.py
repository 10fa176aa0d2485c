"""Runs of one machine that may create the same records."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.bulk.turns import created_by_key, in_turn
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, made, people
from tests.conftest import API_TOKEN


def test_of_two_runs_at_the_same_time_with_the_same_keys_one_creates_and_the_other_finds(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    both = threading.Barrier(2)

    def run(name: str) -> dict[str, Any]:
        settings = settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
        with PipedriveClient(settings) as own:
            both.wait()
            return write(own, people(20), BulkJob("persons"), folder=tmp_path / name)

    with ThreadPoolExecutor(2) as pool:
        receipts = list(pool.map(run, ["one", "two"]))

    assert sorted(receipt["created"] for receipt in receipts) == [0, 20]
    assert sorted(receipt["unchanged"] for receipt in receipts) == [0, 20]
    assert set(made(client).values()) == {1}


@pytest.mark.parametrize(
    ("job", "entities"),
    [
        ({}, ("persons",)),
        ({"mode": "create"}, ()),
        ({"mode": "create", "match_on": "email"}, ("persons",)),
        ({"mode": "update"}, ()),
        ({"match_on": "id"}, ()),
        ({"match_on": "id", "create_related": True}, ("organizations", "persons")),
        ({"dry_run": True}, ()),
    ],
    ids=str,
)
def test_a_run_takes_turns_for_what_it_may_create_by_a_key(job: dict[str, Any], entities: tuple[str, ...]) -> None:
    assert created_by_key(BulkJob("persons", **job)) == entities


def test_another_entity_and_another_account_do_not_wait(write_rows: Write) -> None:
    persons = BulkJob("persons")
    with in_turn(persons, "https://acme.pipedrive.com 1", "run 1"), in_turn(persons, "another", "run 2"):
        assert write_rows(people(1), "persons")["created"] == 1


def test_whoever_waits_begins_when_the_turn_before_has_ended() -> None:
    persons, waited = BulkJob("persons"), threading.Event()

    def second() -> bool:
        with in_turn(persons, "acme", "run 2", lambda seconds: waited.set()) as had_last:
            return had_last

    with ThreadPoolExecutor(1) as pool:
        with in_turn(persons, "acme", "run 1"):
            following = pool.submit(second)
            assert waited.wait(timeout=30)
            assert not following.done()
        assert following.result(timeout=30) is False


def test_a_run_knows_whether_another_one_had_a_turn_since_its_own() -> None:
    persons = BulkJob("persons")
    runs = ["run 1", "run 1", "run 2", "run 1"]
    seen = []
    for run in runs:
        with in_turn(persons, "acme", run) as had_last:
            seen.append(had_last)
    assert seen == [False, True, False, False]


def test_without_a_folder_for_locks_a_run_does_without_turns(
    monkeypatch: pytest.MonkeyPatch, write_rows: Write, tmp_path: Path
) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    for folder in ("", str(open_to_all)):
        monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", folder)
        with in_turn(BulkJob("persons"), "acme", "run 1") as had_last:
            assert had_last is False
    assert write_rows(people(1), "persons")["created"] == 1
