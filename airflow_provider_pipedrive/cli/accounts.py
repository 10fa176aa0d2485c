"""``airflow pipedrive check``, ``refresh`` and ``revoke``: connections that are there."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.accounts import oauth
from airflow_provider_pipedrive.accounts.oauth import IDLE_DAYS, Grant, Send, lacking, least_scopes
from airflow_provider_pipedrive.accounts.refresh_tokens import kept_refresh_token
from airflow_provider_pipedrive.accounts.status import AuthorizationStatus, now
from airflow_provider_pipedrive.catalog.advice import counted, own_command
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.catalog import wanted_actions
from airflow_provider_pipedrive.cli.connect import good_until, granted, sending, whose
from airflow_provider_pipedrive.cli.connections import StoreError
from airflow_provider_pipedrive.cli.terminal import ask, command, confirmed, put, say
from airflow_provider_pipedrive.client.settings import ApiToken, OAuth, Settings
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedrivePermissionError
from airflow_provider_pipedrive.hooks.pipedrive import client_of

if TYPE_CHECKING:
    from airflow.models import Connection

FEW_DAYS = 14
"""Idle days left, or fewer, that are warned of."""


@command
def check(options: Namespace) -> None:
    """Whether a connection works, whose it is, and what it may do."""
    keys = wanted_actions(options.actions.split(",") if options.actions else [], options.dags)
    connection = connections.find(options.conn_id)
    settings = _settings(connection)
    credential = settings.credential
    if isinstance(credential, ApiToken):
        say(f"Connected as {whose(settings)}, by API token.")
        say("An API token does not expire, and may do what its user may.")
    elif credential.refresh_token is None:
        say(f"Connected as {whose(settings)}, by OAuth access token.")
        say("There is no refresh token: the access token ends within the hour, and its scopes are not known.")
    else:
        idle = _idle(connection)  # before the renewal, which is a use
        _check_grant(settings, _renewed(connection, settings, options.print_as), keys, idle)


@command
def refresh(options: Namespace) -> None:
    """Renew an OAuth connection's tokens."""
    connection = connections.find(options.conn_id)
    settings = _settings(connection)
    if not isinstance(settings.credential, OAuth) or settings.credential.refresh_token is None:
        raise PipedriveAuthError(f"The connection {options.conn_id!r} has no refresh token: there is nothing to renew.")
    grant = _renewed(connection, settings, options.print_as)
    until = datetime.now(UTC) + timedelta(seconds=grant.expires_in)
    say(f"Renewed. The access token lives until {until:%H:%M} UTC.")
    say(f"The authorization lasts until {good_until()}, and {IDLE_DAYS} days more from each use.")


@command
def revoke(options: Namespace) -> None:
    """Give an OAuth connection's authorization back."""
    connection = connections.find(options.conn_id)
    settings = _settings(connection)
    if not isinstance(settings.credential, OAuth):
        raise PipedriveAuthError(
            f"The connection {options.conn_id!r} has an API token, which is not revoked from here: its user makes a "
            "new one in Pipedrive (Company settings > Personal preferences > API), and the old one is dead."
        )
    if settings.credential.refresh_token:
        say("Pipedrive will uninstall the app for the user of this connection, with its webhooks and OAuth data.")
    else:
        say("The connection has an access token only: this one token dies, the app stays installed.")
    if not options.yes and not confirmed(f"Revoke connection {options.conn_id!r}?"):
        raise PipedriveAuthError("Nothing was revoked.")
    with sending(settings) as send:
        oauth.revoke(send, settings.credential, kept_refresh_token(settings.credential))
    if connection.id is not None:  # of the metadata database
        _forget(options.conn_id, settings.credential)
    say(
        f"Revoked. Tasks that use {options.conn_id!r} fail from now on, at the latest in an hour. Connect again with: "
        + own_command(f"connect --save {options.conn_id}")
    )


def _forget(conn_id: str, credential: OAuth) -> None:
    try:
        if connections.forget_authorization(conn_id, credential):
            say("Its tokens are removed from Airflow's metadata database; client id and secret stay.")
    except StoreError as error:  # what was asked for is done all the same
        say(str(error))


def _settings(connection: Connection) -> Settings:
    """The connection's settings; its secrets are known to Airflow's masker afterwards."""
    with client_of(connection) as client:
        return client.settings


def _idle(connection: Connection) -> str:
    """How long the authorization has not been used, as far as it is known here, and a warning where that is long."""
    expires = AuthorizationStatus.of(connection.extra_dejson).expires
    if expires is None:
        return "When it was last renewed is not known here."
    left = (expires - now()).days
    text = f"It was last renewed here on {expires - timedelta(days=IDLE_DAYS):%Y-%m-%d}."
    if left > FEW_DAYS:
        return text
    return (
        f"Warning: {text} Had nothing else used it, {max(left, 0)} of its {IDLE_DAYS} idle days were left: "
        "let the example DAG pipedrive_keep_alive run, or this check at least once a month."
    )


def _check_grant(settings: Settings, grant: Grant, keys: list[str], idle: str) -> None:
    say(f"Connected as {whose(granted(settings, grant))}, by OAuth.")
    say(f"Scopes: {', '.join(grant.scopes) or 'not known'}.")
    say(idle)
    say(f"The authorization lasts until {good_until()}, and {IDLE_DAYS} days more from each use: this was one.")
    missing = lacking(keys, grant.scopes) if grant.scopes else []
    if missing:
        needed = [scope for scope in least_scopes(missing) if scope not in grant.scopes]
        raise PipedrivePermissionError(
            f"Missing scopes: {', '.join(needed)} (for {', '.join(missing)}). Add them in the Developer Hub under "
            "OAuth & access scopes, and connect again."
        )
    if keys and grant.scopes:
        say(f"These scopes are enough for {counted(len(keys), 'action')}.")


# ---- a refresh token that changes is not lost


def _renewed(connection: Connection, settings: Settings, print_as: str | None) -> Grant:
    """New tokens; where Pipedrive handed out another refresh token, that one is kept."""
    assert isinstance(settings.credential, OAuth)
    try:
        with sending(settings) as send:
            grant = _refreshed(send, settings.credential)
    except PipedriveAuthError as error:
        raise PipedriveAuthError(
            f"{error} To connect again: {own_command(f'connect --save {connection.conn_id}')}",
            status=error.status,
            reason=error.reason,
        ) from None
    if print_as:
        _put(connection, grant.refresh_token, print_as)
    if grant.refresh_token != settings.credential.refresh_token:
        say("Pipedrive handed out another refresh token; the one in the connection may be dead.")
        kept = _saved(connection, settings.credential.refresh_token, grant.refresh_token) or print_as
        if not kept:
            _print_if_wanted(connection, grant.refresh_token)
    if connection.id is not None:  # of the metadata database
        connections.note_renewal(str(connection.conn_id), grant.refresh_token)
    return grant


def _refreshed(send: Send, credential: OAuth) -> Grant:
    """New tokens for the connection's refresh token; where it is refused, for the one that tasks have kept."""
    try:
        return oauth.refresh(send, credential)
    except PipedriveAuthError as error:
        kept = kept_refresh_token(credential) if error.status == 400 else None
        if kept is None:
            raise
    return oauth.refresh(send, replace(credential, refresh_token=kept))


def _saved(connection: Connection, old: str | None, new: str) -> bool:
    """Save the new refresh token where the old one came from, if that is the metadata database and nobody objects."""
    conn_id = str(connection.conn_id)
    try:
        row = connections.stored(conn_id)
        if row is None or row.extra_dejson.get("refresh_token") != old:
            return False
        if ask("Save the new one in the connection? [Y/n]", "y").lower() not in ("y", "yes"):
            return False
        connections.save_refresh_token(conn_id, new)
    except StoreError as error:
        say(str(error))
        return False
    say(f"Saved in connection {conn_id!r}.")
    return True


def _print_if_wanted(connection: Connection, refresh_token: str) -> None:
    form = ask("It is in no connection of Airflow's database. Print it, with all secrets? [json/uri/N]")
    if form not in ("json", "uri"):
        raise StoreError(
            "The new refresh token was not kept. If the connection is refused from now on, connect again: "
            + own_command(f"connect --save {connection.conn_id}")
        )
    _put(connection, refresh_token, form)


def _put(connection: Connection, refresh_token: str, form: str) -> None:
    extra = {**connection.extra_dejson, "refresh_token": refresh_token}
    fields = {"login": connection.login, "password": connection.password, "host": connection.host, "extra": extra}
    put(connections.line(str(connection.conn_id), fields, form))
