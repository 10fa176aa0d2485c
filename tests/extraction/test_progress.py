"""How far a run is, as its log says."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.progress import Progress
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats


def test_progress_is_told_every_ten_seconds_and_shows_that_the_run_is_alive(caplog: pytest.LogCaptureFixture) -> None:
    now, touched = [0.0], []
    client: Any = SimpleNamespace(usage=SimpleNamespace(tokens=0), tokens_left=970)
    progress = Progress(client, lambda: now[0], lambda: touched.append(now[0]))
    stats = ReadStats(expected=4000)
    progress.begin("deals", stats)
    with caplog.at_level(logging.INFO):
        for second in range(1, 121):
            now[0] = float(second)
            stats.records += 10
            stats.pages += 1
            client.usage.tokens += 10
            progress.watch()
    assert caplog.messages[0] == (
        "deals: 100 records of about 4000, about 390 s to go (10 a second), 10 pages, 100 API tokens spent, "
        "970 left today"
    )
    assert len(caplog.messages) == 12
    assert touched == [60.0, 120.0]
    progress.done("deals")
    now[0] = 200.0
    progress.watch()
    assert len(caplog.messages) == 12
