"""Keeps web pages out: a browser on the machine sends what any page tells it to, to loopback too.

A page that points its own name at 127.0.0.1 is known by ``Host``, one that sends from afar by ``Origin`` or
``Sec-Fetch-Site``, which browsers set and pages cannot. Programs send none of the last two.

https://fetch.spec.whatwg.org/#origin-header
https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection

from airflow_provider_pipedrive.sandbox.server import refusals

_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?P<port>:[0-9]+)?", re.ASCII)
_CONSENT_PAGE = "/oauth/authorize"


def keep_out(method: str, path: str, headers: list[tuple[str, str]], allowed_hosts: Collection[str]) -> None:
    """Refuse what a web page sends.

    :param headers: with lower-case names
    :param allowed_hosts: names that the sandbox answers to besides its own
    :raises Refusal: 403
    """
    hosts = _values(headers, "host")
    host = hosts[0].lower() if len(hosts) == 1 else ""
    if not _is_ours(host, allowed_hosts):
        raise refusals.refuse(
            403,
            f"The sandbox does not answer to the Host {', '.join(hosts)!r}.",
            "It answers to loopback addresses, to names below pipedrive.com, and to those of the setting allowed_hosts "
            "(--allowed-hosts).",
        )
    origins = _values(headers, "origin")
    if any(origin.lower() not in (f"http://{host}", f"https://{host}") for origin in origins):
        raise refusals.refuse(403, f"The sandbox takes nothing from web pages (Origin {', '.join(origins)!r}).", "")
    sites = _values(headers, "sec-fetch-site")
    if any(site in ("cross-site", "same-site") for site in sites) and not _goes_to_consent(method, path, headers):
        raise refusals.refuse(403, f"The sandbox takes nothing from web pages (Sec-Fetch-Site {sites[0]}).", "")


def _values(headers: list[tuple[str, str]], name: str) -> list[str]:
    return [value.strip() for given, value in headers if given == name]


def _is_ours(host: str, allowed: Collection[str]) -> bool:
    """Whether no page can have this host: a name of its own that it points at this machine.

    The port may be that of a proxy in front of the sandbox, and the name Pipedrive's own, for clients in which it is
    fixed and whose requests are led here.
    """
    found = _HOST.fullmatch(host)
    if not found:
        return False
    name = found["name"]
    if name in ("localhost", "pipedrive.com") or name.endswith((".localhost", ".pipedrive.com")):
        return True
    if host in allowed or name in allowed:
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


def _goes_to_consent(method: str, path: str, headers: list[tuple[str, str]]) -> bool:
    """Whether a person is led to the consent page, which another site's page is meant to do, and not in a frame."""
    how = (_values(headers, "sec-fetch-mode"), _values(headers, "sec-fetch-dest"))
    return method == "GET" and path == _CONSENT_PAGE and how == (["navigate"], ["document"])
