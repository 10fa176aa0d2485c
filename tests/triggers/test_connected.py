"""The client of a connection, for triggers."""

from __future__ import annotations

import asyncio

import pytest

from airflow_provider_pipedrive.errors import PipedriveAuthError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.triggers.connected import Connected
from tests.conftest import api_token_connection


def test_the_client_is_made_again_only_where_the_connection_was_changed(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> tuple[bool, bool]:
        connected = Connected("pipedrive_default")
        first, again = await connected.client(), await connected.client()
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, timeout=5))
        other = await connected.client()
        connected.close()
        return again is first, other is first

    assert asyncio.run(main()) == (True, False)


def test_a_connection_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveAuthError, match="There is no Airflow connection 'no_such_connection'"):
        asyncio.run(Connected("no_such_connection").client())
