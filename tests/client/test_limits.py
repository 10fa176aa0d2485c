"""Staying below Pipedrive's limits: told the time, nothing here waits."""

from __future__ import annotations

import threading

import pytest

from airflow_provider_pipedrive.client import settings_from
from airflow_provider_pipedrive.client.limits import Limits, RollingWindow, forget_limits, limits_of

NOON = 1_800_014_400.0  # 2027-01-15 12:00 UTC
DAY = 86_400


def most_in_a_window(starts: list[float]) -> int:
    return max(sum(1 for other in starts if start <= other < start + 2.0) for start in starts)


def test_exactly_the_limit_starts_at_once_and_the_next_a_window_later() -> None:
    limits = Limits(3)
    assert [limits.reserve(0.0, search=False) for _ in range(7)] == [0.0, 0.0, 0.0, 2.02, 2.02, 2.02, 4.04]


def test_the_window_rolls() -> None:
    limits = Limits(2)
    assert [limits.reserve(now, search=False) for now in (0.0, 1.5, 1.6, 1.7)] == [0.0, 1.5, 2.02, 3.52]


def test_searches_have_a_bucket_of_their_own_of_ten() -> None:
    limits = Limits(80)
    starts = [limits.reserve(0.0, search=True) for _ in range(11)]
    assert starts == [0.0] * 10 + [2.02]
    assert limits.reserve(0.0, search=False) == 0.0


def test_no_window_is_overfull_when_searches_wait_among_other_requests() -> None:
    limits = Limits(20)
    searches = [limits.reserve(0.0, search=True) for _ in range(25)]
    others = [limits.reserve(now, search=False) for now in (0.0, 0.1, 2.02, 2.02, 2.02) * 8]
    assert most_in_a_window(searches) <= 10
    assert most_in_a_window(searches + others) <= 20


def test_requests_fill_the_room_that_waiting_searches_leave() -> None:
    limits = Limits(20)
    assert [limits.reserve(0.0, search=True) for _ in range(12)] == [0.0] * 10 + [2.02] * 2
    assert [limits.reserve(0.0, search=False) for _ in range(30)] == [0.0] * 8 + [2.02] * 18 + [4.04] * 4


def test_a_window_remembers_no_more_starts_than_it_needs() -> None:
    window = RollingWindow(20)
    for second in range(1000):
        window.take(float(second), float(second))
    assert len(window.starts) <= 20


def test_nothing_starts_during_a_pause() -> None:
    limits = Limits(20)
    limits.pause(0.0, 5.0)
    limits.pause(0.0, 3.0)
    assert limits.reserve(1.0, search=False) == 5.0


@pytest.mark.parametrize(
    ("header", "learned"),
    [("40", 40), ("1", 1), ("0", 20), ("-1", 20), ("many", 20), ("²", 20), ("9" * 5000, 20), ("", 20)],
)
def test_the_limit_is_learned_from_pipedrives_header(header: str, learned: int) -> None:
    limits = Limits(20)
    limits.learn({"x-ratelimit-limit": header}, 0.0, 0.1)
    assert limits.burst_limit == learned


def test_a_declared_limit_stays_whatever_the_header_says() -> None:
    limits = Limits(20)
    limits.declare(5)
    limits.learn({"x-ratelimit-limit": "40"}, 0.0, 0.1)
    assert limits.burst_limit == 5


@pytest.mark.parametrize(
    ("extra", "limit"),
    [({"api_token": "t"}, 20), ({"access_token": "a"}, 80), ({"api_token": "t", "burst_limit": 7}, 7)],
)
def test_until_something_is_learned_the_smallest_plans_limit_holds(extra: dict[str, object], limit: int) -> None:
    assert limits_of(settings_from(extra=extra)).burst_limit == limit


def test_everything_with_the_same_host_and_credential_shares_its_limits() -> None:
    mine = limits_of(settings_from(host="acme", extra={"api_token": "t"}))
    assert limits_of(settings_from(host="acme", extra={"api_token": "t", "timeout": 5})) is mine
    assert limits_of(settings_from(host="other", extra={"api_token": "t"})) is not mine
    assert limits_of(settings_from(host="acme", extra={"api_token": "u"})) is not mine
    forget_limits()
    assert limits_of(settings_from(host="acme", extra={"api_token": "t"})) is not mine


def test_a_hundred_threads_do_not_overfill_a_window() -> None:
    limits = Limits(20)
    starts: list[float] = []

    def work() -> None:
        starts.append(limits.reserve(0.0, search=False))

    threads = [threading.Thread(target=work) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most_in_a_window(starts) == 20


def test_a_request_that_was_held_up_on_its_way_counts_by_as_much_later():
    limits = Limits(1)
    quick = limits.reserve(0.0, search=False)
    limits.settle(quick, 0.1, search=False)  # the quickest round trip: 0.1 s
    slow = limits.reserve(10.0, search=False)
    limits.settle(slow, 10.5, search=False)  # 0.4 s longer than that
    assert limits.reserve(10.5, search=False) == pytest.approx(10.4 + 2.0 * 1.01)


def test_a_request_that_was_answered_as_quickly_as_any_counts_from_its_start():
    limits = Limits(1)
    limits.settle(limits.reserve(-10.0, search=False), -9.8, search=False)
    start = limits.reserve(0.0, search=False)
    limits.settle(start, 0.2, search=False)
    assert limits.reserve(0.3, search=False) == pytest.approx(2.0 * 1.01)


def test_the_room_is_what_the_window_does_not_hold_yet():
    limits = Limits(3)
    assert limits.room(0.0) == 3
    assert [limits.reserve(0.0, search=False) for _ in range(4)] == [0.0, 0.0, 0.0, pytest.approx(2.0 * 1.01)]
    assert limits.room(1.0) == 0
    assert limits.room(2.0 * 1.01) == 2
    limits.pause(3.0, 9.0)
    assert limits.room(8.0) == 0


def test_after_a_429_a_machine_takes_less_of_the_limit_and_slowly_more_again():
    limits = Limits(100)
    limits.pause(0.0, 2.0)
    assert limits.room(2.0) == 88  # 80 %, and a tenth more in each window
    assert limits.room(4.0) == 96
    assert limits.room(6.0) == 100
    assert limits.room(1000.0) == 100


def test_the_429s_of_one_window_count_once():
    limits = Limits(100)
    for now in (0.0, 0.5, 1.0):
        limits.pause(now, 2.0)
    assert limits.room(2.0) == 88


def test_machines_that_meet_at_the_limit_again_and_again_end_with_a_small_share_each():
    limits = Limits(100)
    for window in range(60):
        limits.pause(window * 2.1, window * 2.1 + 2.0)
    assert 1 <= limits.room(128.0) <= 5


def test_a_request_whose_time_has_come_waits_for_others_that_arrived_late():
    limits = Limits(1)
    limits.settle(limits.reserve(-10.0, search=False), -9.9, search=False)  # the quickest: 0.1 s
    held_up = limits.reserve(0.0, search=False)
    waiting = limits.reserve(0.0, search=False)
    limits.settle(held_up, 1.1, search=False)
    assert waiting == pytest.approx(2.02)
    assert limits.reserve_again(waiting, waiting, search=False) == pytest.approx(1.0 + 2.02)


def test_the_first_requests_open_connections_and_count_from_their_answers():
    limits = Limits(2)
    starts = [limits.reserve(0.0, search=False) for _ in range(2)]
    for start in starts:
        limits.settle(start, 0.5, search=False)
    assert limits.reserve(0.5, search=False) == pytest.approx(0.5 + 2.02)


def left(number: int) -> dict[str, str]:
    return {"x-ratelimit-limit": "100", "x-ratelimit-remaining": str(number)}


def sharing_with_others() -> Limits:
    """A machine that had 20 of the 97 requests in a window of 100, and was told that at 0.1."""
    limits = Limits(100)
    for _ in range(20):
        limits.reserve(0.0, search=False)
    limits.learn(left(3), 0.0, 0.1)
    return limits


def test_where_others_fill_the_window_too_a_machine_takes_the_part_that_it_had() -> None:
    assert sharing_with_others().room(2.1) == 22  # 20, and a tenth more in each window


def test_nothing_starts_until_a_little_of_the_window_is_free_again() -> None:
    limits = sharing_with_others()
    limits.learn(left(3), 2.1, 2.1)
    assert [limits.room(now) for now in (2.1, 2.15, 2.17)] == [0, 0, 22]


@pytest.mark.parametrize(("own", "remaining"), [(97, 3), (85, 3), (20, 50), (20, 7)])
def test_a_machine_that_is_alone_or_finds_room_takes_all_of_the_limit(own: int, remaining: int) -> None:
    limits = Limits(100)
    for _ in range(own):
        limits.reserve(0.0, search=False)
    limits.learn(left(remaining), 0.0, 0.1)
    assert limits.room(2.1) == 100


def test_a_machine_takes_more_when_the_others_are_gone() -> None:
    limits = sharing_with_others()
    for _ in range(10):
        start = limits.reserve(8.0, search=False)
    assert limits.room(start) == 20
    limits.learn(left(80), start, start)
    assert limits.room(start) == 24  # of 10 + 0.3 * 80, less the 10 that have started


def test_a_machine_takes_all_of_the_limit_again_when_nobody_else_is_left() -> None:
    limits = sharing_with_others()
    start = limits.reserve(8.0, search=False)
    limits.learn(left(99), start, start)
    assert limits.room(10.1) == 100


def test_machines_that_share_a_window_spread_their_starts_evenly() -> None:
    limits = sharing_with_others()
    first, second, third = (limits.reserve(10.0, search=False) for _ in range(3))
    assert first == 10.0
    assert second - first == third - second == pytest.approx(2.02 / 32)


def test_what_held_up_requests_that_are_under_way_together_is_settled_with_the_next() -> None:
    limits = Limits(2)
    for _ in range(2):
        limits.settle(limits.reserve(-10.0, search=False), -9.9, search=False)  # the quickest: 0.1 s
    earlier, later = limits.reserve(0.0, search=False), limits.reserve(0.2, search=False)
    limits.settle(earlier, 1.1, search=False)
    limits.settle(later, 0.3, search=False)
    assert limits.reserve(1.2, search=False) == pytest.approx(0.2 + 2.02)
