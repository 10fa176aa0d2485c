"""Connecting, testing and disconnecting: what the pages do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.approvals import must_be_approved
from airflow_provider_pipedrive.accounts.approved_routes import CredentialRoute, uniform_errors, with_approval
from airflow_provider_pipedrive.accounts.companies import domain_of, number_of
from airflow_provider_pipedrive.accounts.oauth import Grant, Send, exchange, refresh, revoke
from airflow_provider_pipedrive.accounts.refresh_tokens import kept_refresh_token
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
from airflow_provider_pipedrive.client import OAuth, PipedriveClient, Settings, settings_from
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError


@dataclass(frozen=True)
class Account:
    """Who a credential belongs to.

    :param text: for people
    """

    user: str
    user_id: int
    company: str
    company_id: int
    domain: str
    text: str


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
    keep(stored, grant, None)
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
    with uniform_errors(route), _sending(settings) as send:
        return exchange(send, app, code, redirect_uri)


def owner(stored: StoredConnection, grant: Grant) -> Account:
    """Who a fresh grant belongs to.

    :raises PipedriveError: Pipedrive does not say
    """
    with uniform_errors(CredentialRoute.of(stored.connection, stored.extra)):
        return _account(_granted(_settings_of_app(stored), grant))


def keep(stored: StoredConnection, grant: Grant, account: Account | None) -> None:
    """Store a fresh grant, and the account if that is known."""
    time = stamp(now())
    status = AuthorizationStatus("connected", scopes=grant.scopes, connected=time, renewed=time)
    route = CredentialRoute.of(stored.connection, stored.extra)  # the one that the grant has come by

    def edit(extra: Extra) -> Extra:
        fresh = remember(
            with_approval(_with_token(extra, grant), route, {"refresh_token": grant.refresh_token}), status
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
    route = must_be_approved(stored)
    with uniform_errors(route):
        credential = settings.credential
        if isinstance(credential, OAuth) and credential.refresh_token is not None:
            with _sending(settings) as send:
                settings = _granted(settings, _renew(stored, route, send, credential))
        account = _account(settings)
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
    with uniform_errors(route), _sending(settings) as send:
        revoke(send, settings.credential, kept_refresh_token(settings.credential))
    store.change_extra(stored.conn_id, forget_tokens)


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


# ---- tokens


def _renew(stored: StoredConnection, route: CredentialRoute, send: Send, credential: OAuth) -> Grant:
    try:
        grant = refresh(send, credential)
    except PipedriveAuthError as error:
        if stored.source != "database" or not is_over(error):
            raise
        newer = store.find(stored.conn_id).extra.get("refresh_token")
        kept = kept_refresh_token(credential)
        if newer and newer != credential.refresh_token:
            # Someone else has renewed it meanwhile, and Pipedrive gave out another token.
            credential = replace(credential, refresh_token=newer)
            grant = refresh(send, credential)
        elif kept:  # a task has, and it can write no connection
            try:
                grant = refresh(send, replace(credential, refresh_token=kept))
            except PipedriveAuthError:
                _note_end(stored, credential)
                raise
        else:
            _note_end(stored, credential)
            raise
    if stored.source == "database":
        store.change_extra(stored.conn_id, lambda extra: _renewed(extra, route, credential, grant))
    return grant


def is_over(error: PipedriveAuthError) -> bool:
    """Whether the authorization is over, not only its client refused. The words are all that is documented."""
    return re.search(r"grant|refresh", error.reason or "", re.IGNORECASE) is not None


def _note_end(stored: StoredConnection, credential: OAuth) -> None:
    def edit(extra: Extra) -> Extra:
        if extra.get("refresh_token") != credential.refresh_token:
            return extra
        status = AuthorizationStatus.of(extra)
        expired = status.expires is not None and status.expires <= now()
        return remember(extra, status.replace(state="expired" if expired else "revoked"))

    store.change_extra(stored.conn_id, edit)


def _renewed(extra: Extra, route: CredentialRoute, credential: OAuth, grant: Grant) -> Extra:
    """The extra after a renewal, unless it has got another authorization meanwhile."""
    if extra.get("refresh_token") != credential.refresh_token:
        return extra
    status = AuthorizationStatus.of(extra).replace(state="connected", renewed=stamp(now()), scopes=grant.scopes)
    return remember(with_approval(_with_token(extra, grant), route, {"refresh_token": grant.refresh_token}), status)


def _with_token(extra: Extra, grant: Grant) -> Extra:
    kept = {name: value for name, value in extra.items() if name not in TOKENS}
    return {**kept, "refresh_token": grant.refresh_token}


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


def _account(settings: Settings) -> Account:
    """One call of 2 API tokens."""
    with PipedriveClient(settings) as client:
        me: Mapping[str, Any] = client.run("getCurrentUser")
        user, company = f"{me.get('name')} <{me.get('email')}>", str(me.get("company_name"))
        text = f"{user}, company {company}, {client.origin}"
    domain = domain_of(me.get("company_domain"))
    return Account(user, number_of(me.get("id")), company, number_of(me.get("company_id")), domain, text)


# ---- settings


def _settings(stored: StoredConnection, extra: Mapping[str, Any]) -> Settings:
    if stored.unreadable:
        raise PipedriveParameterError(f"The connection {stored.conn_id!r} cannot be read: {stored.unreadable}.")
    connection = stored.connection
    return settings_from(
        host=unquote(connection.host or ""),  # a connection given as a URI has it quoted
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=extra,
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
    settings = _settings(stored, {**kept, "refresh_token": "not-there-yet"})
    assert isinstance(settings.credential, OAuth)
    return replace(settings, credential=replace(settings.credential, refresh_token=None))


def _granted(settings: Settings, grant: Grant) -> Settings:
    """The settings to use a fresh grant with."""
    assert isinstance(settings.credential, OAuth)
    credential = replace(settings.credential, access_token=grant.access_token, refresh_token=grant.refresh_token)
    return replace(settings, credential=credential, origin=settings.origin or grant.api_domain)


@contextmanager
def _sending(settings: Settings) -> Iterator[Send]:
    transport = Transport(settings, SystemClock())
    try:
        yield transport.send
    finally:
        transport.close()
