"""``airflow pipedrive connect``: from a client id to a connection that works."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.authorization import account_of, sending, with_grant
from airflow_provider_pipedrive.accounts.oauth import (
    IDLE_DAYS,
    Callback,
    Grant,
    authorize_url,
    exchange,
    new_state,
)
from airflow_provider_pipedrive.accounts.redirect_uri import stated_redirect_uri
from airflow_provider_pipedrive.accounts.store import AppAuthorization, StoredConnection
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.callback import CallbackServer, can_listen
from airflow_provider_pipedrive.cli.definition import DEFAULT_CONN_ID, DEFAULT_REDIRECT_URI, SECRET_VARIABLE
from airflow_provider_pipedrive.cli.terminal import (
    ask,
    ask_secret,
    checked_arguments,
    command,
    confirmed,
    say,
    usage_error,
)
from airflow_provider_pipedrive.client.hosts import OAUTH_ORIGIN, origin_of
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, OAuth, Settings, trimmed
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError


@command
def connect(options: Namespace) -> None:
    """Connect an account and save or print the connection."""
    before = _before(options.save)
    redirect_uri = _redirect_uri(options.redirect_uri, before.extra.get("redirect_uri") if before else None)
    app = _app(options, before)
    host = _origin("--host", options.host)
    code = _code(app, redirect_uri, browser=not options.no_browser)
    settings = Settings(app, origin=host)
    with sending(settings) as send:
        grant = exchange(send, app, code, redirect_uri)
    account = _show(settings, grant)
    _keep(AppAuthorization.of(app, grant.refresh_token, host), account, options)


# ---- what is needed


def _before(conn_id: str | None) -> StoredConnection | None:
    """The connection of the metadata database that is to be saved over, if there is one."""
    if not conn_id:
        return None
    with checked_arguments():
        store.checked_conn_id(conn_id)
    with connections.explained_database_errors():
        return store.stored_in_database(conn_id)


def _redirect_uri(given: str | None, connections_own: Any) -> str:
    with checked_arguments():
        return stated_redirect_uri(connections_own, given) or DEFAULT_REDIRECT_URI


def _app(options: Namespace, before: StoredConnection | None) -> OAuth:
    """The app, from the command line, the connection that is to be replaced, or the person."""
    known_id = known_secret = None
    if before is not None and not before.unreadable:
        known_id, known_secret = before.connection.login, before.connection.password
    origin = _origin("--oauth-host", options.oauth_host) or OAUTH_ORIGIN
    client_id = options.client_id or trimmed(known_id) or ask("Client id of the app:")
    if not HEADER_SAFE.fullmatch(client_id) or ":" in client_id:
        raise usage_error("There is no client id: give --client-id, from Developer Hub > OAuth & access scopes.")
    known = trimmed(known_secret) if client_id == trimmed(known_id) else None
    secret = _secret_given(options) or known or ask_secret("Client secret of the app (not shown): ")
    if not HEADER_SAFE.fullmatch(secret):
        raise usage_error(f"There is no client secret: type it, or give --client-secret-file or {SECRET_VARIABLE}.")
    return OAuth(client_id, secret, origin=origin)


def _secret_given(options: Namespace) -> str:
    if options.client_secret_file:
        try:
            return Path(options.client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # the name is not repeated: it may be the secret itself
            raise usage_error(f"The file of --client-secret-file cannot be read ({type(error).__name__}).") from None
    return os.environ.get(SECRET_VARIABLE, "").strip()


def _origin(option: str, host: str | None) -> str | None:
    with checked_arguments(f"{option}: "):
        return origin_of(host) if host else None


# ---- the browser's part


def _code(app: OAuth, redirect_uri: str, *, browser: bool) -> str:
    """The code that Pipedrive sends once the person has agreed."""
    state = new_state()
    url = authorize_url(app, redirect_uri, state)
    if not browser or not can_listen(redirect_uri):
        say("Open this page in a browser, and press Allow:")
        say(url)
        return _pasted(state)
    with CallbackServer(redirect_uri, state) as server, _private_page(url) as page:
        say("Opening Pipedrive's consent page. Press Allow there. If it does not show, open this yourself:")
        say(url)
        webbrowser.open(page)
        return server.wait()


@contextmanager
def _private_page(url: str) -> Iterator[str]:
    """The address of a file that leads a browser on, and that only this user can read.

    A browser gets what it is to open as an argument, which every user of the machine sees in the list of processes; and
    whoever knows the state of the consent page can answer in the place of Pipedrive.
    """
    name = _private_file()
    try:
        name.write_text(
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
            f'<meta http-equiv="refresh" content="0;url={escape(url)}"><title>Pipedrive</title></head>'
            f'<body><p><a href="{escape(url)}">To Pipedrive\'s consent page</a></p></body></html>',
            encoding="utf-8",
        )
        yield name.as_uri()
    finally:
        name.unlink(missing_ok=True)


def _private_file() -> Path:
    """A new file, mode 600. In Airflow's home rather than among the temporary files, which a browser in a sandbox of
    its own (snap, flatpak) does not see."""
    from airflow.configuration import AIRFLOW_HOME

    for folder in (AIRFLOW_HOME, None):
        with suppress(OSError):
            handle, name = tempfile.mkstemp(".html", "pipedrive-connect-", folder)
            os.close(handle)
            return Path(name).absolute()
    raise usage_error("No file can be written for the browser to open: use --no-browser.")


def _pasted(state: str) -> str:
    """The code in the address that the person pastes; asks again after a wrong one."""
    while True:
        address = ask("Paste the whole address that the browser was sent to then, even if no page shows:")
        if not address:
            raise PipedriveAuthError("No address was pasted. Connect again.")
        try:
            return Callback.read(address).code_for(state)
        except PipedriveParameterError as error:
            say(str(error))


# ---- afterwards


def good_until() -> str:
    """Until when an authorization that was used now lasts at least."""
    return f"{datetime.now(UTC) + timedelta(days=IDLE_DAYS):%Y-%m-%d}"


def _show(settings: Settings, grant: Grant) -> str:
    """Say whose the authorization is; returns it in words, as it is named where something is asked."""
    try:
        account = account_of(with_grant(settings, grant)).text
        say(f"Connected as {account}.")
    except PipedriveError as error:  # the tokens are there, and would be lost with it
        account = "an account that Pipedrive does not name"
        say(f"Connected, but Pipedrive does not say as whom: {error}")
    say(f"Scopes: {', '.join(grant.scopes) or 'not known'}.")
    say(f"It lasts until {good_until()}, and {IDLE_DAYS} days more from each use.")
    return account


def _keep(kept: AppAuthorization, account: str, options: Namespace) -> None:
    """Save and print as the command line says. Nothing is saved before the person has seen the account and agreed; the
    authorization is not lost where nothing is said, or saving fails."""
    if options.print_as:
        connections.put_authorization(options.save or DEFAULT_CONN_ID, kept, options.print_as)
    if options.save:
        if not options.yes and not confirmed(f"Save the connection to {account} as {options.save!r}?"):
            raise PipedriveAuthError(
                "The connection was not saved: nobody agreed to the account. Connect again as the right one, or with "
                "--yes, which asks nobody."
            )
        try:
            return _save(options.save, kept)
        except PipedriveError as error:
            say(str(error))
            return _ask_where(kept, account)
    return None if options.print_as else _ask_where(kept, account, DEFAULT_CONN_ID)


def _ask_where(kept: AppAuthorization, account: str, default: str = "") -> None:
    """Save or print, as the person wants."""
    offered = f" [{default}]" if default else ""
    question = (
        f"Save the connection to {account} under which id{offered}? Or json or uri, to print it with all secrets:"
    )
    while wanted := ask(question, default, nobody=""):
        if wanted in ("json", "uri"):
            return connections.put_authorization(DEFAULT_CONN_ID, kept, wanted)
        try:
            return _save(store.checked_conn_id(wanted), kept)
        except PipedriveError as error:
            say(str(error))
            default = ""
    raise PipedriveAuthError("The connection was neither saved nor printed. Connect again.")


def _save(conn_id: str, kept: AppAuthorization) -> None:
    """Save the connection, and say so if Airflow will not use it."""
    with connections.explained_database_errors():
        encrypted = store.save_authorization(conn_id, kept)
    say(f"Saved as connection {conn_id!r} in Airflow's metadata database.")
    if not encrypted:
        say("It is stored unencrypted: Airflow has no Fernet key (AIRFLOW__CORE__FERNET_KEY). Set one, and save again.")
    if connections.find(conn_id).extra.get("refresh_token") != kept.refresh_token:
        say(
            f"But Airflow uses another connection {conn_id!r}: {connections.variable(conn_id)} or a secrets backend "
            "comes before the database. Remove it there, or store this one there: --print json."
        )
