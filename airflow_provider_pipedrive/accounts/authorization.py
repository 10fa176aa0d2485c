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
from airflow_provider_pipedrive.accounts.approved_routes import Way, telling_nothing_of_the_server, with_approval
from airflow_provider_pipedrive.accounts.companies import domain_of, number_of
from airflow_provider_pipedrive.accounts.oauth import Grant, Send, exchange, refresh, revoke
from airflow_provider_pipedrive.accounts.status import TOKENS, Memory, forget_tokens, remember, stamp, use_up
from airflow_provider_pipedrive.accounts.store import Extra, Known
from airflow_provider_pipedrive.cli.connections import kept_refresh_token
from airflow_provider_pipedrive.client import OAuth, PipedriveClient, Settings, settings_from
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.plugin.sealed_cookies import now


@dataclass(frozen=True)
class Whose:
    """Who a credential belongs to.

    :param text: for people
    """

    user: str
    user_id: int
    company: str
    company_id: int
    domain: str
    text: str


def app_of(known: Known) -> OAuth:
    """The app that a connection belongs to.

    :raises PipedriveParameterError: it names none, or cannot be read
    """
    credential = _settings_of_app(known).credential
    assert isinstance(credential, OAuth)
    return credential


def connect(known: Known, code: str, redirect_uri: str, attempt: str) -> Memory:
    """Exchange a code, ask whose the tokens are, and store them. Each attempt is good once.

    Only the refresh token is stored: an access token would be stale within the hour, and every process that begins with
    a stale one wastes a request.

    :returns: what was remembered of the authorization before
    :raises PipedriveParameterError: this attempt has had its answer, or the connection's way is not approved
    :raises PipedriveError: no tokens came; what was stored stays
    """
    grant = granted(known, code, redirect_uri, attempt)
    before = Memory.of(known.extra)
    # Stored before anything else can fail: these tokens cannot be had again.
    keep(known, grant, None)
    try:
        whose = owner(known, grant)
    except PipedriveError:  # the tokens are stored; Test asks again, and then says what is wrong
        return before
    store.change_extra(known.conn_id, lambda extra: _recognized(extra, whose))
    return before


def granted(known: Known, code: str, redirect_uri: str, attempt: str) -> Grant:
    """Exchange a code; nothing is stored but that this attempt is used up.

    :raises PipedriveParameterError: this attempt has had its answer, or the connection's way is not approved
    :raises PipedriveError: no tokens came
    """
    way = must_be_approved(known, "client_secret")
    store.change_extra(known.conn_id, lambda extra: use_up(extra, attempt))
    settings, app = _settings_of_app(known), app_of(known)
    with telling_nothing_of_the_server(way), _sending(settings) as send:
        return exchange(send, app, code, redirect_uri)


def owner(known: Known, grant: Grant) -> Whose:
    """Who a fresh grant belongs to.

    :raises PipedriveError: Pipedrive does not say
    """
    with telling_nothing_of_the_server(Way.of(known.connection, known.extra)):
        return _whose(_granted(_settings_of_app(known), grant))


def keep(known: Known, grant: Grant, whose: Whose | None) -> None:
    """Store a fresh grant, and the account if that is known."""
    time = stamp(now())
    memory = Memory("connected", scopes=grant.scopes, connected=time, renewed=time)
    way = Way.of(known.connection, known.extra)  # the one that the grant has come by

    def edit(extra: Extra) -> Extra:
        fresh = remember(with_approval(_with_token(extra, grant), way, {"refresh_token": grant.refresh_token}), memory)
        return _recognized(fresh, whose) if whose else fresh

    store.change_extra(known.conn_id, edit)


def test(known: Known) -> str:
    """Whether the connection works and whose it is. An authorization is renewed on the way: its idle days begin anew.

    :returns: whose it is, for people
    :raises PipedriveParameterError: a secret would take a way that nobody who knows it has approved
    :raises PipedriveError: it does not work; the message says what to do
    """
    settings = _settings(known, known.extra)
    way = must_be_approved(known)
    with telling_nothing_of_the_server(way):
        credential = settings.credential
        if isinstance(credential, OAuth) and credential.refresh_token is not None:
            with _sending(settings) as send:
                settings = _granted(settings, _renew(known, way, send, credential))
        whose = _whose(settings)
    if known.source == "database":
        store.change_extra(known.conn_id, lambda extra: _recognized(extra, whose))
    return whose.text


def disconnect(known: Known) -> None:
    """Give the authorization back and forget its tokens.

    :raises PipedriveParameterError: a secret would take a way that nobody who knows it has approved
    :raises PipedriveError: Pipedrive did not take it; the tokens stay
    """
    settings = _settings(known, known.extra)
    if not isinstance(settings.credential, OAuth):
        raise PipedriveParameterError(
            "This connection has an API token, which only its user can end: in Pipedrive, Personal preferences > API."
        )
    way = must_be_approved(known)
    with telling_nothing_of_the_server(way), _sending(settings) as send:
        revoke(send, settings.credential, kept_refresh_token(settings.credential))
    store.change_extra(known.conn_id, forget_tokens)


def uninstalled(known: Known, company_id: Any, user_id: Any, alone: bool) -> bool:
    """Note that a user has uninstalled the app, if this connection is that user's.

    :param alone: no other connection belongs to the app, so it must be this one even if nobody has asked whose it is
    :returns: whether it was noted
    """
    memory = Memory.of(known.extra)
    theirs = (memory.company_id, memory.user_id) == (company_id, user_id)
    if not theirs and not (alone and not memory.company_id):
        return False
    store.change_extra(known.conn_id, lambda extra: remember(extra, Memory.of(extra).but(state="revoked")))
    return True


# ---- tokens


def _renew(known: Known, way: Way, send: Send, credential: OAuth) -> Grant:
    try:
        grant = refresh(send, credential)
    except PipedriveAuthError as error:
        if known.source != "database" or not is_over(error):
            raise
        newer = store.find(known.conn_id).extra.get("refresh_token")
        kept = kept_refresh_token(credential)
        if newer and newer != credential.refresh_token:
            # Someone else has renewed it meanwhile, and Pipedrive gave out another token.
            credential = replace(credential, refresh_token=newer)
            grant = refresh(send, credential)
        elif kept:  # a task has, and it can write no connection
            try:
                grant = refresh(send, replace(credential, refresh_token=kept))
            except PipedriveAuthError:
                _note_end(known, credential)
                raise
        else:
            _note_end(known, credential)
            raise
    if known.source == "database":
        store.change_extra(known.conn_id, lambda extra: _renewed(extra, way, credential, grant))
    return grant


def is_over(error: PipedriveAuthError) -> bool:
    """Whether the authorization is over, not only its client refused. The words are all that is documented."""
    return re.search(r"grant|refresh", error.reason or "", re.IGNORECASE) is not None


def _note_end(known: Known, credential: OAuth) -> None:
    def edit(extra: Extra) -> Extra:
        if extra.get("refresh_token") != credential.refresh_token:
            return extra
        memory = Memory.of(extra)
        expired = memory.expires is not None and memory.expires <= now()
        return remember(extra, memory.but(state="expired" if expired else "revoked"))

    store.change_extra(known.conn_id, edit)


def _renewed(extra: Extra, way: Way, credential: OAuth, grant: Grant) -> Extra:
    """The extra after a renewal, unless it has got another authorization meanwhile."""
    if extra.get("refresh_token") != credential.refresh_token:
        return extra
    memory = Memory.of(extra).but(state="connected", renewed=stamp(now()), scopes=grant.scopes)
    return remember(with_approval(_with_token(extra, grant), way, {"refresh_token": grant.refresh_token}), memory)


def _with_token(extra: Extra, grant: Grant) -> Extra:
    kept = {name: value for name, value in extra.items() if name not in TOKENS}
    return {**kept, "refresh_token": grant.refresh_token}


# ---- who


def _recognized(extra: Extra, whose: Whose) -> Extra:
    memory = Memory.of(extra).but(
        user=whose.user,
        user_id=whose.user_id,
        company=whose.company,
        company_id=whose.company_id,
        domain=whose.domain,
        checked=stamp(now()),
        state="connected",
    )
    return remember(extra, memory)


def _whose(settings: Settings) -> Whose:
    """One call of 2 API tokens."""
    with PipedriveClient(settings) as client:
        me: Mapping[str, Any] = client.run("getCurrentUser")
        user, company = f"{me.get('name')} <{me.get('email')}>", str(me.get("company_name"))
        text = f"{user}, company {company}, {client.origin}"
    domain = domain_of(me.get("company_domain"))
    return Whose(user, number_of(me.get("id")), company, number_of(me.get("company_id")), domain, text)


# ---- settings


def _settings(known: Known, extra: Mapping[str, Any]) -> Settings:
    if known.unreadable:
        raise PipedriveParameterError(f"The connection {known.conn_id!r} cannot be read: {known.unreadable}.")
    connection = known.connection
    return settings_from(
        host=unquote(connection.host or ""),  # a connection given as a URI has it quoted
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=extra,
    )


def _settings_of_app(known: Known) -> Settings:
    """The settings without an authorization."""
    connection = known.connection
    if not known.unreadable and not (connection.login and connection.password):
        raise PipedriveParameterError(
            f"The connection {known.conn_id!r} names no app. Edit it: client id as login, client secret as password, "
            "from the app's page in Pipedrive's Developer Hub."
        )
    kept = {name: value for name, value in known.extra.items() if name not in TOKENS}
    settings = _settings(known, {**kept, "refresh_token": "not-there-yet"})
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
