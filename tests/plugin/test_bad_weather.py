"""The pages while Pipedrive or Airflow's database fails: the right answer or a refusal in words, and no secret."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.plugin import spending_chart
from airflow_provider_pipedrive.plugin.webhooks import endpoints
from tests.conftest import API_TOKEN, SECRETS
from tests.support.scripted_server import FakeClock
from tests.support.web_app import Browser, add_connection, stored, text_of
from tests.support.webhook_receiver import Receiver, delivery, stored_changes

KINDS = (
    "429", "429-daily", "500", "502", "503", "504", "401", "403", "410", "html403", "redirect", "reset", "reset-after",
    "truncate", "empty", "not-json", "nan", "bad-utf8", "null-data", "huge",
)  # fmt: skip
PASSES = ("429", "502", "503", "reset", "truncate", "not-json", "null-data")
"""Some kinds that a single request meets, and the next one does not."""
OF_CODES = ("429", "503", "401", "html403", "redirect", "reset-after", "truncate", "empty", "not-json")
SECRET_OF_THE_DATABASE = "postgresql://airflow:PasswordOfTheDatabase@db/airflow"


@pytest.fixture(autouse=True)
def no_waits(mocker: MockerFixture) -> None:
    """The client's waits take no time, and it knows nothing of the fault before."""
    mocker.patch("airflow_provider_pipedrive.client.client.SystemClock", FakeClock)
    forget_tokens()
    forget_limits()


def down(*_: Any, **__: Any) -> Any:
    """Airflow's database cannot be reached."""
    raise OperationalError(SECRET_OF_THE_DATABASE, {}, sqlite3.OperationalError(SECRET_OF_THE_DATABASE))


def secrets_in(text: str) -> list[str]:
    return [secret for secret in (*SECRETS, "PasswordOfTheDatabase") if secret in text]


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_is_tested_in_bad_weather_is_said_not_to_work_and_why(kind: str, browser: Browser) -> None:
    add_connection(browser.pipedrive, "token", login="", api_token=API_TOKEN)
    browser.pipedrive.fault("*", kind, count=None, headers={"location": "http://127.0.0.1:9/"})
    page = browser.post("test", conn_id="token")
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    said = text_of(page)
    assert "token: getCurrentUser: " in said or "token: No answer of Pipedrive's came back" in said
    browser.pipedrive.clear_faults()
    forget_limits()
    assert "token works" in text_of(browser.post("test", conn_id="token"))


@pytest.mark.parametrize("kind", PASSES)
def test_a_fault_that_passes_does_not_keep_a_connection_from_being_tested(kind: str, browser: Browser) -> None:
    add_connection(browser.pipedrive, "token", login="", api_token=API_TOKEN)
    browser.pipedrive.fault("*", kind, count=1)
    assert "token works" in text_of(browser.post("test", conn_id="token"))


@pytest.mark.parametrize("kind", OF_CODES)
def test_an_authorization_whose_code_meets_bad_weather_is_refused_in_words_and_can_be_begun_again(
    kind: str, browser: Browser, crm: str
) -> None:
    address = browser.consent(browser.start())
    browser.pipedrive.fault("/oauth/token", kind, count=None, headers={"location": "http://127.0.0.1:9/"})
    page = browser.get(address)
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    assert "crm is not connected. " in text_of(page)
    assert "refresh_token" not in stored()
    browser.pipedrive.clear_faults()
    assert "Connected as" in text_of(browser.connect())


@pytest.mark.parametrize(("module", "reads"), [(store, "all_connections"), (spending_chart, "stored_variables")])
def test_the_page_says_in_words_that_airflows_database_is_down(
    module: Any, reads: str, browser: Browser, mocker: MockerFixture
) -> None:
    mocker.patch.object(module, reads, down)
    page = browser.get("page")
    assert (page.status_code, secrets_in(page.text)) == (500, [])
    assert "OperationalError: the log of Airflow's API server says where." in text_of(page)


def test_a_delivery_is_to_be_repeated_while_the_connections_cannot_be_read(
    receiver: Receiver, mocker: MockerFixture
) -> None:
    mocker.patch.object(endpoints, "_read_at", None)  # as in a server that has just begun
    reading = mocker.patch.object(store, "all_undecrypted", side_effect=down)
    endpoints.forget()
    answer = receiver.post(delivery())
    assert (answer.status_code, answer.json()) == (503, {"error": "Airflow cannot read its connections just now."})
    reading.side_effect = None
    mocker.stop(reading)
    endpoints.forget()
    assert receiver.post(delivery()).status_code == 200
    assert len(stored_changes()) == 1
