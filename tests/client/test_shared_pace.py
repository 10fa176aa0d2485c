"""Processes of one user on one machine keep to one rate limit together."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client import Settings, settings_from
from airflow_provider_pipedrive.client.limits import Limits, forget_limits, limits_of

TOKEN = "ApiTokenOfThePaceTests0123456789"
SETTINGS = settings_from(host="acme", extra={"api_token": TOKEN, "burst_limit": 20})
# Forked, as Airflow does with its tasks.
FORK = multiprocessing.get_context("fork")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "shared"
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", str(place))
    return place


def in_processes(count: int, work: Callable[[], Any]) -> list[Any]:
    """What ``work`` returns in each of so many processes that run at once."""
    results = FORK.Queue()
    processes = [FORK.Process(target=lambda: results.put(work())) for _ in range(count)]
    for process in processes:
        process.start()
    found = [results.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(30)
    return found


def reserved(times: int, settings: Settings = SETTINGS, now: float = 100.0, *, search: bool = False) -> list[float]:
    limits = limits_of(settings)
    return [limits.reserve(now, search=search) for _ in range(times)]


def most_in_a_window(starts: Sequence[float]) -> int:
    return max(sum(1 for other in starts if start <= other < start + 2.0) for start in starts)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("search", "limit"), [(False, 20), (True, 10)])
def test_no_window_holds_more_than_the_limit_however_many_processes_there_are(search: bool, limit: int) -> None:
    reserved(1)  # what the others are forked from has the file open
    starts = [start for found in in_processes(8, lambda: reserved(12, search=search)) for start in found]
    assert len(starts) == 96
    assert most_in_a_window(starts) == limit


@pytest.mark.usefixtures("folder")
def test_a_429_in_one_process_pauses_them_all() -> None:
    in_processes(1, lambda: limits_of(SETTINGS).pause(100.0, 105.0))
    assert in_processes(1, lambda: reserved(1)) == [[105.0]]


@pytest.mark.usefixtures("folder")
def test_a_start_that_is_waited_for_is_put_off_by_a_pause_in_another_process() -> None:
    start = reserved(21)[-1]
    in_processes(1, lambda: limits_of(SETTINGS).pause(100.0, 105.0))
    assert limits_of(SETTINGS).reserve_again(start, start, search=False) >= 105.0


FAST = settings_from(host="acme", extra={"api_token": TOKEN, "burst_limit": 400})


@pytest.mark.usefixtures("folder")
def test_starts_that_are_reserved_together_are_used_before_others_are_reserved() -> None:
    limits = limits_of(FAST)
    starts = [limits.reserve(100.0 + n / 1000, search=False) for n in range(15)]
    assert starts == [100.0, 100.001, 100.001, 100.003, 100.003, 100.003, 100.003] + [100.007] * 8
    assert in_processes(1, lambda: limits_of(FAST).room(100.015)) == [385]


@pytest.mark.usefixtures("folder")
def test_starts_that_were_reserved_together_and_have_passed_are_given_back() -> None:
    limits = limits_of(FAST)
    for n in range(8):  # with the eighth, eight are reserved
        limits.reserve(100.0 + n / 1000, search=False)
    assert in_processes(1, lambda: limits_of(FAST).room(100.5)) == [385]
    assert limits.reserve(100.5, search=False) == 100.5
    assert in_processes(1, lambda: limits_of(FAST).room(100.5)) == [391]


@pytest.mark.usefixtures("folder")
def test_starts_that_were_reserved_together_are_left_after_a_pause() -> None:
    limits = limits_of(FAST)
    for n in range(8):
        limits.reserve(100.0 + n / 1000, search=False)
    limits.pause(100.008, 105.0)
    assert limits.reserve(100.009, search=False) == 105.0


@pytest.mark.usefixtures("folder")
def test_a_forked_process_does_not_use_the_starts_that_its_parent_has_reserved() -> None:
    limits = limits_of(FAST)
    for n in range(8):
        limits.reserve(100.0 + n / 1000, search=False)
    assert in_processes(1, lambda: limits_of(FAST).reserve(100.008, search=False)) == [100.008]


@pytest.mark.usefixtures("folder")
def test_no_window_holds_more_than_the_limit_where_processes_reserve_starts_together() -> None:
    def work() -> list[float]:
        limits = limits_of(FAST)
        return [limits.reserve(100.0 + n / 10_000, search=False) for n in range(300)]

    starts = [start for found in in_processes(4, work) for start in found]
    assert len(starts) == 1200
    assert most_in_a_window(starts) <= 400


@pytest.mark.usefixtures("folder")
def test_a_new_process_keeps_to_the_limit_that_another_one_has_learned() -> None:
    settings = settings_from(host="acme", extra={"api_token": TOKEN})
    in_processes(1, lambda: limits_of(settings).learn({"x-ratelimit-limit": "5"}, 99.9, 100.0))
    assert reserved(6, settings) == [100.0] * 5 + [102.02]


@pytest.mark.usefixtures("folder")
def test_another_account_has_a_pace_of_its_own() -> None:
    other = settings_from(host="other", extra={"api_token": TOKEN, "burst_limit": 20})
    in_processes(1, lambda: reserved(20))
    assert reserved(1, other) == [100.0]


def test_the_file_is_for_this_user_alone_and_does_not_show_the_credential(folder: Path) -> None:
    reserved(3)
    (file,) = folder.iterdir()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert TOKEN not in file.name
    assert TOKEN.encode() not in file.read_bytes()


def test_a_file_that_was_swept_away_is_made_again(folder: Path) -> None:
    reserved(1)
    next(folder.iterdir()).unlink()
    reserved(19)
    assert in_processes(1, lambda: reserved(1)) == [[102.02]]


@pytest.mark.parametrize("content", [b"", b"not numbers at all", b"\xff" * 80, b"\0" * 4096])
def test_a_file_that_cannot_be_read_is_begun_again(folder: Path, content: bytes) -> None:
    reserved(1)
    next(folder.iterdir()).write_bytes(content)
    forget_limits()
    assert reserved(1) == [100.0]


@pytest.mark.usefixtures("folder")
def test_what_a_machine_noted_before_it_was_started_anew_holds_nobody_up() -> None:
    reserved(40, now=1_000_000.0)
    forget_limits()
    assert reserved(1, now=10.0) == [10.0]


@pytest.mark.parametrize("obstacle", ["a file", "a link", "open to others"])
def test_where_the_file_cannot_be_had_each_process_paces_itself_and_says_so_once(
    folder: Path, caplog: pytest.LogCaptureFixture, obstacle: str
) -> None:
    if obstacle == "a file":
        folder.write_text("in the way")
    elif obstacle == "a link":
        folder.symlink_to(folder.parent)
    else:
        folder.mkdir()
        folder.chmod(0o755)
    assert most_in_a_window(reserved(30)) == 20
    assert in_processes(1, lambda: reserved(1)) != [[100.0]]  # forked: it knows what it has inherited
    assert [record.message for record in caplog.records if "not shared" in record.message] != []
    assert len(caplog.records) == 1


def test_an_empty_variable_ends_the_sharing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", "")
    in_processes(1, lambda: reserved(20))
    assert reserved(1) == [100.0]
    assert caplog.records == []


@pytest.mark.usefixtures("folder")
def test_a_process_that_is_stopped_while_it_has_the_lock_holds_the_others_up_for_a_second_at_most() -> None:
    limits = limits_of(SETTINGS)
    holder = FORK.Process(target=hold, args=(limits, ready := FORK.Event()))
    holder.start()
    assert ready.wait(30)
    try:
        assert reserved(1) == [100.0]
    finally:
        os.kill(holder.pid or 0, signal.SIGKILL)
        holder.join(30)
    reserved(19)
    assert in_processes(1, lambda: reserved(1)) != [[100.0]]


def hold(limits: Limits, ready: Any) -> None:
    """Take the lock and keep it."""
    with limits._agreed(100.0):
        ready.set()
        signal.pause()
