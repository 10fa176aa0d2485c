"""Which Pipedrive company a connection belongs to, as far as that is known without asking.

Three know it: the connection's own host (``acme.pipedrive.com``), what the Pipedrive page noted in the connection when
it last asked, and a Variable that ``webhooks ensure`` writes, since a task can write no connection.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from airflow_provider_pipedrive.client.hosts import OAUTH_ORIGIN, SHARED_ORIGIN, origin_of
from airflow_provider_pipedrive.client.owner import domain_of, number_of, owner_of
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_pipedrive.client import PipedriveClient

STATUS: Final = "oauth_status"
"""Where the Pipedrive page notes the company in a connection's extra."""
_NOBODYS: Final = (SHARED_ORIGIN, OAUTH_ORIGIN, "https://app.pipedrive.com")


@dataclass(frozen=True)
class Company:
    """A company as deliveries name it.

    :ivar id: its number; 0: not known
    :ivar hosts: its addresses, in lower case; a server on this machine (the sandbox) is its own
    """

    id: int = 0
    hosts: frozenset[str] = frozenset()

    @property
    def is_known(self) -> bool:
        """Whether a delivery can be told to be this company's."""
        return bool(self.hosts)


def known_company(connection: Connection, extra: Mapping[str, Any], learned: str | None = None) -> Company:
    """What is known of a connection's company.

    :param learned: what the Variable :func:`variable_name` holds
    """
    status = extra.get(STATUS)
    noted = _read(status, "company_id", "domain", "checked") if isinstance(status, Mapping) else _NOTHING
    kept = _read(_json(learned), "id", "domain", "learned")
    company_id, domain, _ = max((noted, kept), key=lambda one: (bool(one[1]), one[2]))
    hosts = {_own_host(connection), f"{domain}.pipedrive.com" if domain else ""}
    return Company(company_id or noted[0], frozenset(host for host in hosts if host))


def learn_company(client: PipedriveClient, connection: Connection, variables: Any, time: str) -> None:
    """Ask Pipedrive whose a connection is, for 2 API tokens, and keep it in a Variable, for the webhooks' receiver.

    Nothing is asked where it is known already.

    :param variables: Airflow's class ``Variable``, the task's or the database's
    """
    extra = connection.extra_dejson
    if known_company(connection, extra).is_known:
        return
    name = variable_name(connection, extra)
    if known_company(connection, extra, variables.get(name, None)).is_known:
        return
    owner = owner_of(client.run("getCurrentUser"))
    variables.set(name, json.dumps({"id": owner.company_id, "domain": owner.domain, "learned": time}))


def variable_name(connection: Connection, extra: Mapping[str, Any]) -> str:
    """The Variable's name. It goes with the credential: another account's company is another Variable."""
    credential = next((extra[name] for name in ("api_token", "refresh_token", "access_token") if extra.get(name)), "")
    digest = hashlib.sha256(f"{connection.conn_id} {connection.login} {credential}".encode()).hexdigest()
    return f"pipedrive_company_{digest[:16]}"


def host_of(given: Any) -> str:
    """The host that a delivery says it comes from, in lower case.

    :raises PipedriveParameterError: it is neither a host of Pipedrive's nor one on this machine
    """
    if not isinstance(given, str) or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]{1,255}", given):
        raise PipedriveParameterError("The delivery's host is not one of Pipedrive's.")
    return urlsplit(origin_of(given)).hostname or ""


_NOTHING: Final = (0, "", "")


def _own_host(connection: Connection) -> str:
    try:
        origin = origin_of(unquote(connection.host), connection.port) if connection.host else SHARED_ORIGIN
    except PipedriveParameterError:  # whoever uses the connection is told
        return ""
    return "" if origin in _NOBODYS else urlsplit(origin).hostname or ""


def _read(data: Any, number: str, domain: str, time: str) -> tuple[int, str, str]:
    """People can edit both, so nothing is taken for granted."""
    if not isinstance(data, Mapping):
        return _NOTHING
    when = data.get(time)
    return number_of(data.get(number)), domain_of(data.get(domain)), when if isinstance(when, str) else ""


def _json(text: str | None) -> Any:
    try:
        return json.loads(text or "")
    except ValueError:
        return None
