"""Renewing an authorization: the one way of pages and commands. Tasks renew theirs in the client."""

from __future__ import annotations

from dataclasses import dataclass, replace

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.approved_routes import CredentialRoute, unapproved, with_approval
from airflow_provider_pipedrive.accounts.oauth import Grant, Send, refresh
from airflow_provider_pipedrive.accounts.refresh_tokens import kept_refresh_token
from airflow_provider_pipedrive.accounts.status import TOKENS, AuthorizationStatus, now, remember, stamp
from airflow_provider_pipedrive.accounts.store import Extra, StoredConnection
from airflow_provider_pipedrive.client.auth import is_over
from airflow_provider_pipedrive.client.settings import OAuth, trimmed
from airflow_provider_pipedrive.errors import PipedriveAuthError


@dataclass(frozen=True)
class Renewal:
    """What a renewal has brought.

    :param held: the refresh token that the connection holds: the grant's is to take its place
    """

    grant: Grant
    held: str

    @property
    def is_replaced(self) -> bool:
        """Whether Pipedrive handed out another refresh token than the connection's."""
        return self.grant.refresh_token != self.held


def renew(stored: StoredConnection, credential: OAuth, send: Send) -> Renewal:
    """New tokens, by the connection's refresh token or, where that is over, by the one that has replaced it. Nothing is
    stored but that an authorization has ended.

    :param credential: the connection's, with a refresh token
    :raises PipedriveAuthError: the authorization is over, or the client is refused
    :raises PipedriveError: no usable answer came; the refresh token stays good
    """
    held = credential.refresh_token or ""
    try:
        return Renewal(refresh(send, credential), held)
    except PipedriveAuthError as error:
        if not is_over(error):
            raise
        newer = _newer_token(stored, held)
        if newer:
            return Renewal(refresh(send, replace(credential, refresh_token=newer)), newer)
        kept = kept_refresh_token(credential)
        if not kept:
            _note_end(stored, held)
            raise
    try:  # a task has kept it, and can write no connection
        return Renewal(refresh(send, replace(credential, refresh_token=kept)), held)
    except PipedriveAuthError:
        _note_end(stored, held)
        raise


def store_renewal(stored: StoredConnection, renewal: Renewal) -> bool:
    """Store what a renewal has brought; the idle days begin again. A route that was approved for the old refresh token
    is approved for the new one.

    :returns: whether it is stored: not where the connection is not the database's, or has another authorization by now
    """
    if stored.source != "database":
        return False
    route = CredentialRoute.of(stored.connection, stored.extra)  # the one that the grant has come by
    grant, secret = renewal.grant, {"refresh_token": renewal.grant.refresh_token}

    def edit(extra: Extra) -> Extra:
        if _token_in(extra) != renewal.held:
            return extra
        may_take_it = not unapproved(route, {"refresh_token": renewal.held}, extra)
        status = AuthorizationStatus.of(extra).replace(state="connected", renewed=stamp(now()), scopes=grant.scopes)
        fresh = with_refresh_token(extra, grant)
        return remember(with_approval(fresh, route, secret if may_take_it else {}), status)

    return _token_in(store.change_extra(stored.conn_id, edit)) == grant.refresh_token


def with_refresh_token(extra: Extra, grant: Grant) -> Extra:
    """The extra with a grant's refresh token and no other token."""
    return {
        **{name: value for name, value in extra.items() if name not in TOKENS},
        "refresh_token": grant.refresh_token,
    }


def _newer_token(stored: StoredConnection, held: str) -> str:
    """The refresh token that somebody has stored meanwhile, since Pipedrive gave out another one; empty if none."""
    if stored.source != "database":
        return ""
    newer = _token_in(store.find(stored.conn_id).extra)
    return newer if newer != held else ""


def _note_end(stored: StoredConnection, held: str) -> None:
    def edit(extra: Extra) -> Extra:
        if _token_in(extra) != held:
            return extra
        status = AuthorizationStatus.of(extra)
        expired = status.expires is not None and status.expires <= now()
        return remember(extra, status.replace(state="expired" if expired else "revoked"))

    if stored.source == "database":
        store.change_extra(stored.conn_id, edit)


def _token_in(extra: Extra) -> str:
    return trimmed(str(extra.get("refresh_token") or ""))
