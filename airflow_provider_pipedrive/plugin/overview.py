"""The page of all connections, and what its buttons do at once: create, test, approve."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.responses import Response

from airflow_provider_pipedrive.accounts import approvals, authorization, store
from airflow_provider_pipedrive.accounts.approved_routes import CredentialRoute
from airflow_provider_pipedrive.catalog.advice import own_command
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.plugin import access, addresses
from airflow_provider_pipedrive.plugin.spending_chart import SpendingChart, charts
from airflow_provider_pipedrive.plugin.stored_connections import changeable, shown
from airflow_provider_pipedrive.plugin.web import PageRequest, log, logged, require, stop


def overview(page: PageRequest) -> Response:
    """All connections with their states, and what was spent by them."""
    uri, unknown = _default_redirect_uri(page)
    stored_ones = [
        stored for stored in store.all_connections() if access.may_edit(page.user, stored.conn_id, team=stored.team)
    ]
    connections = [shown(page, stored) for stored in stored_ones]
    spending, spending_unknown = _spending({each["conn_id"]: each["company"] for each in connections})
    return page.render(
        "overview.html",
        connections=connections,
        spending=spending,
        spending_unknown=spending_unknown,
        redirect_uri=uri,
        redirect_uri_unknown=unknown,
        may_create=access.may_edit(page.user, method="POST"),
        backend=store.backend_name(),
        encrypted=store.is_encrypted(),
        command=own_command,
        testing=access.testing(),
    )


def create(page: PageRequest) -> Response:
    """Store a new connection."""
    conn_id = page.form.get("conn_id", "")
    require(access.may_edit(page.user, conn_id, "POST"))
    try:
        store.create(
            conn_id,
            page.form.get("client_id", ""),
            page.form.get("client_secret", ""),
            page.form.get("redirect_uri", ""),
        )
    except PipedriveParameterError as error:
        return page.redirect("page", f"Not created. {error}")
    return page.redirect(
        "page", f"Created {conn_id!r}. Register the redirect URI with the app, then press Connect.", good=True
    )


def test(page: PageRequest) -> Response:
    """Ask Pipedrive whose a connection is, where Airflow's configuration lets connections be tested."""
    conn_id, team = page.form.get("conn_id", ""), page.form.get("team", "")
    require(access.may_edit(page.user, conn_id, team=team))
    if access.testing() != "enabled":
        stop(
            403,
            "Connections are not tested here",
            "Airflow's setting [core] test_connection decides that, and is not Enabled. Ask an Airflow administrator, "
            f"or use `{own_command('check')}` in the shell.",
        )
    try:
        account = authorization.test(store.find(conn_id, team))
    except PipedriveError as error:
        return page.redirect("page", f"{conn_id}: {error}")
    return page.redirect("page", f"{conn_id} works: connected as {account}.", good=True)


def ask_approval(page: PageRequest) -> Response:
    """Show which route a connection leads, and ask for the secrets that would take it."""
    conn_id = page.query.get("conn_id", "")
    require(access.may_edit(page.user, conn_id))
    stored = store.find(conn_id)
    missing = approvals.missing(stored)
    if not missing:
        return page.redirect("page", f"{conn_id} needs no approval.", good=True)
    route = CredentialRoute.of(stored.connection, stored.extra)
    return page.render("approve.html", it=shown(page, stored), missing=missing, route=route)


def approve(page: PageRequest) -> Response:
    """Let a connection's secrets take its route, for someone who knows them."""
    stored = changeable(page)
    try:
        approvals.approve(stored, page.form)
    except PipedriveParameterError as error:
        return page.redirect("page", f"{stored.conn_id}: {error}")
    log.info("User %s approved the route of connection %s", page.user_id, stored.conn_id)
    return page.redirect("page", f"{stored.conn_id} may be used from this page as it is now.", good=True)


def _spending(companies: Mapping[str, str]) -> tuple[list[SpendingChart], str]:
    """What connections have spent, or why that cannot be shown: it keeps nobody from the connections."""
    try:
        return charts(companies), ""
    except Exception as error:  # noqa: BLE001 - logged: whatever is stored there, people have written to it too
        return [], logged(error)


def _default_redirect_uri(page: PageRequest) -> tuple[str, str]:
    """The redirect URI for connections without one of their own, or why there is none."""
    try:
        return addresses.redirect_uri(page.request, {}), ""
    except PipedriveParameterError as error:
        return "", str(error)
