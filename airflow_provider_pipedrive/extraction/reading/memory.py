"""Memory that has been freed, given back to the operating system.

glibc keeps for each of a few groups of threads what was freed in it, since it may be wanted again there. With answers
of half a megabyte in dozens of threads that is several times what is in use at any moment:
https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html
"""

from __future__ import annotations

import ctypes


def give_back() -> None:
    """Let the operating system have what is free, as far as the C library knows a way (glibc's ``malloc_trim``)."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(ctypes.c_size_t(0))
