"""Memory that answers take: how many of them are there at once, and what becomes of it when it is freed.

It is shared by all threads, and given back to the operating system.

glibc keeps for each of a few groups of threads what was freed in it, since it may be wanted again there. With answers
of megabytes in dozens of threads that is several times what is in use at any moment:
https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

ANSWER_BYTES: Final = 64 * 1024**2
"""What the answers that are under way, or wait to be written, may take together, the operating system's share of them
included."""
_HERE_BYTES: Final = 16 * 1024**2
"""What those of them may take that are in this process's memory. The others have come no further than their heads."""
_FEWEST: Final = 4
"""Requests at once, however large the answers are."""
_M_ARENA_MAX = -8
_M_MMAP_THRESHOLD = -3
"""Of glibc's ``malloc.h``, where they have these numbers for good."""
_OF_ITS_OWN = 1024**2
"""Bytes of a block that is given back as soon as it is freed, as an answer is. By itself glibc soon puts those among
all others, where they leave gaps."""

_ARROW_TOO = ("ARROW_DEFAULT_MEMORY_POOL", "system")
"""Arrow's own allocator keeps what was freed for arrays to come: half as much again as a run needs. pyarrow reads this
when it is imported first: https://arrow.apache.org/docs/cpp/env_vars.html"""


def answers_at_once(largest: int) -> int:
    """How many answers may be under way, or wait to be written.

    :param largest: bytes of the largest one so far; 0 before the first
    """
    return max(_FEWEST, ANSWER_BYTES // largest) if largest else sys.maxsize


def answers_here(largest: int) -> int:
    """How many of them may be in this process's memory.

    :param largest: as above
    """
    return max(1, _HERE_BYTES // largest) if largest else sys.maxsize


def share_freed() -> None:
    """Let the threads to come take what any other has freed, and the operating system what is large, as far as the C
    library knows a way (glibc's ``mallopt``).

    It is for the whole process, Arrow's arrays included if pyarrow is not imported yet. Python's threads lose nothing
    by it: they allocate one at a time.
    """
    os.environ.setdefault(*_ARROW_TOO)
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_M_ARENA_MAX, 1)
        set_option(_M_MMAP_THRESHOLD, _OF_ITS_OWN)


def give_back() -> None:
    """Let the operating system have what is free, as far as the C library knows a way (glibc's ``malloc_trim``)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))


@contextmanager
def uncollected() -> Iterator[None]:
    """Leave out Python's search for circles of objects: it goes through every list made lately, again and again.

    For work that makes thousands of lists and no circle among them. It is for the whole process, so keep it short.
    Where threads do such work side by side, the search is back when the first of them has ended.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
