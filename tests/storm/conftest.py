"""A company in hostile weather."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, api_token_connection
from tests.storm.weather import Weather
from tests.support.scripted_server import FakeClock


@pytest.fixture(scope="module")
def running_weather(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Weather]]:
    with Sandbox(deals=30, seed=1, api_token=API_TOKEN) as sandbox:
        yield sandbox, Weather(sandbox, tmp_path_factory.mktemp("storm"))


@pytest.fixture
def weather(
    running_weather: tuple[Sandbox, Weather], monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture
) -> Weather:
    """The client's waits take no time."""
    sandbox, weather = running_weather
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox))
    mocker.patch("airflow_provider_pipedrive.client.client.SystemClock", FakeClock)
    return weather
