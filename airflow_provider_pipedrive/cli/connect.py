"""``airflow pipedrive connect``: from a client id to a connection that works."""

from __future__ import annotations

import os
import tempfile
import webbrowser
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.accounts.oauth import (
    IDLE_DAYS,
    Callback,
    Grant,
    Send,
    authorize_url,
    exchange,
    new_state,
)
from airflow_provider_pipedrive.accounts.redirect_uri import stated_redirect_uri
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.callback import CallbackServer, can_listen
from airflow_provider_pipedrive.cli.connections import Fields, StoreError
from airflow_provider_pipedrive.cli.definition import DEFAULT_CONN_ID, DEFAULT_REDIRECT_URI, SECRET_VARIABLE
from airflow_provider_pipedrive.cli.terminal import UsageError, ask, ask_secret, command, confirmed, put, say
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.hosts import OAUTH_ORIGIN, origin_of
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, OAuth, Settings, trimmed
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError


@command
def connect(options: Namespace) -> None:
    """Connect an account and save or print the connection."""
    before = connections.stored(connections.checked_conn_id(options.save)) if options.save else None
    redirect_uri = _redirect_uri(options.redirect_uri, before.extra_dejson.get("redirect_uri") if before else None)
    app = _app(options, before.login if before else None, before.password if before else None)
    host = _origin("--host", options.host)
    code = _code(app, redirect_uri, browser=not options.no_browser)
    settings = Settings(app, origin=host)
    with sending(settings) as send:
        grant = exchange(send, app, code, redirect_uri)
    account = _show(settings, grant)
    _keep(Fields.of(app, grant.refresh_token, host), account, options)


# ---- what is needed


def _redirect_uri(given: str | None, connections_own: Any) -> str:
    try:
        return stated_redirect_uri(connections_own, given) or DEFAULT_REDIRECT_URI
    except PipedriveParameterError as error:
        raise UsageError(str(error)) from None


def _app(options: Namespace, known_id: str | None, known_secret: str | None) -> OAuth:
    """The app, from the command line, the connection that is to be replaced, or the person."""
    origin = _origin("--oauth-host", options.oauth_host) or OAUTH_ORIGIN
    client_id = options.client_id or trimmed(known_id) or ask("Client id of the app:")
    if not HEADER_SAFE.fullmatch(client_id) or ":" in client_id:
        raise UsageError("There is no client id: give --client-id, from Developer Hub > OAuth & access scopes.")
    known = trimmed(known_secret) if client_id == trimmed(known_id) else None
    secret = _secret_given(options) or known or ask_secret("Client secret of the app (not shown): ")
    if not HEADER_SAFE.fullmatch(secret):
        raise UsageError(f"There is no client secret: type it, or give --client-secret-file or {SECRET_VARIABLE}.")
    return OAuth(client_id, secret, origin=origin)


def _secret_given(options: Namespace) -> str:
    if options.client_secret_file:
        try:
            return Path(options.client_secret_file).read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:  # the name is not repeated: it may be the secret itself
            raise UsageError(f"The file of --client-secret-file cannot be read ({type(error).__name__}).") from None
    return os.environ.get(SECRET_VARIABLE, "").strip()


def _origin(option: str, host: str | None) -> str | None:
    try:
        return origin_of(host) if host else None
    except PipedriveParameterError as error:
        raise UsageError(f"{option}: {error}") from None


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
    raise UsageError("No file can be written for the browser to open: use --no-browser.")


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


@contextmanager
def sending(settings: Settings) -> Iterator[Send]:
    """How a request is sent with these settings."""
    transport = Transport(settings, SystemClock())
    try:
        yield transport.send
    finally:
        transport.close()


def granted(settings: Settings, grant: Grant) -> Settings:
    """The settings to use a fresh grant's access token with, and nothing else: no second renewal."""
    assert isinstance(settings.credential, OAuth)
    credential = replace(settings.credential, access_token=grant.access_token, refresh_token=None)
    return replace(settings, credential=credential, origin=settings.origin or grant.api_domain)


def whose(settings: Settings) -> str:
    """Who the connection belongs to, which company, which host: one call of 2 API tokens."""
    with PipedriveClient(settings) as client:
        me = client.run("getCurrentUser")
        return f"{me.get('name')} ({me.get('email')}), company {me.get('company_name')}, {client.origin}"


def good_until() -> str:
    """Until when an authorization that was used now lasts at least."""
    return f"{datetime.now(UTC) + timedelta(days=IDLE_DAYS):%Y-%m-%d}"


def _show(settings: Settings, grant: Grant) -> str:
    """Say whose the authorization is; returns it in words, as it is named where something is asked."""
    try:
        account = whose(granted(settings, grant))
        say(f"Connected as {account}.")
    except PipedriveError as error:  # the tokens are there, and would be lost with it
        account = "an account that Pipedrive does not name"
        say(f"Connected, but Pipedrive does not say as whom: {error}")
    say(f"Scopes: {', '.join(grant.scopes) or 'not known'}.")
    say(f"It lasts until {good_until()}, and {IDLE_DAYS} days more from each use.")
    return account


def _keep(fields: Fields, account: str, options: Namespace) -> None:
    """Save and print as the command line says. Nothing is saved before the person has seen the account and agreed; the
    authorization is not lost where nothing is said, or saving fails."""
    if options.print_as:
        _put(options.save or DEFAULT_CONN_ID, fields, options.print_as)
    if options.save:
        if not options.yes and not confirmed(f"Save the connection to {account} as {options.save!r}?"):
            raise StoreError(
                "The connection was not saved: nobody agreed to the account. Connect again as the right one, or with "
                "--yes, which asks nobody."
            )
        try:
            return _save(options.save, fields)
        except StoreError as error:
            say(str(error))
            return _ask_where(fields, account)
    return None if options.print_as else _ask_where(fields, account, DEFAULT_CONN_ID)


def _ask_where(fields: Fields, account: str, default: str = "") -> None:
    """Save or print, as the person wants."""
    offered = f" [{default}]" if default else ""
    question = (
        f"Save the connection to {account} under which id{offered}? Or json or uri, to print it with all secrets:"
    )
    while wanted := ask(question, default, nobody=""):
        if wanted in ("json", "uri"):
            return _put(DEFAULT_CONN_ID, fields, wanted)
        try:
            return _save(connections.checked_conn_id(wanted), fields)
        except (StoreError, UsageError) as error:
            say(str(error))
            default = ""
    raise StoreError("The connection was neither saved nor printed. Connect again.")


def _put(conn_id: str, fields: Fields, form: str) -> None:
    """Print the connection, secrets included."""
    shown = {"login": fields.login, "password": fields.password, "host": fields.host, "extra": fields.extra()}
    put(connections.line(conn_id, shown, form))


def _save(conn_id: str, fields: Fields) -> None:
    """Save the connection, and say so if Airflow will not use it."""
    encrypted = connections.save(conn_id, fields)
    say(f"Saved as connection {conn_id!r} in Airflow's metadata database.")
    if not encrypted:
        say("It is stored unencrypted: Airflow has no Fernet key (AIRFLOW__CORE__FERNET_KEY). Set one, and save again.")
    if not connections.is_what_airflow_uses(conn_id, fields.refresh_token):
        say(
            f"But Airflow uses another connection {conn_id!r}: {connections.variable(conn_id)} or a secrets backend "
            "comes before the database. Remove it there, or store this one there: --print json."
        )
