"""Changes on their way into the database: asked again, given up, and never held up by one another."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from airflow_provider_pipedrive.plugin import asset_events, event_writer, webhooks
from tests.support.webhook_receiver import (
    AUTH,
    PATH,
    Receiver,
    delivery,
    listening,
    stored_changes,
    stored_events,
)


def _send(address: str, document: Any) -> requests.Response:
    return requests.post(f"http://{address}{PATH}", json=document, headers=AUTH, timeout=30)


def test_a_database_that_is_locked_for_a_moment_is_asked_again(receiver: Receiver, mocker: MockerFixture) -> None:
    real, failures = asset_events._store, [OperationalError("insert", {}, Exception("database is locked"))]

    def store(*arguments: Any) -> None:
        if failures:
            raise failures.pop()
        real(*arguments)

    mocker.patch.object(asset_events, "_store", store)
    assert receiver.post(delivery()).status_code == 200
    assert len(stored_events()) == 1


def test_what_cannot_be_stored_in_time_is_answered_503(receiver: Receiver, mocker: MockerFixture) -> None:
    def store(*_: Any) -> None:
        raise OperationalError("insert", {}, Exception("database is locked"))

    mocker.patch.object(asset_events, "_store", store)
    mocker.patch.object(webhooks, "ANSWER_SECONDS", 0.5)
    answer = receiver.post(delivery())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


def test_one_delivery_that_the_database_refuses_does_not_hold_up_the_others(
    receiver: Receiver, mocker: MockerFixture
) -> None:
    real = asset_events._store

    def store(session: Any, uri: str, conn_id: str, team: str, changes: Any) -> None:
        if any(change.id == 13 for change in changes):
            raise ValueError("refused")
        real(session, uri, conn_id, team, changes)

    mocker.patch.object(asset_events, "_store", store)
    with listening(receiver.app) as address, ThreadPoolExecutor(4) as senders:
        answers = list(senders.map(lambda deal: _send(address, delivery(deal=deal)), range(12, 16)))
    assert [answer.status_code for answer in answers] == [200, 503, 200, 200]
    assert sorted(change["id"] for change in stored_changes()) == [12, 14, 15]


def test_more_than_can_wait_is_answered_503_at_once(receiver: Receiver, mocker: MockerFixture) -> None:
    mocker.patch.object(event_writer, "MOST_WAITING", 0)
    assert receiver.post(delivery()).status_code == 503
