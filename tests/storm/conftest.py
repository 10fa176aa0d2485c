"""A company in hostile weather."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_mock import MockerFixture

from tests.storm.faults import StormClock
from tests.storm.weather import Weather, storm_sandbox


@pytest.fixture(scope="module")
def running_weather(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Weather]:
    with storm_sandbox() as sandbox:
        weather = Weather(sandbox, tmp_path_factory.mktemp("storm"))
        yield weather
        weather.faults.close()


@pytest.fixture
def weather(running_weather: Weather, monkeypatch: pytest.MonkeyPatch, mocker: MockerFixture) -> Weather:
    """The client's waits take no time."""
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", "")  # set by each try, and put back afterwards
    mocker.patch("airflow_provider_pipedrive.client.client.SystemClock", StormClock)
    return running_weather
