"""Giving memory back."""

from __future__ import annotations

import ctypes
import resource
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.extraction.reading import memory

MB = 1024 * 1024


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


def test_a_c_library_that_cannot_do_so_is_left_alone(mocker: MockerFixture) -> None:
    mocker.patch.object(ctypes, "CDLL", return_value=SimpleNamespace(malloc=None, free=None))
    memory.give_back()
