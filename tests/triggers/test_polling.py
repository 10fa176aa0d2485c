"""The engine: who is due when, and how long a poller lives."""

from __future__ import annotations

import asyncio
import contextvars
from dataclasses import dataclass

from airflow_provider_pipedrive.events.schedule import Schedule
from airflow_provider_pipedrive.triggers.polling import Key, Poller, Pollers
from tests.support.virtual_time import run

KEY = ("pipedrive_default", "anything")
context = contextvars.ContextVar("context", default="empty")


@dataclass(eq=False)
class Named:
    """A subscriber."""

    name: str
    schedule: Schedule


class Counting(Poller[Named]):
    """Notes its rounds and asks nothing."""

    def __init__(self, key: Key) -> None:
        super().__init__(key[0])
        self.rounds: list[tuple[float, list[str]]] = []
        self.contexts: set[str] = set()
        self.is_closed = False

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = await self.until_due()
            self.contexts.add(context.get())
            self.rounds.append((loop.time() % 3600, sorted(one.name for one in due)))
            for one in due:
                one.schedule = one.schedule.after_success(loop.time())

    def close(self) -> None:
        self.is_closed = True


class Kind:
    """Pollers of one kind, and all that were made."""

    def __init__(self) -> None:
        self.made: list[Counting] = []
        self.pollers = Pollers[Named](self._make)

    def _make(self, key: Key) -> Counting:
        self.made.append(Counting(key))
        return self.made[-1]

    async def be_there(self, name: str, interval: float, seconds: float, key: Key = KEY) -> None:
        context.set(name)
        with self.pollers.joined(key, Named(name, Schedule(interval, due=0.0))):
            await asyncio.sleep(seconds)


def test_each_is_asked_for_in_its_interval_and_all_that_are_due_together() -> None:
    kind = Kind()

    async def main() -> None:
        await asyncio.gather(kind.be_there("often", 60, 200), kind.be_there("seldom", 120, 200))

    run(main())
    (poller,) = kind.made
    assert poller.rounds == [
        (10, ["often", "seldom"]),
        (60, ["often"]),
        (120, ["often", "seldom"]),
        (180, ["often"]),
    ]


def test_one_that_comes_later_is_asked_for_before_the_others_are_due() -> None:
    kind = Kind()

    async def main() -> None:
        first = asyncio.ensure_future(kind.be_there("first", 1800, 100))
        await asyncio.sleep(30)
        await kind.be_there("second", 1800, 10)
        await first

    run(main())
    assert kind.made[0].rounds == [(10, ["first"]), (40, ["second"])]


def test_a_poller_ends_with_its_last_subscriber_and_another_key_has_its_own() -> None:
    kind = Kind()

    async def main() -> tuple[int, int, int]:
        waiting = [asyncio.ensure_future(kind.be_there(name, 60, 30)) for name in ("one", "two")]
        waiting.append(asyncio.ensure_future(kind.be_there("other", 60, 30, ("pipedrive_default", "else"))))
        await asyncio.sleep(1)
        running = kind.pollers.count()
        waiting[0].cancel()
        await asyncio.sleep(1)
        after_one_left = kind.pollers.count()
        await asyncio.gather(*waiting, return_exceptions=True)
        await asyncio.sleep(1)
        return running, after_one_left, kind.pollers.count()

    assert run(main()) == (2, 2, 0)
    assert [poller.is_closed for poller in kind.made] == [True, True]


def test_a_poller_runs_in_the_context_of_nobody() -> None:
    kind = Kind()
    run(kind.be_there("first", 60, 100))
    assert kind.made[0].contexts == {"empty"}
