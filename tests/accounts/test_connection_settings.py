"""What an Airflow connection says, as the client's settings."""

from __future__ import annotations

import pytest
from airflow.models import Connection

from airflow_provider_pipedrive.accounts.connection_settings import settings_of
from airflow_provider_pipedrive.client.settings import ApiToken
from airflow_provider_pipedrive.errors import PipedriveAuthError

TOKEN = "a" * 40


@pytest.mark.parametrize(
    "connection",
    [
        Connection("crm", "pipedrive", host="acme"),
        Connection("crm", "pipedrive", host="https://acme.pipedrive.com"),
        Connection("crm", uri="pipedrive://acme.pipedrive.com"),
        Connection("crm", uri="pipedrive://https%3A%2F%2Facme.pipedrive.com"),
    ],
    ids=lambda connection: str(connection.host),
)
def test_a_host_means_the_same_in_every_form(connection: Connection) -> None:
    settings = settings_of(connection, {"api_token": TOKEN})
    assert settings.origin == "https://acme.pipedrive.com"
    assert settings.credential == ApiToken(TOKEN)


def test_the_extra_that_is_given_counts_and_not_the_connections_own() -> None:
    connection = Connection("crm", "pipedrive", host="acme", extra='{"api_token": "its-own-token-0123456789"}')
    assert settings_of(connection, {"api_token": TOKEN}).credential == ApiToken(TOKEN)
    with pytest.raises(PipedriveAuthError, match="has no credential"):
        settings_of(connection, {})
