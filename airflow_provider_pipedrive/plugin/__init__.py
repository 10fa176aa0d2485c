"""Pages and routes inside Airflow's web server: connect an account in the browser.

Needs Airflow 3.1 or later: Airflow 3.0 has no pages of plugins and does not sign their visitors in, Airflow 2.11 has
another web server. There the plugin loads and adds nothing.

Every process of Airflow loads this module: the web app behind it is imported at its first request.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from airflow.plugins_manager import AirflowPlugin
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.plugin import task_end
from airflow_provider_pipedrive.plugin.paths import PAGES, PREFIX

Message = MutableMapping[str, Any]

HIDDEN: Final = "***"


class WebApp:
    """The web app as Airflow mounts it.

    Airflow's access log is written from the scope after the answer, whatever was asked for and by which method. A
    callback's query holds a code, and the path of a webhook half of its secret: so the app reads a copy, and the log
    finds nothing but the path of a page.
    """

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """One request."""
        asked = dict(scope)
        _hide(scope)
        if self._app is None:
            from airflow_provider_pipedrive.plugin.app import make_app

            self._app = make_app()
        await self._app(asked, receive, send)


def _hide(scope: Message) -> None:
    """Leave nothing of an address in a scope but what may be logged: an unknown path may be a mistyped webhook's."""
    root = str(scope.get("root_path") or "")
    path = str(scope.get("path") or "").removeprefix(root)
    if path not in PAGES:
        path = f"/webhook/{HIDDEN}" if path.startswith("/webhook/") else f"/{HIDDEN}"
    scope["path"] = f"{root}{path}"
    scope["raw_path"] = scope["path"].encode()
    scope["query_string"] = b""


class PipedrivePlugin(AirflowPlugin):
    """What Airflow finds by the entry point ``airflow.plugins``."""

    name = "pipedrive"
    listeners: list[Any] = [task_end]  # noqa: RUF012 - so Airflow declares it

    @classmethod
    def on_load(cls, *args: Any, **kwargs: Any) -> None:
        """In the web server, look at each connection that is stored from its first moment on."""
        if AIRFLOW_V_3_1_PLUS and "airflow.api_fastapi.app" in sys.modules:
            from airflow_provider_pipedrive.accounts.approvals import watch_connections

            watch_connections()

    fastapi_apps: list[Any] = (
        [{"app": WebApp(), "url_prefix": PREFIX, "name": "Pipedrive"}] if AIRFLOW_V_3_1_PLUS else []
    )
    external_views: list[Any] = (
        [
            {
                "name": "Pipedrive",
                # Relative: only so does it follow the path prefix of [api] base_url.
                "href": f"{PREFIX.removeprefix('/')}/page",
                "url_route": "pipedrive",
                "destination": "nav",
            }
        ]
        if AIRFLOW_V_3_1_PLUS
        else []
    )
