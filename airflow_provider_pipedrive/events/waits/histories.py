"""The moves of deals, from their changelogs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.events.waits.movement import History, StageChange, moved_at, stage_changes
from airflow_provider_pipedrive.events.waits.outcomes import Record
from airflow_provider_pipedrive.events.waits.specs import Wait

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient


class Histories:
    """The histories of one check: each deal's is read at most once, and only as far back as it is asked for."""

    def __init__(self, client: PipedriveClient) -> None:
        self._client = client
        self._read: dict[int, _Kept] = {}

    def of(self, wait: Wait) -> History:
        """Histories as far as a wait may read them."""

        def history(deal: Record) -> Iterable[StageChange]:
            moved = moved_at(deal)
            if wait.lookback is not None and moved is not None:
                now = datetime.now(UTC) + timedelta(seconds=self._client.server_ahead or 0.0)
                if moved < now - timedelta(seconds=wait.lookback):
                    return ()
            return self._of(deal["id"])

        return history

    def _of(self, deal_id: int) -> _Kept:
        if deal_id not in self._read:
            changes = self._client.iterate("getDealChangelog", {"id": deal_id})
            self._read[deal_id] = _Kept(stage_changes(changes))
        return self._read[deal_id]


class _Kept(Iterable[StageChange]):
    """What an iterator gives, to be gone through several times."""

    def __init__(self, source: Iterator[StageChange]) -> None:
        self._source = source
        self._kept: list[StageChange] = []

    def __iter__(self) -> Iterator[StageChange]:
        yield from self._kept
        for item in self._source:
            self._kept.append(item)
            yield item
