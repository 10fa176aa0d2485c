"""The client of a connection, for triggers: fetched on the event loop, made in a worker thread."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.providers.common.compat.connection import get_async_connection
from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_pipedrive.errors import PipedriveAuthError
from airflow_provider_pipedrive.triggers.threads import in_thread, seen_through

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

T = TypeVar("T")

_PARTS = ("conn_type", "host", "port", "login", "password", "extra")


class Connected:
    """The current client of an Airflow connection."""

    def __init__(self, connection_id: str) -> None:
        self._connection_id = connection_id
        self._client: PipedriveClient | None = None
        self._made_of: tuple[Any, ...] = ()

    async def client(self) -> PipedriveClient:
        """The client, made again where the connection has been changed.

        :raises PipedriveAuthError: there is no such connection, or it has no credential
        """
        from airflow_provider_pipedrive.hooks.client_factory import client_of

        try:
            connection = await seen_through(get_async_connection(self._connection_id))
        except AirflowNotFoundException:
            raise PipedriveAuthError(f"There is no Airflow connection {self._connection_id!r}.") from None
        made_of = tuple(getattr(connection, part) for part in _PARTS)
        if self._client is None or made_of != self._made_of:
            # In a thread: it gives secrets to Airflow's masker, which blocks, and may renew an authorization.
            self._client, self._made_of = await in_thread(client_of, connection), made_of
        return self._client

    def close(self) -> None:
        """Let go of its sockets."""
        if self._client is not None:
            self._client.close()


async def ask(function: Callable[..., T], *arguments: Any) -> T:
    """Call something that sends requests, in a worker thread, and leave word of what they cost, if it is time."""
    return await in_thread(_ask, function, *arguments)


def _ask(function: Callable[..., T], *arguments: Any) -> T:
    from airflow_provider_pipedrive.accounts.spent import leave_word_of_triggerer

    try:
        return function(*arguments)
    finally:
        leave_word_of_triggerer()
