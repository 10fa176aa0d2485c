"""Where a redirect URI comes from, and what one must be: the same for the command and for the page."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.client.hosts import plain_url
from airflow_provider_pipedrive.errors import PipedriveParameterError


def stated_redirect_uri(connections_own: Any, given: str | None = None) -> str | None:
    """The callback URL that somebody has stated: the command line's, else the connection's, else the configuration's.

    Where nobody has, the command and the page have defaults of their own.

    :param given: with ``--redirect-uri``
    :raises PipedriveParameterError: the first that is stated is no such URL
    """
    from airflow.configuration import conf

    sources = {
        "--redirect-uri": given,
        "The connection's redirect_uri": connections_own,
        "[pipedrive] redirect_uri": conf.get("pipedrive", "redirect_uri", fallback=""),
    }
    return next((checked(str(uri), source) for source, uri in sources.items() if uri), None)


def checked(uri: str, what: str) -> str:
    """The URI, if Pipedrive can send a browser there.

    :param what: it comes from
    :raises PipedriveParameterError: it cannot
    """
    try:
        parts = plain_url(uri)
        is_right = parts.scheme in ("http", "https") and not parts.fragment
    except ValueError:
        is_right = False
    if not is_right:
        raise PipedriveParameterError(
            f"{what} must be a whole URL (https://airflow.example.com/pipedrive/callback), the callback URL that is "
            f"registered with the app: without user, #fragment, spaces, quotes, backslashes and letters that are not "
            "ASCII, and with no port but one from 1 to 65535."
        )
    return uri
