"""The one way from an event loop to what blocks: the client, which is synchronous, and Airflow's masker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_THREADS = 16


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call something that blocks, without blocking the event loop.

    Not on the loop's own threads: Airflow's triggers use these for their logs, and a slow answer would hold them up.
    """
    return await asyncio.get_running_loop().run_in_executor(_pool(), lambda: function(*arguments))


def _pool() -> ThreadPoolExecutor:
    global _threads
    if _threads is None:
        _threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pipedrive")
    return _threads


_threads: ThreadPoolExecutor | None = None
