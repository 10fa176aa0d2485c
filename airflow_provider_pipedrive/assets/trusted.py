"""Which of an asset's events are believed: those of a connection of the asset's company.

Whoever may make asset events (Airflow's REST API takes any ``extra``) could name any connection in them, and a consumer
would read one company's records for another's asset.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from airflow.providers.common.compat.sdk import AirflowNotFoundException

from airflow_provider_pipedrive.client.hosts import company_of, is_loopback
from airflow_provider_pipedrive.client.owner import company_at, owner_of
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.events.changes.batch import Batch

DEFAULT_CONNECTION: Final = "pipedrive_default"


class TrustedConnections:
    """The connections that events of an asset may name.

    :param uri: of the asset
    :param own: the connection that the DAG names, by argument or by the asset's watcher; ``None``: none
    """

    def __init__(self, uri: str, own: str | None) -> None:
        self._company = urlsplit(uri).netloc
        self._own = own
        self._companies: dict[str, str] = {}

    def check(self, batch: Batch) -> str:
        """The connection to read a batch with.

        A connection that the DAG does not name has to belong to the asset's company: its host says so, or Pipedrive is
        asked, for 2 API tokens in a run.

        :raises PipedriveParameterError: it is another company's, or none that could be asked
        :raises PipedriveError: Pipedrive could not be asked now
        """
        named = batch.connection
        if named == self._own or (named == (self._own or DEFAULT_CONNECTION) and batch.window is None):
            return named
        company = self._company_of(named)
        # A server on this machine (the sandbox) may be any company, as the default connection.
        if company == self._company or (named == DEFAULT_CONNECTION and _is_here(company)):
            return self._own or named
        raise PipedriveParameterError(
            f"it names the connection {named!r}, which belongs to {company!r}, not to {self._company!r}"
        )

    def _company_of(self, conn_id: str) -> str:
        if conn_id not in self._companies:
            self._companies[conn_id] = _asked(conn_id)
        return self._companies[conn_id]


def _asked(conn_id: str) -> str:
    """The company of a connection, as assets name it.

    :raises PipedriveParameterError: there is no such connection, or it does not work
    :raises PipedriveError: Pipedrive could not be asked now
    """
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

    try:
        hook = PipedriveHook(conn_id)
        named = company_at(hook.client.settings.origin or "")
        return named or company_of(owner_of(hook.client.run("getCurrentUser")).domain)
    except AirflowNotFoundException:
        raise PipedriveParameterError(f"it names the connection {conn_id!r}, which does not exist") from None
    except PipedriveError as error:
        if error.retryable:
            raise
        raise PipedriveParameterError(f"it names the connection {conn_id!r}, which does not work: {error}") from None


def _is_here(company: str) -> bool:
    return is_loopback(company)
