"""Sharing memory between threads, and giving it back."""

from __future__ import annotations

import ctypes
import gc
import os
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.reading import memory

MB = 1024 * 1024
ARENAS = """
import ctypes, sys, threading
from airflow_provider_pipedrive.extraction.reading.memory import share_freed

share_freed()
together = threading.Barrier(4)

def allocate():
    together.wait()
    block = b"x" * 100_000
    together.wait()
    return block

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(sys.argv[1].encode(), b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""

GAPS = """
import re
from pathlib import Path
from airflow_provider_pipedrive.extraction.reading.memory import share_freed

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

share_freed()
bytes(20_000_000)  # from now on, glibc by itself would put blocks of that size among all others
before = resident()
large, small = [], []
for _ in range(40):
    large.append(b"x" * 2_000_000)
    small.append([b"x" * 500 for _ in range(400)])
large.clear()
print(resident() - before)
"""


def resident() -> int:
    """Bytes of this process that are in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc keeps it, and can be told")
def test_what_threads_have_freed_is_given_back() -> None:
    def blocks() -> list[bytes]:
        return [b"x" * 100_000 for _ in range(400)]

    with ThreadPoolExecutor(1) as thread:
        kept = thread.submit(blocks).result()
        last = kept[-1]  # what lies below it stays with the thread when it is freed
        kept.clear()
        before = resident()
        memory.give_back()
        assert before - resident() > 30 * MB
    assert len(last) == 100_000


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="only glibc has arenas, and reports them")
def test_threads_take_what_any_other_thread_of_the_process_has_freed(tmp_path: Path) -> None:
    told = tmp_path / "arenas.xml"
    subprocess.run([sys.executable, "-c", ARENAS, str(told)], check=True)
    assert told.read_text().count("<heap nr=") == 1


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="only glibc keeps it, and can be told")
def test_what_is_large_is_given_back_as_soon_as_it_is_freed() -> None:
    found = subprocess.run([sys.executable, "-c", GAPS], stdout=subprocess.PIPE, text=True, check=True)
    assert int(found.stdout) < 10 * MB


def test_a_c_library_that_cannot_do_so_is_left_alone(mocker: MockerFixture) -> None:
    mocker.patch.object(ctypes, "CDLL", return_value=SimpleNamespace(malloc=None, free=None))
    memory.share_freed()
    memory.give_back()


def test_circles_are_not_searched_for_during_such_work_and_again_after_it() -> None:
    with memory.uncollected():
        with memory.uncollected():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_circles_are_searched_for_again_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), memory.uncollected():
        _ = 1 / 0
    assert gc.isenabled()


def test_a_search_for_circles_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        with memory.uncollected():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("chosen", "pool"), [("", "system"), ("mimalloc", "mimalloc")], ids=["the system's", "what the user has chosen"]
)
def test_arrow_takes_its_memory_where_python_does_unless_the_user_has_chosen(chosen: str, pool: str) -> None:
    script = """
from airflow_provider_pipedrive.extraction.reading.memory import share_freed
share_freed()
import pyarrow
print(pyarrow.default_memory_pool().backend_name)
"""
    environ = {key: value for key, value in os.environ.items() if key != "ARROW_DEFAULT_MEMORY_POOL"}
    environ |= {"ARROW_DEFAULT_MEMORY_POOL": chosen} if chosen else {}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == [pool]
