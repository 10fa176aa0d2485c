"""Which hosts a credential may travel to.

https://pipedrive.readme.io/docs/how-to-get-the-company-domain
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from airflow_provider_pipedrive.errors import PipedriveParameterError

SHARED_ORIGIN = "https://api.pipedrive.com"
OAUTH_ORIGIN = "https://oauth.pipedrive.com"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
# ASCII in every sense: by Unicode's rules a dotless i is the small form of I, and the domain is somebody else's.
_PIPEDRIVE_HOST = re.compile(rf"{_LABEL}\.pipedrive\.com", re.IGNORECASE | re.ASCII)
_PLAIN = re.compile(r"[\x21-\x7e]+")
_COMPANY = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_OWN = ".pipedrive.com"
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_API_PATHS = ("", "/", "/v1", "/api", "/api/v1", "/api/v2")


def is_loopback(hostname: str | None) -> bool:
    """Whether the name means this machine."""
    name = (hostname or "").lower()
    if name == "localhost":
        return True
    try:
        return "%" not in name and ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet: none of this machine's, of a private network, of a link, of a
    cloud's metadata service. What is wrapped in an IPv6 address counts as itself.

    https://www.iana.org/assignments/iana-ipv4-special-registry/
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            found = inner
    return found.is_global and not found.is_multicast


def plain_url(text: str) -> SplitResult:
    """A URL taken apart, if there is only one way to read it.

    Python, urllib3 and browsers differ in what they make of tabs, backslashes, signs that are not ASCII (which IDNA and
    NFKC turn into others) and users in front of the host: none of them is let through.

    :raises ValueError: it has one of those, or no host
    """
    parts = urlsplit(text)
    if not _PLAIN.fullmatch(text) or re.search(r"[\\\"'<>^`{|}]", text):
        raise ValueError("it has spaces, quotes, backslashes or signs that are not ASCII")
    if "@" in parts.netloc or "%" in parts.netloc or not parts.hostname:
        raise ValueError("it has no host, a user, or a percent sign in the host")
    if parts.netloc.endswith(":") or parts.port == 0:
        raise ValueError("its port is none")
    return parts


def origin_of(host: str, port: int | None = None) -> str:
    """The origin (``https://acme.pipedrive.com``) that a connection's host means.

    :param host: ``acme``, ``acme.pipedrive.com`` or a full URL
    :param port: the connection's port; only for a server on this machine
    :raises PipedriveParameterError: it is not a host of Pipedrive's, nor one on this machine
    """
    text = host.strip()
    if not _PLAIN.fullmatch(text):
        raise PipedriveParameterError(_advice(host))
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
    if "@" in parts.netloc or parts.query or parts.fragment or parts.path.rstrip("/") not in _API_PATHS:
        raise PipedriveParameterError(_advice(host))
    hostname = (parts.hostname or "").lower()
    if is_loopback(hostname) and parts.scheme in ("http", "https"):
        shown = f"[{hostname}]" if ":" in hostname else hostname
        return f"{parts.scheme}://{shown}" + (f":{port}" if port else "")
    if parts.scheme == "https" and port in (None, 443) and _PIPEDRIVE_HOST.fullmatch(hostname):
        return f"https://{hostname}"
    raise PipedriveParameterError(_advice(host))


def company_of(host: str) -> str:
    """The company's name in its address: ``acme`` of ``acme.pipedrive.com`` or ``https://acme.pipedrive.com``; another
    host's own name.

    :raises PipedriveParameterError: it is none
    """
    parts = urlsplit(host if "://" in host else f"//{host}")
    name = "" if parts.username or parts.path.strip("/") else (parts.hostname or "").removesuffix(_OWN)
    if not host.isascii() or not _COMPANY.fullmatch(name):  # a capital that is not ASCII may have a small form that is
        raise PipedriveParameterError(
            f"The company must be its name as in <company>.pipedrive.com, such as 'acme', not {host!r}."
        )
    return name


def _advice(host: str) -> str:
    shown = re.split(r"[?#]", host.rpartition("@")[2])[0]  # what stands before or behind may be a password or token
    return (
        f"{shown!a} is not a host that a Pipedrive credential may be sent to. Give the company's name (acme), its host "
        "(acme.pipedrive.com) or its URL (https://acme.pipedrive.com), without user, port or path. "
        "Other hosts are accepted on this machine only (http://127.0.0.1:8765)."
    )
