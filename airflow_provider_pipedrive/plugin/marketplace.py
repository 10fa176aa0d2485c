"""Installations that began in Pipedrive's Marketplace: a code comes that nobody here has asked for.

It is sealed into a cookie for its 5 minutes. ``finish`` exchanges it for the connection that someone who may edit it
has chosen. The tokens wait in another sealed cookie until ``confirm`` has said whose they are, and are stored then.

https://pipedrive.readme.io/docs/app-installation-flows
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import asdict
from typing import Any

from starlette.responses import Response

from airflow_provider_pipedrive.accounts import authorization, store
from airflow_provider_pipedrive.accounts.oauth import CODE_LIFE, Grant
from airflow_provider_pipedrive.accounts.status import AuthorizationStatus
from airflow_provider_pipedrive.accounts.store import StoredConnection
from airflow_provider_pipedrive.client.auth import is_over
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveParameterError
from airflow_provider_pipedrive.plugin import access, addresses
from airflow_provider_pipedrive.plugin.sealed_cookies import seal, unseal
from airflow_provider_pipedrive.plugin.stored_connections import FREE, changeable, connected_response, shown
from airflow_provider_pipedrive.plugin.web import PageRequest, require, stop

CONFIRM_SECONDS = 600
"""How long tokens wait for someone to confirm whose they are."""
_HELD = "pipedrive_code"
_GRANTED = "pipedrive_grant"


def hold(page: PageRequest, code: str) -> Response:
    """Keep a code in the browser that it came with, and lead on to the choice of a connection."""
    page.set_cookie(_HELD, seal("code", {"code": code, "attempt": secrets.token_hex(16)}), CODE_LIFE)
    return page.redirect("finish")


def ask_connection(page: PageRequest) -> Response:
    """Ask which connection a code from the Marketplace is for."""
    held = _held(page)
    return page.render(
        "finish.html",
        connections=[shown(page, stored) for stored in _candidates(page)],
        minutes=CODE_LIFE // 60,
        may_create=access.may_edit(page.user, method="POST"),
        attempt=held["attempt"],
    )


def finish(page: PageRequest) -> Response:
    """Exchange a code from the Marketplace, for the connection that was chosen. Nothing is stored yet."""
    held = _held(page)
    _must_be_about(page, held["attempt"])
    if not page.form.get("conn_id"):
        if not page.form.get("new_conn_id"):
            return page.redirect("finish", "Choose a connection.")
        page.form["conn_id"] = page.form["new_conn_id"]
        require(access.may_edit(page.user, page.form["conn_id"], "POST"))
        try:
            store.create(page.form["conn_id"], page.form.get("client_id", ""), page.form.get("client_secret", ""))
        except PipedriveParameterError as error:
            return page.redirect("finish", f"Not created. {error}")
    stored = changeable(page)
    try:
        uri = addresses.redirect_uri(page.request, stored.extra)
        grant = authorization.granted(stored, held["code"], uri, held["attempt"])
    except PipedriveAuthError as error:
        # Where the app was refused, not the code, another connection may be the right one.
        over = is_over(error)
        if over:
            page.drop(_HELD)
        return page.redirect("page" if over else "finish", f"{stored.conn_id} is not connected. {error}")
    page.drop(_HELD)
    granted = asdict(grant) | {"conn_id": stored.conn_id, "attempt": held["attempt"], "user": page.user_id}
    page.set_cookie(_GRANTED, seal("grant", granted), CONFIRM_SECONDS)
    return page.redirect("confirm")


def confirm(page: PageRequest) -> Response:
    """Say whose account it is, and what it would replace, before anything is stored."""
    granted, stored, grant = _granted(page)
    account = authorization.owner(stored, grant)
    about = {"attempt": granted["attempt"], "account": asdict(account)}
    return page.render("confirm.html", it=shown(page, stored), account=account, about=about)


def confirmed(page: PageRequest) -> Response:
    """Store what the Marketplace's code was good for, now that its account was shown and accepted."""
    granted, stored, grant = _granted(page)
    account = _must_be_about(page, granted["attempt"])["account"]
    if shown(page, stored)["state"] not in FREE and page.form.get("replace") != "yes":
        return page.redirect("confirm", f"{stored.conn_id} is in use: tick the box to replace its account.")
    before = AuthorizationStatus.of(stored.extra)
    authorization.store_grant(stored, grant, authorization.Account(**account))
    page.drop(_GRANTED)
    return connected_response(page, stored.conn_id, before)


def _must_be_about(page: PageRequest, attempt: str) -> dict[str, Any]:
    """What a form was shown for, if that is the installation that waits in this browser now.

    Stops where another one has come meanwhile.
    """
    about = page.form_about
    if not hmac.compare_digest(str(about.get("attempt")).encode(), attempt.encode()):
        stop(
            409,
            "Another installation has come meanwhile",
            "This form was shown for another installation than the one that waits in this browser now. Nothing was "
            "changed. If you yourself have just installed the app, open the page again: " + f"{page.root}/finish",
        )
    return about


def _granted(page: PageRequest) -> tuple[dict[str, Any], StoredConnection, Grant]:
    """The tokens that wait in this browser for a confirmation, and the connection they are for.

    Stops where none do, or no longer.
    """
    granted = unseal("grant", page.request.cookies.get(_GRANTED), CONFIRM_SECONDS)
    if granted is None or granted["user"] != page.user_id:
        page.drop(_GRANTED)
        stop(410, "The installation has to begin again", "Nothing waits in this browser to be confirmed.")
    page.form["conn_id"] = granted["conn_id"]
    stored = changeable(page)
    parts = {name: granted[name] for name in ("access_token", "refresh_token", "expires_in", "api_domain")}
    return granted, stored, Grant(**parts, scopes=tuple(granted["scopes"]))


def _candidates(page: PageRequest) -> list[StoredConnection]:
    return [
        stored
        for stored in store.all_connections()
        if stored.source == "database"
        and not stored.unreadable
        and stored.connection.login
        and access.may_edit(page.user, stored.conn_id, team=stored.team)
    ]


def _held(page: PageRequest) -> dict[str, Any]:
    """The code that waits in this browser.

    Stops where none does, or no longer.
    """
    held = unseal("code", page.request.cookies.get(_HELD), CODE_LIFE)
    if held is None:
        page.drop(_HELD)
        stop(
            410,
            "The installation has to begin again",
            f"A code of Pipedrive's is good for {CODE_LIFE // 60} minutes, and there is none in this browser now. "
            "Press Install in Pipedrive's Marketplace again, or Connect on the Pipedrive page of Airflow.",
        )
    return held
