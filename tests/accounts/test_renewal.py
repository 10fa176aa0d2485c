"""Renewing an authorization: which refresh token is used, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from airflow.models import Variable
from airflow.utils.session import create_session

from airflow_provider_pipedrive.accounts import renewal, store
from airflow_provider_pipedrive.accounts.authorization import sending
from airflow_provider_pipedrive.accounts.connection_settings import settings_of
from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore
from airflow_provider_pipedrive.accounts.renewal import Renewal
from airflow_provider_pipedrive.accounts.status import AuthorizationStatus
from airflow_provider_pipedrive.accounts.store import AppAuthorization, StoredConnection
from airflow_provider_pipedrive.client.settings import OAuth
from airflow_provider_pipedrive.errors import PipedriveAuthError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def rotating() -> Iterator[Sandbox]:
    """A Pipedrive that replaces the refresh token at each renewal and refuses the one before."""
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with Sandbox(deals=1, rotate_refresh_tokens=True, **app) as sandbox:
        yield sandbox


def stored(sandbox: Sandbox, refresh_token: str = REFRESH_TOKEN, secret: str = CLIENT_SECRET) -> StoredConnection:
    store.save_authorization("crm", AppAuthorization(CLIENT_ID, secret, refresh_token, sandbox.url, sandbox.url))
    return store.find("crm")


def renew(connection: StoredConnection) -> Renewal:
    settings = settings_of(connection.connection, connection.extra)
    assert isinstance(settings.credential, OAuth)
    with sending(settings) as send:
        return renewal.renew(connection, settings.credential, send)


def status() -> AuthorizationStatus:
    return AuthorizationStatus.of(store.find("crm").extra)


def test_a_renewal_is_kept_with_its_scopes_and_time(sandbox: Sandbox) -> None:
    connection = stored(sandbox)
    renewed = renew(connection)
    assert not renewed.is_replaced
    assert renewal.store_renewal(connection, renewed)
    assert (status().state, "deals:full" in status().scopes) == ("connected", True)


def test_a_replaced_refresh_token_takes_the_place_of_the_old_one(rotating: Sandbox) -> None:
    connection = stored(rotating)
    renewed = renew(connection)
    assert renewed.is_replaced
    assert renewal.store_renewal(connection, renewed)
    assert store.find("crm").extra["refresh_token"] == renewed.grant.refresh_token


def test_nothing_is_kept_where_the_connection_has_another_authorization_by_now(rotating: Sandbox) -> None:
    connection = stored(rotating)
    renewed = renew(connection)
    stored(rotating, "of-another-authorization")
    assert not renewal.store_renewal(connection, renewed)
    assert store.find("crm").extra["refresh_token"] == "of-another-authorization"


def test_the_token_that_somebody_has_stored_meanwhile_is_used(rotating: Sandbox) -> None:
    early = stored(rotating)
    renewal.store_renewal(early, renew(early))
    renewed = renew(early)
    assert renewal.store_renewal(early, renewed)
    assert store.find("crm").extra["refresh_token"] == renewed.grant.refresh_token


def test_the_token_that_a_task_has_kept_is_used(sandbox: Sandbox) -> None:
    connection = stored(sandbox, "replaced-by-a-task")
    with create_session() as session:
        session.add(Variable(VariableRefreshTokenStore("replaced-by-a-task").name, REFRESH_TOKEN))
    renewed = renew(connection)
    assert (renewed.held, renewed.grant.refresh_token) == ("replaced-by-a-task", REFRESH_TOKEN)
    assert renewal.store_renewal(connection, renewed)
    assert store.find("crm").extra["refresh_token"] == REFRESH_TOKEN


def test_an_authorization_that_is_over_is_noted(sandbox: Sandbox) -> None:
    connection = stored(sandbox, "a-dead-refresh-token")
    with pytest.raises(PipedriveAuthError):
        renew(connection)
    assert status().state == "revoked"


def test_a_refused_app_says_nothing_of_the_authorization(sandbox: Sandbox) -> None:
    connection = stored(sandbox, secret="another-secret")
    before = status()
    with pytest.raises(PipedriveAuthError, match="must be those of the app"):
        renew(connection)
    assert status() == before


def test_a_connection_of_the_environment_is_not_stored(sandbox: Sandbox) -> None:
    connection = StoredConnection(stored(sandbox).connection, "environment")
    assert not renewal.store_renewal(connection, renew(connection))
