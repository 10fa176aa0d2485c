"""Which hosts a credential may travel to.

https://pipedrive.readme.io/docs/how-to-get-the-company-domain
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from airflow_provider_pipedrive.errors import PipedriveParameterError

SHARED_ORIGIN = "https://api.pipedrive.com"
OAUTH_ORIGIN = "https://oauth.pipedrive.com"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_PIPEDRIVE_HOST = re.compile(rf"{_LABEL}\.pipedrive\.com", re.IGNORECASE)
_API_PATHS = ("", "/", "/v1", "/api", "/api/v1", "/api/v2")


def is_loopback(hostname: str | None) -> bool:
    """Whether the name means this machine."""
    name = (hostname or "").lower()
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def origin_of(host: str, port: int | None = None) -> str:
    """The origin (``https://acme.pipedrive.com``) that a connection's host means.

    :param host: ``acme``, ``acme.pipedrive.com`` or a full URL
    :param port: the connection's port; only for a server on this machine
    :raises PipedriveParameterError: it is not a host of Pipedrive's, nor one on this machine
    """
    text = host.strip()
    if re.fullmatch(_LABEL, text) and not is_loopback(text):
        text = f"{text}.pipedrive.com"
    try:
        if "://" not in text:
            scheme = "http" if is_loopback(urlsplit(f"//{text}").hostname) else "https"
            text = f"{scheme}://{text}"
        parts = urlsplit(text)
        port = parts.port or port or None
    except ValueError:
        raise PipedriveParameterError(_advice(host)) from None
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.rstrip("/") not in _API_PATHS:
        raise PipedriveParameterError(_advice(host))
    hostname = (parts.hostname or "").lower()
    if is_loopback(hostname) and parts.scheme in ("http", "https"):
        shown = f"[{hostname}]" if ":" in hostname else hostname
        return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    if parts.scheme == "https" and port in (None, 443) and _PIPEDRIVE_HOST.fullmatch(hostname):
        return f"https://{hostname}"
    raise PipedriveParameterError(_advice(host))


def _advice(host: str) -> str:
    shown = re.split(r"[?#]", host.rpartition("@")[2])[0]  # what stands before or behind may be a password or token
    return (
        f"{shown!r} is no host to send a Pipedrive credential to. Give the company's name (acme), its host "
        "(acme.pipedrive.com) or its URL (https://acme.pipedrive.com), without user, port or path. "
        "Other hosts are only taken on this machine (http://127.0.0.1:8765)."
    )
