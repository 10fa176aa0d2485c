"""One poll for all watchers, round by round."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from airflow_provider_pipedrive.events.changes.watch import change_watch
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers.change_polling import ChangePoller, Round, WatchSubscriber

MARGIN = 6


async def until(condition: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


def ids(news: Round, subscriber: WatchSubscriber) -> list[Any]:
    return [change.id for change in news.batches[subscriber].changes]


def test_news_that_were_not_stored_come_again_though_the_next_walk_was_under_way(sandbox: Sandbox):
    sandbox.advance(3600)
    deal, *_ = sandbox.records("deals")

    async def live() -> None:
        poller, subscriber = ChangePoller(("pipedrive_default", "deals")), WatchSubscriber(change_watch("deals"), 0.02)
        poller.join(subscriber)
        rounds = poller.rounds()
        first = asyncio.ensure_future(anext(rounds))
        await until(lambda: subscriber.position)
        sandbox.update("deals", deal, title="Edited")
        sandbox.advance(MARGIN)
        news = await first
        assert ids(news, subscriber) == [deal]

        sandbox.fault(path="/api/v2/deals", kind="slow", seconds=0.5)
        sandbox.advance(MARGIN)
        before = len(sandbox.requests)
        second = asyncio.ensure_future(anext(rounds))
        await until(lambda: len(sandbox.requests) > before)
        await subscriber.acknowledge(news, stored=False)
        assert ids(await asyncio.wait_for(second, 20), subscriber) == [deal]

    asyncio.run(live())


def test_news_that_were_stored_do_not_come_again(sandbox: Sandbox):
    sandbox.advance(3600)
    deal, other, *_ = sandbox.records("deals")

    async def live() -> None:
        poller, subscriber = ChangePoller(("pipedrive_default", "deals")), WatchSubscriber(change_watch("deals"), 0.02)
        poller.join(subscriber)
        rounds = poller.rounds()
        reported = []
        for edited in (deal, other):
            coming = asyncio.ensure_future(anext(rounds))
            await until(lambda: subscriber.position)
            sandbox.update("deals", edited, title="Edited")
            sandbox.advance(MARGIN)
            news = await asyncio.wait_for(coming, 20)
            await subscriber.acknowledge(news, stored=True)
            reported += ids(news, subscriber)
        assert reported == [deal, other]
        assert subscriber.acknowledged is subscriber.position

    asyncio.run(live())
