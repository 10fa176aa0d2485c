"""An Airflow connection becomes a Pipedrive client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_pipedrive.connection_form import CONN_TYPE
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore
    from airflow_provider_pipedrive.client import PipedriveClient, Settings
    from airflow_provider_pipedrive.client.spending import Spender

SHORTEST_MASKED = 5
"""Airflow's masker takes no shorter secrets."""


def check_connection_id(name: str, value: Any) -> None:
    """Find what is not the id of an Airflow connection.

    :param name: of the argument, for the error
    :raises PipedriveParameterError: it is not
    """
    if not isinstance(value, str):
        raise PipedriveParameterError(
            f"{name} must be the id of an Airflow connection, such as 'pipedrive_default', not {type(value).__name__}."
        )
    if not value.strip():
        raise PipedriveParameterError(f"{name} is empty: give the id of an Airflow connection.")


def client_of(connection: Connection) -> PipedriveClient:
    """The client of an Airflow connection, its secrets registered with Airflow's masker.

    :raises PipedriveAuthError: it has no credential
    :raises PipedriveParameterError: it is of another type, or a field of it cannot be read
    """
    from airflow_provider_pipedrive.accounts.connection_settings import settings_of
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.hooks.stats import StatsMetrics

    if connection.conn_type and connection.conn_type != CONN_TYPE:
        raise PipedriveParameterError(
            f"The connection {connection.conn_id!r} is of type {connection.conn_type}, not {CONN_TYPE}."
        )
    settings = settings_of(connection, connection.extra_dejson)
    return PipedriveClient(
        settings,
        on_secret=_mask,
        token_store=_token_store(settings),
        metrics=StatsMetrics(connection.conn_id),
        spender=_spender(connection.conn_id),
    )


def _spender(conn_id: str) -> Spender:
    """Who spends: the task that runs in this process, or which other part of Airflow it is."""
    from airflow_provider_pipedrive.accounts.spent import VariableExchange, in_a_task, part_of_airflow
    from airflow_provider_pipedrive.client.spending import Spender

    if not in_a_task():
        return Spender(conn_id, "", part_of_airflow())
    task_id = os.environ.get("AIRFLOW_CTX_TASK_ID", "")
    return Spender(conn_id, os.environ["AIRFLOW_CTX_DAG_ID"], task_id, VariableExchange())


def _token_store(settings: Settings) -> VariableRefreshTokenStore | None:
    token = getattr(settings.credential, "refresh_token", None)
    if not token:
        return None
    from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore

    return VariableRefreshTokenStore(token)


def _mask(secret: str) -> None:
    """Have Airflow hide a secret in every log of this process, in its URL-quoted form too."""
    from airflow.providers.common.compat.sdk import mask_secret

    for form in {secret, quote(secret, safe="")}:
        if len(form) >= SHORTEST_MASKED:
            mask_secret(form)
