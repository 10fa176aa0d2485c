"""Which addresses are ours: the redirect URI, and the pages that may post to us.

The ``Host`` of a request is whatever its sender says. It decides nothing here, unless it means this machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from airflow.configuration import conf
from starlette.requests import Request

from airflow_provider_pipedrive.accounts.redirect_uri import checked, stated_redirect_uri
from airflow_provider_pipedrive.client.hosts import is_loopback
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.plugin.paths import PREFIX


def root(request: Request) -> str:
    """Path of our pages as the browser sees it, such as ``/pipedrive`` or ``/team/airflow/pipedrive``."""
    return str(request.scope.get("root_path") or "")


def airflow_path(request: Request, page: str) -> str:
    """Path of one of Airflow's own pages."""
    return f"{root(request).removesuffix(PREFIX)}/{page}"


def page_url(request: Request) -> str:
    """The whole address of the page, for people to copy."""
    base_url = conf.get("api", "base_url", fallback="")
    if base_url:
        return f"{base_url.rstrip('/')}{PREFIX}/page"
    return f"{request.url.scheme}://{request.url.netloc}{root(request)}/page"


def redirect_uri(request: Request, extra: Mapping[str, Any]) -> str:
    """The callback URL to register with the app: the one that is stated, else the one below Airflow's
    ``[api] base_url``, else, on this machine only, the one that the browser came by.

    :raises PipedriveParameterError: none of them is there, or the one there is no such URL
    """
    stated = stated_redirect_uri(extra.get("redirect_uri"))
    if stated:
        return stated
    base_url = conf.get("api", "base_url", fallback="")
    if base_url:
        return checked(f"{base_url.rstrip('/')}{PREFIX}/callback", "[api] base_url")
    here = urlsplit(str(request.url))
    if is_loopback(here.hostname):
        return f"{here.scheme}://{here.netloc}{root(request)}/callback"
    raise PipedriveParameterError(
        "Airflow does not know its own address. Set [api] base_url (AIRFLOW__API__BASE_URL) to the address that "
        "browsers reach, or the whole redirect URI as AIRFLOW__PIPEDRIVE__REDIRECT_URI or in the connection's extra "
        "field redirect_uri."
    )


def origin_of_url(url: str) -> str:
    """Scheme, host and port of a URL, as browsers write them in ``Origin``."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}".lower()


def hint(request: Request) -> str:
    """Where Airflow should be opened instead, if the browser came by another address than the configured one."""
    base_url = conf.get("api", "base_url", fallback="")
    came_by = request.headers.get("origin", "").lower()
    if not base_url or came_by in ("", "null", origin_of_url(base_url)):
        return ""
    return f" You opened Airflow at {came_by}, but its address is {base_url}: open it there."


def posted_by_us(request: Request) -> bool:
    """Whether a page of this very server sent the form. Browsers don't let pages choose these headers."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    # Sent over https and to this machine only; over plain http the origin must do.
    origin = request.headers.get("origin")
    if not origin or origin == "null":
        return False
    base_url = conf.get("api", "base_url", fallback="")
    ours = {urlsplit(base_url).netloc.lower()} if base_url else set()
    return urlsplit(origin).netloc.lower() in ours | {request.headers.get("host", "").lower()}
