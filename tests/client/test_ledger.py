"""What all processes of a machine have spent of an account's API tokens today."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.budget import Budget
from airflow_provider_pipedrive.client.day import Day
from airflow_provider_pipedrive.client.ledger import (
    Ledger,
    all_ledgers,
    forget_ledgers,
    ledger_of,
    noted_days,
)
from airflow_provider_pipedrive.errors import PipedriveDailyBudgetError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.client.test_shared_pace import in_processes

DAY = 86_400
NOON = 1_800_014_400.0
TODAY = "2027-01-15"
ROW = "crm/nightly/load/read deals"
HUNDRED = Budget(daily=100)
NONE = Budget()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "shared"
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", str(place))
    return place


@pytest.fixture
def ledger() -> Ledger:
    return Ledger("acme.pipedrive.com")


def noted() -> list[tuple[str, str, dict[str, int]]]:
    return [(account, date, day.rows) for account, date, day in noted_days()]


def test_the_budget_can_be_spent_to_the_last_token_and_not_beyond(ledger: Ledger) -> None:
    ledger.spend(ROW, 90, NOON, HUNDRED, "getDeals")
    ledger.spend(ROW, 10, NOON, HUNDRED, "getDeals")
    with pytest.raises(
        PipedriveDailyBudgetError, match="getDeals costs 1 API token, .* already spent 100 of the 100"
    ) as spent:
        ledger.spend(ROW, 1, NOON, HUNDRED, "getDeals")
    assert (spent.value.retryable, spent.value.retry_after) == (True, DAY / 2)
    assert ledger.spent == 100


def test_a_new_utc_day_brings_the_budget_again(ledger: Ledger) -> None:
    ledger.spend(ROW, 100, NOON, HUNDRED, None)
    ledger.spend(ROW, 100, NOON + DAY, HUNDRED, None)
    assert ledger.spent == 100
    assert [date for _, date, _ in noted()] == [TODAY, "2027-01-16"]


def test_a_clock_that_is_set_back_does_not_grant_the_budget_again(ledger: Ledger) -> None:
    ledger.spend(ROW, 100, NOON, HUNDRED, None)
    with pytest.raises(PipedriveDailyBudgetError):
        ledger.spend(ROW, 1, NOON - DAY, HUNDRED, None)


def test_many_processes_and_their_threads_do_not_spend_more_than_the_budget(ledger: Ledger) -> None:
    ledger.spend(ROW, 1, NOON, HUNDRED, None)  # what the others are forked from has the file open

    def work() -> int:
        allowed: list[int] = []

        def try_often() -> None:
            for _ in range(10):
                try:
                    ledger.spend(ROW, 1, NOON, HUNDRED, None)
                except PipedriveDailyBudgetError:
                    return
                allowed.append(1)

        threads = [threading.Thread(target=try_often) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return len(allowed)

    assert sum(in_processes(4, work)) == 99
    assert ledger.spent == 100


def test_without_a_budget_all_that_processes_spend_is_noted_too() -> None:
    def work() -> None:
        mine = ledger_of("https://acme.pipedrive.com", "")
        for n in range(100):
            mine.spend(ROW, 2, NOON + n / 1000, NONE, None)
        mine.note()

    in_processes(3, work)
    assert noted() == [("acme.pipedrive.com", TODAY, {ROW: 600})]


def test_what_a_process_has_gathered_is_not_noted_again_by_one_that_is_forked_from_it(ledger: Ledger) -> None:
    ledger.spend(ROW, 1, NOON, NONE, None)
    ledger.spend(ROW, 2, NOON, NONE, None)  # gathered
    in_processes(1, lambda: ledger.spend(ROW, 10, NOON + 1, NONE, None))
    ledger.note()
    assert noted() == [("acme.pipedrive.com", TODAY, {ROW: 13})]


def test_what_pipedrive_says_is_left_is_known_to_all_processes(ledger: Ledger) -> None:
    def work() -> None:
        ledger.spend(ROW, 10, NOON, NONE, None)
        ledger.learn(
            {
                "x-daily-ratelimit-token-limit": "1000",
                "x-daily-ratelimit-token-remaining": "205",
            },
            NOON,
        )
        ledger.spend(ROW, 1, NOON + 1, NONE, None)

    in_processes(1, work)
    with pytest.raises(PipedriveDailyBudgetError, match="204 of its 1000"):
        ledger.spend(ROW, 5, NOON + 2, Budget(left_to_others=0.2), "getDeals")


@pytest.mark.parametrize("header", ["", "many", "-1", "9" * 30])
def test_a_header_that_cannot_be_read_says_nothing(ledger: Ledger, header: str) -> None:
    ledger.learn({"x-daily-ratelimit-token-limit": "1000", "x-daily-ratelimit-token-remaining": header}, NOON)
    ledger.spend(ROW, 5, NOON, Budget(left_to_others=1.0), "getDeals")


def test_old_days_are_removed_when_a_new_one_begins(ledger: Ledger) -> None:
    for day in (0, 1, 32):
        ledger.spend(ROW, 1, NOON + day * DAY, NONE, None)
    assert [date for _, date, _ in noted()] == ["2027-01-16", "2027-02-16"]


def test_the_file_is_for_this_user_alone(ledger: Ledger, folder: Path) -> None:
    ledger.spend(ROW, 1, NOON, NONE, None)
    (file,) = folder.iterdir()
    assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)


def test_the_host_that_all_companies_share_names_no_account_and_shows_no_credential() -> None:
    first = ledger_of("https://api.pipedrive.com", "token abc")
    assert first is ledger_of("https://api.pipedrive.com", "token abc")
    assert first is not ledger_of("https://api.pipedrive.com", "token def")
    assert "abc" not in first.account
    assert ledger_of("https://acme.pipedrive.com", "token abc") is ledger_of("https://acme.pipedrive.com", "token def")


@pytest.mark.parametrize("bound", [NONE, HUNDRED])
def test_where_the_ledger_cannot_be_written_a_process_counts_for_itself_and_says_so_once(
    folder: Path, ledger: Ledger, caplog: pytest.LogCaptureFixture, bound: Budget
) -> None:
    folder.write_text("in the way")
    for n in range(10):
        ledger.spend(ROW, 10, NOON + n, bound, None)
    assert ledger.spent == 100
    assert [record.levelname for record in caplog.records if "not shared" in record.message] == ["WARNING"]


def test_a_file_that_cannot_be_read_any_more_is_written_again(ledger: Ledger, folder: Path) -> None:
    ledger.spend(ROW, 60, NOON, HUNDRED, None)
    next(folder.iterdir()).write_bytes(b"\xff" * 40)
    ledger.spend(ROW, 40, NOON, HUNDRED, None)
    assert noted() == [("acme.pipedrive.com", TODAY, {ROW: 100})]


class OtherMachine:
    """Takes the word that is left, and has spent some itself."""

    def __init__(self, spent: int | None) -> None:
        self.spent = spent
        self.words: list[tuple[str, str, int]] = []

    def exchange(self, account: str, date: str, day: Day) -> int | None:
        self.words.append((account, date, day.spent))
        return self.spent


def test_machines_leave_each_other_word_twice_a_minute_at_most_and_as_a_process_ends(ledger: Ledger) -> None:
    other = OtherMachine(95)
    for seconds in (0, 10, 29, 31):
        ledger.spend(ROW, 1, NOON + seconds, NONE, None)
        ledger.exchange(other, NOON + seconds)
    ledger.spend(ROW, 1, NOON + 32, NONE, None)
    ledger.exchange(other, NOON + 32, at_once=True)
    ledger.exchange(other, NOON + 32, at_once=True)  # nothing was spent meanwhile
    assert [spent for _, _, spent in other.words] == [1, 4, 5]
    assert other.words[0][:2] == ("acme.pipedrive.com", TODAY)
    with pytest.raises(PipedriveDailyBudgetError, match="already spent 100 of the 100"):
        ledger.spend(ROW, 2, NOON + 33, HUNDRED, None)


def test_one_process_of_a_machine_leaves_word_for_all(ledger: Ledger) -> None:
    ledger.spend(ROW, 1, NOON, NONE, None)
    ledger.exchange(OtherMachine(5), NOON)
    forget_ledgers()
    second, other = Ledger(ledger.account), OtherMachine(5)
    second.spend(ROW, 1, NOON + 1, NONE, None)
    second.exchange(other, NOON + 1)
    assert other.words == []


def test_where_no_word_can_be_had_what_was_known_stays(ledger: Ledger) -> None:
    ledger.spend(ROW, 1, NOON, NONE, None)
    ledger.exchange(OtherMachine(50), NOON)
    ledger.exchange(OtherMachine(None), NOON + 31)
    with pytest.raises(PipedriveDailyBudgetError, match="already spent 51"):
        ledger.spend(ROW, 50, NOON + 32, HUNDRED, None)


def test_a_reserved_share_stops_a_real_client_before_the_company_has_nothing_left() -> None:
    with Sandbox(deals=3, seed=1, api_token="ApiTokenOfTheLedgerTests01234567", daily_budget=100) as sandbox:
        extra = {"api_token": sandbox.api_token, "reserved_share": "0.5"}
        with PipedriveClient(settings_from(host=sandbox.url, extra=extra)) as client:
            for _ in range(5):
                client.run("getDeals")
            with pytest.raises(PipedriveDailyBudgetError, match="50 of its 100 of today left, and 50% is left to oth"):
                client.run("getDeals")
        assert client.usage.tokens == 50
        (kept,) = all_ledgers()
        assert kept.account == sandbox.url.removeprefix("http://").replace(":", "-")
