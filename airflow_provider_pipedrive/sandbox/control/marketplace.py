"""What reaches an app from Pipedrive's Marketplace.

"Install now" is the consent page without a state, so its callback has none: open
``/oauth/authorize?client_id=...&redirect_uri=...``. Uninstalling is here.

https://pipedrive.readme.io/docs/app-uninstallation
"""

from __future__ import annotations

import base64
import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec

from airflow_provider_pipedrive.sandbox.control.deliveries import is_loopback
from airflow_provider_pipedrive.sandbox.control.world import World

TIMEOUT = 5.0


def uninstall(world: World, redirect_uri: str | None = None) -> int | None:
    """A user uninstalls the app: its authorizations end, and its callback URL is told so.

    Pipedrive does not send this to localhost; the sandbox sends it nowhere else.

    :param redirect_uri: the callback URL; without it, the registered one of the settings
    :returns: the status with which the app answered; ``None`` where no answer came
    :raises ValueError: there is no callback URL on this machine to tell
    """
    settings = world.settings
    url = urlsplit(redirect_uri or settings.redirect_uri or "")
    if url.scheme != "http" or not is_loopback(url.geturl()):
        raise ValueError("redirect_uri must be the app's callback URL, http and on this machine.")
    world.oauth.revoke_all()
    told: dict[str, Any] = {
        "client_id": settings.client_id,
        "company_id": world.state.company_id,
        "user_id": world.owner_id,
        "timestamp": world.clock.stamp(),
    }
    pair = base64.b64encode(f"{settings.client_id}:{settings.client_secret}".encode()).decode()
    headers = {"authorization": f"Basic {pair}", "content-type": "application/json"}
    connection = http.client.HTTPConnection(url.hostname or "", url.port, timeout=TIMEOUT)
    try:
        connection.request("DELETE", url.path or "/", msgspec.json.encode(told), headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
