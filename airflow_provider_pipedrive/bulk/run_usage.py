"""What a run has used: requests, tokens and seconds of all its tries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveTokenCapError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient


class RunUsage:
    """Counts what a client uses from now on, in the run's journal, on top of what earlier tries have used.

    :param client: what sends the run's requests
    :param journal: the run's
    """

    def __init__(self, client: PipedriveClient, journal: Journal) -> None:
        self._client = client
        self._journal = journal
        self._began = time.monotonic()
        self._before = (client.usage.requests, client.usage.tokens)
        self._rejected = journal.rejected

    @contextmanager
    def capped(self, most: int | None, spent: int) -> Iterator[None]:
        """Journal what the block uses, however it ends.

        :param most: API tokens that all tries of the run together may spend; None for any number
        :param spent: those that earlier tries have spent
        """
        before = self._client.token_cap
        if most is not None:
            self._client.token_cap = self._client.usage.tokens + most - spent
        try:
            yield
        finally:
            self.keep()
            self._client.token_cap = before

    def keep(self) -> None:
        """Journal what was used since this was made, or was last kept."""
        kept = self._journal.get("usage") or {"requests": 0, "tokens": 0, "seconds": 0.0}
        usage, now = self._client.usage, time.monotonic()
        self._journal.set(
            usage={
                "requests": kept["requests"] + usage.requests - self._before[0],
                "tokens": kept["tokens"] + usage.tokens - self._before[1],
                "seconds": round(kept["seconds"] + now - self._began, 3),
            }
        )
        self._before, self._began = (usage.requests, usage.tokens), now
        self._count_rejects()

    def _count_rejects(self) -> None:
        """Count those that are new: a plan that is made again sets the same rows aside again."""
        rejected = self._journal.rejected
        if rejected > self._rejected:
            self._client.metrics.count("rows_rejected", rejected - self._rejected)
            self._rejected = rejected


def check_price(client: PipedriveClient, price: int, most: int | None, what: str) -> None:
    """Find before the first write that a run would end in the middle.

    :param price: API tokens that are still to be spent
    :param most: the run's ``max_tokens``, for the error
    :param what: what costs them
    :raises PipedriveTokenCapError: more than are left of the client's cap
    """
    if client.token_cap is not None and client.usage.tokens + price > client.token_cap:
        raise PipedriveTokenCapError(
            f"{what} costs about {counted(price, 'API token')}, more than is left of max_tokens={most}, which counts "
            "for the whole run. Nothing was written in this try: write again with a higher max_tokens."
        )
