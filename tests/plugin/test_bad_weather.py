"""The pages while Pipedrive or Airflow's database fails: the right answer or a refusal in words, and no secret."""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pytest_mock import MockerFixture
from sqlalchemy.exc import OperationalError

from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.plugin import spending_chart
from airflow_provider_pipedrive.plugin.webhooks import endpoints
from tests.conftest import API_TOKEN, SECRETS
from tests.support.scripted_server import FakeClock, HurryingClock
from tests.support.web_app import Browser, add_connection, change, stored, text_of
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


def names_unknown(_browser: Browser, mocker: MockerFixture) -> None:
    """No host's name leads anywhere."""
    mocker.patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "Name or service not known"))


def silence(browser: Browser, _mocker: MockerFixture) -> None:
    """The answers begin, and stop: the parts come further apart than the connection's ``timeout``."""
    browser.pipedrive.fault("*", "slow", seconds=5, count=None)


def dripping(browser: Browser, mocker: MockerFixture) -> None:
    """Each part comes in time, the whole does not: time runs fast."""
    mocker.patch("airflow_provider_pipedrive.client.client.SystemClock", HurryingClock)
    mocker.patch("airflow_provider_pipedrive.accounts.authorization.SystemClock", HurryingClock)
    browser.pipedrive.fault("*", "slow", seconds=0.2, count=None)


def clear_up(browser: Browser, mocker: MockerFixture) -> None:
    """Fair weather again."""
    mocker.stopall()
    browser.pipedrive.clear_faults()
    forget_limits()


Weather = Callable[[Browser, MockerFixture], None]
SILENT: tuple[Weather, ...] = (names_unknown, silence, dripping)
"""Weather in which no answer comes, or none that ends."""


def says_that_it_does_not_work(page: httpx.Response) -> bool:
    """Whether the page has an answer's own words, or those for all failures on a way that leads to this machine."""
    said = text_of(page)
    return "token: getCurrentUser: " in said or "token: No answer of Pipedrive's came back" in said


def secrets_in(text: str) -> list[str]:
    return [secret for secret in (*SECRETS, "PasswordOfTheDatabase") if secret in text]


@pytest.mark.parametrize("kind", KINDS)
def test_a_connection_that_is_tested_in_bad_weather_is_said_not_to_work_and_why(kind: str, browser: Browser) -> None:
    add_connection(browser.pipedrive, "token", login="", api_token=API_TOKEN)
    browser.pipedrive.fault("*", kind, count=None, headers={"location": "http://127.0.0.1:9/"})
    page = browser.post("test", conn_id="token")
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    assert says_that_it_does_not_work(page)
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


@pytest.mark.parametrize("weather", SILENT)
def test_a_connection_is_said_not_to_work_while_pipedrive_is_slow_or_its_name_unknown(
    weather: Weather, browser: Browser, mocker: MockerFixture
) -> None:
    add_connection(browser.pipedrive, "token", login="", api_token=API_TOKEN, timeout=0.2)
    weather(browser, mocker)
    page = browser.post("test", conn_id="token")
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    assert says_that_it_does_not_work(page)
    clear_up(browser, mocker)
    assert "token works" in text_of(browser.post("test", conn_id="token"))


@pytest.mark.parametrize("weather", SILENT)
def test_an_authorization_is_refused_in_words_while_pipedrive_is_slow_or_its_name_unknown(
    weather: Weather, browser: Browser, crm: str, mocker: MockerFixture
) -> None:
    change(crm, timeout=0.2)
    address = browser.consent(browser.start())
    weather(browser, mocker)
    page = browser.get(address)
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    assert "crm is not connected. " in text_of(page)
    assert "refresh_token" not in stored()
    clear_up(browser, mocker)
    assert "Connected as" in text_of(browser.connect())


@pytest.mark.parametrize("weather", SILENT)
def test_an_authorization_that_cannot_be_given_back_yet_keeps_its_tokens(
    weather: Weather, browser: Browser, crm: str, mocker: MockerFixture
) -> None:
    change(crm, timeout=0.2)
    browser.connect()
    weather(browser, mocker)
    page = browser.post("disconnect", conn_id="crm")
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    assert "crm is still connected" in text_of(page)
    assert "refresh_token" in stored()
    clear_up(browser, mocker)
    assert "crm is disconnected" in text_of(browser.post("disconnect", conn_id="crm"))


def test_a_slow_answer_that_comes_whole_is_as_good_as_a_fast_one(browser: Browser, crm: str) -> None:
    browser.pipedrive.fault("*", "slow", seconds=0.2, count=None)
    assert "Connected as" in text_of(browser.connect())
    assert "crm works" in text_of(browser.post("test", conn_id="crm"))


def test_nobody_waits_for_a_page_longer_than_for_two_attempts(browser: Browser, mocker: MockerFixture) -> None:
    add_connection(browser.pipedrive, "token", login="", api_token=API_TOKEN, timeout=300, max_attempts=50)
    opened = mocker.spy(authorization, "PipedriveClient")
    browser.pipedrive.fault("*", "503", count=None)
    assert says_that_it_does_not_work(browser.post("test", conn_id="token"))
    assert len([request for request in browser.pipedrive.requests if request.path == "/v1/users/me"]) == 2
    assert opened.call_args.args[0].timeout == 10


def test_the_page_says_in_words_that_airflows_database_is_down(browser: Browser, mocker: MockerFixture) -> None:
    mocker.patch.object(store, "all_connections", down)
    page = browser.get("page")
    assert (page.status_code, secrets_in(page.text)) == (500, [])
    assert "OperationalError: the log of Airflow's API server says where." in text_of(page)


def test_the_connections_are_shown_where_what_was_spent_cannot_be_read(
    browser: Browser, crm: str, mocker: MockerFixture
) -> None:
    mocker.patch.object(spending_chart, "stored_variables", down)
    page = browser.get("page")
    assert (page.status_code, secrets_in(page.text)) == (200, [])
    assert "crm not connected" in text_of(page)
    said = "What was spent cannot be shown. OperationalError: the log of Airflow's API server says where."
    assert said in text_of(page)


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
