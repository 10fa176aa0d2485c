"""What an Airflow connection says, as the client's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from airflow_provider_pipedrive.client.settings import Settings, settings_from

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection


def settings_of(connection: Connection, extra: Mapping[str, Any]) -> Settings:
    """The settings of a connection.

    :param extra: what to take for the connection's own extra
    :raises PipedriveAuthError: it has no credential
    :raises PipedriveParameterError: a field of it cannot be read
    """
    return settings_from(
        host=unquote(connection.host or ""),  # a URI such as pipedrive://https://acme.pipedrive.com has it quoted
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=extra,
    )
