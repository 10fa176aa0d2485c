"""An event loop whose time jumps to the next thing to do, so that an hour of waiting takes no time."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
START = 36_010.0


class _Selector(selectors.DefaultSelector):
    """Where the loop would sleep, its time is moved on instead; while a thread works for it, it waits for that."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if ready or self.loop.busy:
            return ready or super().select(timeout if timeout is None else min(timeout, 0.05))
        if timeout:
            self.loop.skip(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock starts ten seconds past a full hour and shows skipped seconds only, so that every run sees the same.

    :param passed: is told of all the seconds that are skipped
    """

    def __init__(self, passed: Callable[[float], None]) -> None:
        selector = _Selector()
        selector.loop = self
        self.busy = 0
        self.skipped = 0.0
        self._passed = passed
        super().__init__(selector)

    def time(self) -> float:
        return START + self.skipped

    def skip(self, seconds: float) -> None:
        self.skipped += seconds
        self._passed(seconds)

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:
        self.busy += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: Any) -> None:
        self.busy -= 1


def run(main: Coroutine[Any, Any, T], passed: Callable[[float], None] = lambda seconds: None) -> T:
    """Run a coroutine in such a loop."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(passed)) as runner:
        return runner.run(main)
