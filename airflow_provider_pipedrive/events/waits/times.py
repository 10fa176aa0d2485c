"""Points in time as Pipedrive writes them: v1 without a zone, v2 with one, always UTC, whole seconds."""

from __future__ import annotations

from datetime import datetime, timedelta

SAME_CLOCK = timedelta(seconds=2)
"""Clocks that differ by less are taken for the same: Pipedrive shows its time in whole seconds."""


def on_server(since: str, is_local: bool, ahead: float) -> datetime:
    """``since`` on Pipedrive's clock.

    :param is_local: it was taken from this machine's clock, so that the difference between the clocks matters
    :param ahead: seconds by which Pipedrive's clock is ahead of this machine's
    """
    found = datetime.fromisoformat(since)
    shift = timedelta(seconds=ahead)
    return found + shift if is_local and abs(shift) >= SAME_CLOCK else found
