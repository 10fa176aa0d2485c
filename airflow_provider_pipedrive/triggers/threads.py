"""The one way from an event loop to what blocks: the client, which is synchronous, and what it asks Airflow for.

A trigger's code reaches Airflow's supervisor whenever it masks a secret, reads or writes a Variable, or pushes an XCom.
Airflow 3.0 and 3.1 read the supervisor's answers one after the other, in the triggerer's own event loop. An answer that
is read in another loop, or by nobody because its reader was cancelled, is taken for the next one's: the whole triggerer
ends, with the triggers of all DAGs. Hence threads that know the loop they were called from, and calls that are always
seen through.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")
_THREADS = 16


async def in_thread(function: Callable[..., T], *arguments: Any) -> T:
    """Call something that blocks, without blocking the event loop.

    Not on the loop's own threads: Airflow's triggers use these for their logs, and a slow answer would hold them up.
    Nor by ``run_in_executor``: Airflow's ``async_to_sync`` would start another event loop in such a thread.
    """
    from asgiref.sync import sync_to_async

    call = sync_to_async(function, thread_sensitive=False, executor=_pool())
    return await seen_through(call(*arguments))


async def seen_through(work: Awaitable[T]) -> T:
    """Await something that speaks with Airflow's supervisor; it ends by itself where the caller is cancelled."""
    task = asyncio.ensure_future(work)
    _under_way.add(task)
    task.add_done_callback(_under_way.discard)
    return await asyncio.shield(task)


def _pool() -> ThreadPoolExecutor:
    global _threads
    if _threads is None:
        _threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="pipedrive")
    return _threads


_threads: ThreadPoolExecutor | None = None
_under_way: set[asyncio.Future[Any]] = set()
"""An event loop itself holds only weak references to its tasks."""
