"""Threads that send: every job's answer comes back, whatever it is."""

from __future__ import annotations

import threading

from airflow_provider_pipedrive.bulk.senders import SenderPool


def test_no_more_jobs_are_under_way_than_allowed_and_every_answer_comes_back() -> None:
    together: list[int] = []
    lock, running = threading.Lock(), 0

    def send(job: int) -> int:
        nonlocal running
        with lock:
            running += 1
            together.append(running)
        threading.Event().wait(0.01)
        with lock:
            running -= 1
        return job * 2

    answers: dict[int, int] = {}
    waiting = list(range(20))
    with SenderPool(3, 5, send) as pool:
        while waiting or pool.running:
            while waiting and pool.free:
                pool.submit(waiting.pop())
            answers |= {sent.job: sent.answer for sent in pool.sent()}

    assert answers == {job: job * 2 for job in range(20)}
    assert max(together) == 3


def test_an_error_is_the_answer_of_its_job_and_ends_no_thread() -> None:
    def send(job: str) -> str:
        if job == "bad":
            raise ValueError(job)
        return job

    with SenderPool(1, 1, send) as pool:
        pool.submit("bad")
        [bad] = pool.sent()
        pool.submit("good")
        [good] = pool.sent()

    assert (bad.job, str(bad.error), good.answer, good.error) == ("bad", "bad", "good", None)


def test_without_an_answer_in_time_there_is_none() -> None:
    gate = threading.Event()
    with SenderPool(1, 1, lambda job: gate.wait(5) and job) as pool:
        pool.submit("slow")
        assert pool.sent(timeout=0.01) == []
        gate.set()
        assert [sent.answer for sent in pool.sent()] == ["slow"]
