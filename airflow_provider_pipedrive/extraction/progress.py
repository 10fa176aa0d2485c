"""Says how far an extraction is, at least every ten seconds."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
_EVERY = 10.0
_ALIVE_EVERY = 60.0


class Progress:
    """What is being read, and how fast.

    :param touch: shows that the run is alive
    """

    def __init__(self, client: PipedriveClient, clock: Callable[[], float], touch: Callable[[], None]) -> None:
        self._client = client
        self._clock = clock
        self._touch = touch
        self._reading: dict[str, ReadStats] = {}
        self._lock = threading.Lock()
        self._began = self._said = self._touched = clock()
        self._spent = client.usage.tokens

    def begin(self, entity: str, stats: ReadStats) -> None:
        """An entity is being read from now on."""
        with self._lock:
            self._reading[entity] = stats

    def done(self, entity: str) -> None:
        """It has been read, or given up."""
        with self._lock:
            self._reading.pop(entity, None)

    def watch(self) -> None:
        """Say something if it is time to."""
        now = self._clock()
        with self._lock:
            saying, touching = now - self._said >= _EVERY, now - self._touched >= _ALIVE_EVERY
            if saying:
                self._said = now
            if touching:
                self._touched = now
            reading = dict(self._reading)
        if saying:
            for entity, stats in reading.items():
                self._say(entity, stats, now)
        if touching:
            self._touch()

    def end(self, stats: Mapping[str, ReadStats]) -> None:
        """Say what it came to."""
        seconds = max(self._clock() - self._began, 1e-3)
        records = sum(each.records for each in stats.values())
        log.info(
            "Read %s of %s in %.1f s (%.0f a second), %s, %s.",
            counted(records, "record"),
            counted(len(stats), "entity"),
            seconds,
            records / seconds,
            counted(sum(each.pages for each in stats.values()), "page"),
            counted(self._client.usage.tokens - self._spent, "API token"),
        )

    def _say(self, entity: str, stats: ReadStats, now: float) -> None:
        rate = stats.records / max(now - self._began, 1e-3)
        left = ""
        if stats.expected > stats.records and rate:
            left = f" of about {stats.expected:.0f}, about {(stats.expected - stats.records) / rate:.0f} s to go"
        day = self._client.tokens_left
        log.info(
            "%s: %s%s (%.0f a second), %s, %s spent%s",
            entity,
            counted(stats.records, "record"),
            left,
            rate,
            counted(stats.pages, "page"),
            counted(self._client.usage.tokens - self._spent, "API token"),
            "" if day is None else f", {day} left today",
        )
