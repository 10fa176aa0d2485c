"""How a trigger's blocking code reaches Airflow's supervisor, as Airflow 3.0 and 3.1 read its answers: one by one."""

from __future__ import annotations

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.triggers import connected
from airflow_provider_pipedrive.triggers.connected import Connected
from airflow_provider_pipedrive.triggers.threads import in_thread, seen_through


class Comms:
    """Airflow 3.0's and 3.1's way to the supervisor: whoever asks waits for the next answer, whosever it is."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.lock = asyncio.Lock()
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.unanswered: list[str] = []

    async def asend(self, question: str) -> str:
        if asyncio.get_running_loop() is not self.loop:
            raise RuntimeError("bound to a different event loop")
        async with self.lock:
            self.unanswered.append(question)
            self.asked.set()
            answer = await self.answers.get()
            if answer != f"answer to {question}":
                raise RuntimeError(f"Response read out of order! {question} got: {answer}")
            return answer

    def send(self, question: str) -> str:
        return async_to_sync(self.asend)(question)

    def answer_all(self) -> None:
        while self.unanswered:
            self.answers.put_nowait(f"answer to {self.unanswered.pop(0)}")


async def answered(comms: Comms, work: asyncio.Future[str]) -> str:
    """Play the supervisor until the work is done."""
    while not work.done():
        comms.answer_all()
        await asyncio.sleep(0)
    return work.result()


def test_what_blocks_asks_the_supervisor_in_the_event_loop_that_it_was_called_from():
    async def trigger() -> tuple[str, str]:
        comms = Comms()
        of_trigger = await answered(comms, asyncio.ensure_future(in_thread(comms.send, "mask a secret")))
        of_airflow = await answered(comms, asyncio.ensure_future(comms.asend("new triggers")))
        return of_trigger, of_airflow

    assert asyncio.run(trigger()) == ("answer to mask a secret", "answer to new triggers")


@pytest.mark.parametrize("way", ["in a thread", "in the event loop"])
def test_a_cancelled_trigger_leaves_no_answer_to_be_read_by_the_next_one(way: str):
    async def trigger() -> str:
        comms = Comms()
        ask = (
            in_thread(comms.send, "a connection") if way == "in a thread" else seen_through(comms.asend("a connection"))
        )
        task = asyncio.ensure_future(ask)
        await comms.asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await answered(comms, asyncio.ensure_future(comms.asend("new triggers")))

    assert asyncio.run(trigger()) == "answer to new triggers"


def test_a_poll_that_ends_while_it_asks_for_its_connection_leaves_no_answer_either(mocker: MockerFixture):
    async def trigger() -> str:
        comms = Comms()
        mocker.patch.object(connected, "get_async_connection", comms.asend)
        poll = asyncio.ensure_future(Connected("crm").client())
        await comms.asked.wait()
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        return await answered(comms, asyncio.ensure_future(comms.asend("new triggers")))

    assert asyncio.run(trigger()) == "answer to new triggers"


def test_a_slow_answer_does_not_take_the_threads_that_airflow_writes_logs_with():
    async def trigger() -> str:
        return await in_thread(lambda: threading.current_thread().name)

    assert asyncio.run(trigger()).startswith("pipedrive")


def test_an_error_in_a_thread_reaches_who_waits_for_it():
    def fail() -> None:
        raise ValueError("no such stage")

    with pytest.raises(ValueError, match="no such stage"):
        asyncio.run(in_thread(fail))
