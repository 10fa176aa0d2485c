"""Whose account a credential opens: the one reading of what Pipedrive and an origin tell of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from airflow_provider_pipedrive.client.hosts import SHARED_ORIGIN, company_of
from airflow_provider_pipedrive.errors import PipedriveResponseError

_DOMAIN: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True)
class Owner:
    """The user of a credential.

    :ivar user_id: the user's id
    :ivar company_id: the id of the company
    :ivar domain: the company's name in its address, ``acme`` of ``acme.pipedrive.com``; empty where it has none
    """

    user_id: int
    company_id: int
    domain: str


def owner_of(me: Any) -> Owner:
    """The owner that the answer of ``getCurrentUser`` tells of.

    :raises PipedriveResponseError: it tells of no user of a company: what is kept for one company could meet another's
    """
    told = me if isinstance(me, Mapping) else {}
    user_id, company_id = number_of(told.get("id")), number_of(told.get("company_id"))
    if not user_id or not company_id:
        raise PipedriveResponseError("getCurrentUser: no user of a company came.", action="getCurrentUser")
    return Owner(user_id, company_id, domain_of(told.get("company_domain")))


def company_at(origin: str) -> str | None:
    """The company's name in an origin; ``None`` where all companies share it.

    :raises PipedriveParameterError: it is an address that no company has, such as ``http://[::1]``
    """
    return None if origin in ("", SHARED_ORIGIN) else company_of(origin)


def domain_of(given: Any) -> str:
    """A company's name in its address, as Pipedrive tells it; empty where it is none."""
    text = given.strip().lower() if isinstance(given, str) else ""
    return text if _DOMAIN.fullmatch(text) else ""


def number_of(given: Any) -> int:
    """A number as Pipedrive's deliveries and answers write it; 0 where it is none."""
    if isinstance(given, str) and re.fullmatch(r"[0-9]{1,18}", given):
        return int(given)
    return given if isinstance(given, int) and not isinstance(given, bool) else 0
