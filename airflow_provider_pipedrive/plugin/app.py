"""The routes: which function answers which path, and for whom."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route

from airflow_provider_pipedrive.accounts.approvals import watch_connections
from airflow_provider_pipedrive.plugin import connecting, disconnecting, marketplace, overview, webhooks
from airflow_provider_pipedrive.plugin.web import open_to_all, requires_edit


def make_app() -> Starlette:
    """The web app that Airflow mounts."""
    watch_connections()  # where the plugin was loaded before Airflow's web app
    routes = [
        Route("/page", requires_edit(overview.overview), methods=["GET"]),
        Route("/create", requires_edit(overview.create), methods=["POST"]),
        Route("/connect", requires_edit(connecting.connect), methods=["POST"]),
        Route("/test", requires_edit(overview.test), methods=["POST"]),
        Route("/approve", requires_edit(overview.ask_approval), methods=["GET"]),
        Route("/approve", requires_edit(overview.approve), methods=["POST"]),
        Route("/disconnect", requires_edit(disconnecting.ask_disconnect), methods=["GET"]),
        Route("/disconnect", requires_edit(disconnecting.disconnect), methods=["POST"]),
        Route("/connected", requires_edit(connecting.connected), methods=["GET"]),
        Route("/finish", requires_edit(marketplace.ask_connection), methods=["GET"]),
        Route("/finish", requires_edit(marketplace.finish), methods=["POST"]),
        Route("/confirm", requires_edit(marketplace.confirm), methods=["GET"]),
        Route("/confirm", requires_edit(marketplace.confirmed), methods=["POST"]),
        Route("/callback", open_to_all(connecting.callback), methods=["GET"]),
        Route("/callback", disconnecting.uninstalled, methods=["DELETE"]),
        Route("/webhook/{secret:path}", webhooks.receive, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
    ]
    for route in routes:
        assert route.methods is not None
        route.methods.discard("HEAD")  # Starlette adds it to GET; a look at the callback must not use up its code
    app = Starlette(routes=routes)
    # Starlette would lead `/page/` on to `/page` below whatever Host the request names, its query with it.
    app.router.redirect_slashes = False
    return app
