"""Every change arrives: a copy that is kept by windows, while records are made, edited, imported and deleted."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from airflow_provider_pipedrive.extraction.reading.pages import Identity, timestamp
from tests.support.company_in_memory import BEGIN, Company, Killed, small_pages
from tests.support.reads_in_memory import read_window, window_between

__all__ = ["small_pages"]

pytestmark = pytest.mark.usefixtures("small_pages")

LOOKBACK = 5
"""Seconds by which a window begins earlier than the one before it ended: edits are seen that late."""


class CopyKeptByWindows(RuleBasedStateMachine):
    """A list of others, and a copy of what was updated in it since the beginning.

    :ivar until: the second up to which the copy has been brought
    """

    @initialize(dice=st.randoms(use_true_random=False), count=st.integers(0, 40), hot=st.sampled_from([0.0, 0.6, 0.05]))
    def begin(self, dice: random.Random, count: int, hot: float) -> None:
        self.company = Company(dice, count=count, hot=hot)
        self.company.deletes_show = False
        self.copy: dict[int, dict[str, Any]] = {}
        self.until = BEGIN

    @rule(seconds=st.integers(1, 3 * LOOKBACK))
    def wait(self, seconds: int) -> None:
        self.company.now += seconds

    @rule()
    def create(self) -> None:
        self.company.highest += 1
        number = self.company.highest
        self.company.records[number] = self.company.touch({"id": number, "state": 0})

    @precondition(lambda self: self.company.records)
    @rule(ago=st.integers(0, LOOKBACK))
    def edit(self, ago: int) -> None:
        """An edit that is seen late may be of a second that a window has covered."""
        record = self.company.dice.choice(list(self.company.records.values()))
        late = self.company.touch(dict(record), ago)["update_time"]
        if not ago or (record["update_time"] or "") < late:
            self.company.touch(record, ago)

    @rule()
    def edit_all(self) -> None:
        """An import gives everything the same second: more than fits on a page."""
        for record in self.company.records.values():
            self.company.touch(record)

    @precondition(lambda self: self.company.records)
    @rule()
    def delete(self) -> None:
        self.company.records.pop(self.company.dice.choice(list(self.company.records)))

    @precondition(lambda self: int(self.company.now) > self.until)
    @rule(restless=st.booleans(), killed_after=st.lists(st.integers(0, 2), max_size=2))
    def read_next_window(self, restless: bool, killed_after: list[int]) -> None:
        end = int(self.company.now)
        window = window_between(self.until, end, LOOKBACK, self.seen_since(self.until - LOOKBACK))
        self.company.restless = restless
        with TemporaryDirectory() as folder:
            for parts in killed_after:
                with suppress(Killed):
                    read_window(self.company, Path(folder), window, parts)
            found = read_window(self.company, Path(folder), window)
        assert len({record["id"] for record in found}) == len(found)
        self.copy |= {record["id"]: record for record in found}
        self.until = end

    def seen_since(self, second: int) -> dict[Identity, datetime]:
        begin = window_between(second, second).since
        times = ((number, updated(record)) for number, record in self.copy.items())
        return {number: when for number, when in times if when is not None and when >= begin}

    @invariant()
    def every_live_record_that_was_updated_since_the_beginning_is_in_the_copy_in_its_present_state(self) -> None:
        covered = window_between(BEGIN, self.until - LOOKBACK)
        missing = [
            record
            for record in self.company.live
            if covered.holds(updated(record)) and self.copy.get(record["id"]) != record
        ]
        assert missing == []


def updated(record: dict[str, Any]) -> datetime | None:
    return timestamp(record["update_time"])


TestCopyKeptByWindows = CopyKeptByWindows.TestCase
