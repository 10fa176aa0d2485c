"""Connecting, testing and disconnecting an account."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.approvals import must_be_approved
from airflow_provider_pipedrive.accounts.approved_routes import CredentialRoute, uniform_errors, with_approval
from airflow_provider_pipedrive.accounts.connection_settings import settings_of
from airflow_provider_pipedrive.accounts.oauth import Grant, Send, exchange, revoke
from airflow_provider_pipedrive.accounts.refresh_tokens import kept_refresh_token
from airflow_provider_pipedrive.accounts.renewal import renew, store_renewal, with_refresh_token
from airflow_provider_pipedrive.accounts.status import (
    TOKENS,
    AuthorizationStatus,
    consume_attempt,
    forget_tokens,
    now,
    remember,
    stamp,
)
from airflow_provider_pipedrive.accounts.store import Extra, StoredConnection
from airflow_provider_pipedrive.client import OAuth, PipedriveClient, Settings
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.owner import owner_of
from airflow_provider_pipedrive.client.settings import trimmed
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError

MOST_SECONDS_OF_SILENCE = 10.0
"""A person waits in front of a page, and a proxy ends what takes a minute; a connection may allow less."""
MOST_ATTEMPTS = 2


@dataclass(frozen=True)
class Account:
    """Who a credential belongs to.

    :param domain: the company's name in its address, ``acme``
    :param origin: where its API is
    """

    name: str
    email: str
    user_id: int
    company: str
    company_id: int
    domain: str
    origin: str

    @property
    def user(self) -> str:
        """The user's name and address, for people."""
        return f"{self.name} ({self.email})"

    @property
    def text(self) -> str:
        """All that tells one account from another, for people."""
        return f"{self.user}, company {self.company}, {self.origin}"


def app_of(stored: StoredConnection) -> OAuth:
    """The app that a connection belongs to.

    :raises PipedriveParameterError: it names none, or cannot be read
    """
    credential = _settings_of_app(stored).credential
    assert isinstance(credential, OAuth)
    return credential


def connect(stored: StoredConnection, code: str, redirect_uri: str, attempt: str) -> AuthorizationStatus:
    """Exchange a code, ask whose the tokens are, and store them. Each attempt is good once.

    Only the refresh token is stored: an access token would be stale within the hour, and every process that begins with
    a stale one wastes a request.

    :returns: what was remembered of the authorization before
    :raises PipedriveParameterError: this attempt has had its answer, or the connection's route is not approved
    :raises PipedriveError: no tokens came; what was stored stays
    """
    grant = granted(stored, code, redirect_uri, attempt)
    before = AuthorizationStatus.of(stored.extra)
    # Stored before anything else can fail: these tokens cannot be had again.
    store_grant(stored, grant, None)
    try:
        account = owner(stored, grant)
    except PipedriveError:  # the tokens are stored; Test asks again, and then says what is wrong
        return before
    store.change_extra(stored.conn_id, lambda extra: _recognized(extra, account))
    return before


def granted(stored: StoredConnection, code: str, redirect_uri: str, attempt: str) -> Grant:
    """Exchange a code; nothing is stored but that this attempt is used up.

    :raises PipedriveParameterError: this attempt has had its answer, or the connection's route is not approved
    :raises PipedriveError: no tokens came
    """
    route = must_be_approved(stored, "client_secret")
    store.change_extra(stored.conn_id, lambda extra: consume_attempt(extra, attempt))
    settings, app = _settings_of_app(stored), app_of(stored)
    with uniform_errors(route), sending(settings) as send:
        return exchange(send, app, code, redirect_uri)


def owner(stored: StoredConnection, grant: Grant) -> Account:
    """Who a fresh grant belongs to.

    :raises PipedriveError: Pipedrive does not say
    """
    with uniform_errors(CredentialRoute.of(stored.connection, stored.extra)):
        return account_of(with_grant(_settings_of_app(stored), grant))


def store_grant(stored: StoredConnection, grant: Grant, account: Account | None) -> None:
    """Store a fresh grant, and the account if that is known."""
    time = stamp(now())
    status = AuthorizationStatus("connected", scopes=grant.scopes, connected=time, renewed=time)
    route = CredentialRoute.of(stored.connection, stored.extra)  # the one that the grant has come by

    def edit(extra: Extra) -> Extra:
        fresh = remember(
            with_approval(with_refresh_token(extra, grant), route, {"refresh_token": grant.refresh_token}), status
        )
        return _recognized(fresh, account) if account else fresh

    store.change_extra(stored.conn_id, edit)


def test(stored: StoredConnection) -> str:
    """Whether the connection works and whose it is. This renews an authorization: its idle days begin again.

    :returns: whose it is, for people
    :raises PipedriveParameterError: a secret would take a route that nobody who knows it has approved
    :raises PipedriveError: it does not work; the message says what to do
    """
    settings = _settings(stored, stored.extra)
    with uniform_errors(must_be_approved(stored)):
        credential = settings.credential
        if isinstance(credential, OAuth) and credential.refresh_token is not None:
            with sending(settings) as send:
                renewal = renew(stored, credential, send)
            store_renewal(stored, renewal)
            settings = with_grant(settings, renewal.grant)
        account = account_of(settings)
    if stored.source == "database":
        store.change_extra(stored.conn_id, lambda extra: _recognized(extra, account))
    return account.text


def disconnect(stored: StoredConnection) -> None:
    """Give the authorization back and forget its tokens.

    :raises PipedriveParameterError: a secret would take a route that nobody who knows it has approved
    :raises PipedriveError: Pipedrive did not take it; the tokens stay
    """
    settings = _settings(stored, stored.extra)
    if not isinstance(settings.credential, OAuth):
        raise PipedriveParameterError(
            "This connection has an API token, which only its user can end: in Pipedrive, Personal preferences > API."
        )
    route = must_be_approved(stored)
    with uniform_errors(route), sending(settings) as send:
        revoke(send, settings.credential, kept_refresh_token(settings.credential))
    forget(stored, settings.credential)


def forget(stored: StoredConnection, revoked: OAuth) -> bool:
    """Remove a revoked authorization's tokens from the connection; another one that has come meanwhile stays.

    :returns: whether they were there
    """

    def edit(extra: Extra) -> Extra:
        theirs = [trimmed(str(extra.get(name) or "")) for name in ("refresh_token", "access_token")]
        return forget_tokens(extra) if theirs == [revoked.refresh_token or "", revoked.access_token or ""] else extra

    if stored.source != "database":
        return False
    return not any(store.change_extra(stored.conn_id, edit).get(name) for name in TOKENS)


def uninstalled(stored: StoredConnection, company_id: Any, user_id: Any, alone: bool) -> bool:
    """Note that a user has uninstalled the app, if this connection is that user's.

    :param alone: no other connection belongs to the app, so it must be this one even if nobody has asked whose it is
    :returns: whether it was noted
    """
    status = AuthorizationStatus.of(stored.extra)
    theirs = (status.company_id, status.user_id) == (company_id, user_id)
    if not theirs and not (alone and not status.company_id):
        return False
    store.change_extra(stored.conn_id, _revoked)
    return True


def _revoked(extra: Extra) -> Extra:
    return remember(extra, AuthorizationStatus.of(extra).replace(state="revoked"))


# ---- who


def _recognized(extra: Extra, account: Account) -> Extra:
    status = AuthorizationStatus.of(extra).replace(
        user=account.user,
        user_id=account.user_id,
        company=account.company,
        company_id=account.company_id,
        domain=account.domain,
        checked=stamp(now()),
        state="connected",
    )
    return remember(extra, status)


def account_of(settings: Settings) -> Account:
    """Who a credential belongs to: one call of 2 API tokens."""
    with PipedriveClient(settings) as client:
        me: Mapping[str, Any] = client.run("getCurrentUser")
        owner, origin = owner_of(me), client.origin
    return Account(
        name=str(me.get("name")),
        email=str(me.get("email")),
        user_id=owner.user_id,
        company=str(me.get("company_name")),
        company_id=owner.company_id,
        domain=owner.domain,
        origin=origin,
    )


# ---- settings


def _settings(stored: StoredConnection, extra: Mapping[str, Any]) -> Settings:
    """The connection's settings, but for how long they make a person wait."""
    if stored.unreadable:
        raise PipedriveParameterError(f"The connection {stored.conn_id!r} cannot be read: {stored.unreadable}.")
    settings = settings_of(stored.connection, extra)
    return replace(
        settings,
        timeout=min(settings.timeout, MOST_SECONDS_OF_SILENCE),
        max_attempts=min(settings.max_attempts, MOST_ATTEMPTS),
    )


def _settings_of_app(stored: StoredConnection) -> Settings:
    """The settings without an authorization."""
    connection = stored.connection
    if not stored.unreadable and not (connection.login and connection.password):
        raise PipedriveParameterError(
            f"The connection {stored.conn_id!r} names no app. Edit it: client id as login, client secret as password, "
            "from the app's page in Pipedrive's Developer Hub."
        )
    kept = {name: value for name, value in stored.extra.items() if name not in TOKENS}
    settings = _settings(stored, {**kept, "refresh_token": "not-there-yet"})  # nosec B105 # never sent
    assert isinstance(settings.credential, OAuth)
    return replace(settings, credential=replace(settings.credential, refresh_token=None))


def with_grant(settings: Settings, grant: Grant) -> Settings:
    """The settings to ask something with a fresh grant's access token, and nothing else: no second renewal."""
    assert isinstance(settings.credential, OAuth)
    credential = replace(settings.credential, access_token=grant.access_token, refresh_token=None)
    return replace(settings, credential=credential, origin=settings.origin or grant.api_domain)


@contextmanager
def sending(settings: Settings) -> Iterator[Send]:
    """How a request is sent with these settings."""
    transport = Transport(settings, SystemClock())
    try:
        yield transport.send
    finally:
        transport.close()
