"""Changes become asset events: which, how many, and with which keys."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from pytest_mock import MockerFixture

from tests.support.webhook_receiver import (
    AUTH,
    DEALS,
    PATH,
    Receiver,
    add_asset,
    delivery,
    listening,
    stored_changes,
    stored_events,
)


def _send(address: str, document: Any) -> requests.Response:
    return requests.post(f"http://{address}{PATH}", json=document, headers=AUTH, timeout=30)


def test_deliveries_that_come_together_share_one_event(receiver: Receiver) -> None:
    with listening(receiver.app) as address, ThreadPoolExecutor(20) as senders:
        answers = list(senders.map(lambda deal: _send(address, delivery(deal=deal)), range(1, 41)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(change["id"] for change in stored_changes()) == list(range(1, 41))
    assert len(stored_events()) < 20


def test_a_repeated_delivery_has_the_same_event_id(receiver: Receiver) -> None:
    """So whoever reads the changes has it once."""
    receiver.post(delivery())
    receiver.post(delivery(attempt=2))
    first, second = stored_changes()
    assert first == second


def test_an_asset_that_no_dag_names_is_taken_and_let_go(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    assert receiver.post(delivery(entity="person")).status_code == 200
    assert stored_events() == []
    assert "no DAG has the asset pipedrive://acme/persons" in caplog.text


@pytest.mark.skipif(not AIRFLOW_V_3_2_PLUS, reason="partition keys came with Airflow 3.2")
def test_each_change_has_its_own_event_and_key_where_a_dag_names_that_asset(receiver: Receiver) -> None:
    add_asset(f"{DEALS}/each")
    for _ in range(2):  # the second time they are repetitions
        for deal in (1, 2):
            receiver.post(delivery(deal=deal))
    events = stored_events(f"{DEALS}/each")
    assert [event.partition_key for event in events] == [
        change["event_id"] for event in events for change in event.extra["pipedrive"]["changes"]
    ]
    assert len(events) == 2


def test_more_than_an_event_may_carry_goes_into_several(receiver: Receiver, mocker: MockerFixture) -> None:
    from airflow_provider_pipedrive.events.changes import batch

    mocker.patch.object(batch, "MOST_CHANGES", 3)
    with listening(receiver.app) as address, ThreadPoolExecutor(8) as senders:
        list(senders.map(lambda deal: _send(address, delivery(deal=deal)), range(8)))
    assert sorted(change["id"] for change in stored_changes()) == list(range(8))
    assert all(len(event.extra["pipedrive"]["changes"]) <= 3 for event in stored_events())
