"""``airflow pipedrive check``, ``refresh`` and ``revoke``: connections that are there."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime, timedelta

from airflow_provider_pipedrive.accounts import authorization, oauth, renewal
from airflow_provider_pipedrive.accounts.authorization import account_of, sending, with_grant
from airflow_provider_pipedrive.accounts.oauth import IDLE_DAYS, Grant
from airflow_provider_pipedrive.accounts.refresh_tokens import kept_refresh_token
from airflow_provider_pipedrive.accounts.renewal import Renewal
from airflow_provider_pipedrive.accounts.scopes import lacking, least_scopes
from airflow_provider_pipedrive.accounts.status import AuthorizationStatus, now
from airflow_provider_pipedrive.accounts.store import StoredConnection
from airflow_provider_pipedrive.catalog.advice import counted, own_command
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.catalog import wanted_actions
from airflow_provider_pipedrive.cli.connect import good_until
from airflow_provider_pipedrive.cli.terminal import ask, command, confirmed, say
from airflow_provider_pipedrive.client.settings import ApiToken, OAuth, Settings
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedrivePermissionError
from airflow_provider_pipedrive.hooks.client_factory import client_of

FEW_DAYS = 14
"""Idle days left, or fewer, that are warned of."""


@command
def check(options: Namespace) -> None:
    """Whether a connection works, whose it is, and what it may do."""
    keys = wanted_actions(options.actions, options.dags)
    stored = connections.find(options.conn_id)
    settings = _settings(stored)
    credential = settings.credential
    if isinstance(credential, ApiToken):
        say(f"Connected as {account_of(settings).text}, by API token.")
        say("An API token does not expire, and may do what its user may.")
    elif credential.refresh_token is None:
        say(f"Connected as {account_of(settings).text}, by OAuth access token.")
        say("There is no refresh token: the access token ends within the hour, and its scopes are not known.")
    else:
        idle = _idle(stored)  # before the renewal, which is a use
        _check_grant(settings, _renewed(stored, settings, options.print_as), keys, idle)


@command
def refresh(options: Namespace) -> None:
    """Renew an OAuth connection's tokens."""
    stored = connections.find(options.conn_id)
    settings = _settings(stored)
    if not isinstance(settings.credential, OAuth) or settings.credential.refresh_token is None:
        raise PipedriveAuthError(f"The connection {options.conn_id!r} has no refresh token: there is nothing to renew.")
    grant = _renewed(stored, settings, options.print_as)
    until = datetime.now(UTC) + timedelta(seconds=grant.expires_in)
    say(f"Renewed. The access token lives until {until:%H:%M} UTC.")
    say(f"The authorization lasts until {good_until()}, and {IDLE_DAYS} days more from each use.")


@command
def revoke(options: Namespace) -> None:
    """Give an OAuth connection's authorization back."""
    stored = connections.find(options.conn_id)
    settings = _settings(stored)
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
    _forget(stored, settings.credential)
    say(
        f"Revoked. Tasks that use {options.conn_id!r} fail from now on, at the latest in an hour. Connect again with: "
        + own_command(f"connect --save {options.conn_id}")
    )


def _forget(stored: StoredConnection, revoked: OAuth) -> None:
    try:
        with connections.explained_database_errors():
            if authorization.forget(stored, revoked):
                say("Its tokens are removed from Airflow's metadata database; client id and secret stay.")
    except PipedriveError as error:  # what was asked for is done all the same
        say(str(error))


def _settings(stored: StoredConnection) -> Settings:
    """The connection's settings; its secrets are known to Airflow's masker afterwards."""
    with client_of(stored.connection) as client:
        return client.settings


def _idle(stored: StoredConnection) -> str:
    """How long the authorization has not been used, as far as it is known here, and a warning where that is long."""
    expires = AuthorizationStatus.of(stored.extra).expires
    if expires is None:
        return "When it was last renewed is not known here."
    left = (expires - now()).days
    text = f"It was last renewed here on {expires - timedelta(days=IDLE_DAYS):%Y-%m-%d}."
    if left > FEW_DAYS:
        return text
    return (
        f"Warning: {text} Had nothing else used it, {max(left, 0)} of its {IDLE_DAYS} idle days would be left: "
        "let the example DAG pipedrive_keep_alive run, or this check at least once a month."
    )


def _check_grant(settings: Settings, grant: Grant, keys: list[str], idle: str) -> None:
    say(f"Connected as {account_of(with_grant(settings, grant)).text}, by OAuth.")
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


def _renewed(stored: StoredConnection, settings: Settings, print_as: str | None) -> Grant:
    """New tokens; where Pipedrive handed out another refresh token, that one is kept."""
    assert isinstance(settings.credential, OAuth)
    try:
        with sending(settings) as send, connections.explained_database_errors():
            renewed = renewal.renew(stored, settings.credential, send)
    except PipedriveAuthError as error:
        raise PipedriveAuthError(
            f"{error} To connect again: {own_command(f'connect --save {stored.conn_id}')}",
            status=error.status,
            reason=error.reason,
        ) from None
    if print_as:
        connections.put_connection(stored.connection, renewed.grant.refresh_token, print_as)
    if not renewed.is_replaced:
        with connections.explained_database_errors():
            renewal.store_renewal(stored, renewed)
        return renewed.grant
    say("Pipedrive handed out another refresh token; the one in the connection may be dead.")
    if not _saved(stored, renewed) and not print_as:
        _print_if_wanted(stored, renewed.grant.refresh_token)
    return renewed.grant


def _saved(stored: StoredConnection, renewed: Renewal) -> bool:
    """Save the new refresh token where the old one came from, if that is the metadata database and nobody objects."""
    if stored.source != "database":
        return False
    if ask("Save the new one in the connection? [Y/n]", "y").lower() not in ("y", "yes"):
        return False
    try:
        with connections.explained_database_errors():
            is_saved = renewal.store_renewal(stored, renewed)
    except PipedriveError as error:
        say(str(error))
        return False
    if is_saved:
        say(f"Saved in connection {stored.conn_id!r}.")
    return is_saved


def _print_if_wanted(stored: StoredConnection, refresh_token: str) -> None:
    form = ask("It is in no connection of Airflow's database. Print it, with all secrets? [json/uri/N]")
    if form not in ("json", "uri"):
        raise PipedriveAuthError(
            "The new refresh token was not kept. If the connection is refused from now on, connect again: "
            + own_command(f"connect --save {stored.conn_id}")
        )
    connections.put_connection(stored.connection, refresh_token, form)
