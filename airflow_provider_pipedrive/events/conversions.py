"""Leads that become deals, and deals that become leads: begun once, and found again after an interruption.

Pipedrive converts in the background: it answers the id of a job, whose state can be asked for some days. Then the old
record is gone, and the new one names it as its source. A conversion is never begun a second time blindly.
https://developers.pipedrive.com/changelog/post/new-endpoints-to-convert-deals-to-leads-and-leads-to-deals
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.retries import may_have_happened
from airflow_provider_pipedrive.errors import (
    PipedriveError,
    PipedriveGoneError,
    PipedriveNotFoundError,
    PipedriveValidationError,
)

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
Source = Literal["lead", "deal"]
_CONFLICT: Final = 409
_SEARCHED: Final = 20_000
"""The newest records among which the new one is looked for: 40 pages."""


@dataclass(frozen=True)
class _ConversionKind:
    """How records of one kind are converted, and found afterwards.

    :ivar new: what they become
    :ivar get: the action that reads one of them
    :ivar lists: the action that lists what they become
    :ivar newest: its parameters, for the newest first
    :ivar named_by: the field in which the new record names the old one
    """

    start: str
    status: str
    get: str
    new: Source
    lists: str
    newest: Mapping[str, Any]
    named_by: str


_NEWEST_DEALS: Final = {
    "sort_by": "add_time",
    "sort_direction": "desc",
    "limit": 500,
    "include_fields": ["source_lead_id"],
}
KINDS: Final[Mapping[Source, _ConversionKind]] = {
    "lead": _ConversionKind(
        "convertLeadToDeal", "getLeadConversionStatus", "getLead", "deal",
        "getDeals", _NEWEST_DEALS, "source_lead_id",
    ),
    "deal": _ConversionKind(
        "convertDealToLead", "getDealConversionStatus", "getDeal", "lead",
        "getLeads", {"sort": "add_time DESC", "limit": 500}, "source_deal_id",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Conversion:
    """A conversion, as plain data.

    :ivar source: what is converted
    :ivar key: its id
    :ivar job: the id that Pipedrive gave the conversion; None where its answer was lost
    """

    source: Source
    key: str
    job: str | None = None


def is_living(client: PipedriveClient, conversion: Conversion) -> bool:
    """Whether the record is still there to be converted. What a deleted lead answers is not documented."""
    try:
        record = client.run(KINDS[conversion.source].get, {"id": conversion.key})
    except PipedriveNotFoundError:
        return False
    return not record.get("is_deleted")


def begin(client: PipedriveClient, conversion: Conversion, parameters: Mapping[str, Any]) -> Conversion:
    """Begin it, and return it with its job's id; without, where Pipedrive may have begun it and has not answered so.

    :param parameters: ``stage_id`` or ``pipeline_id`` of the new deal
    :raises PipedriveError: it was not begun
    """
    try:
        answer = client.run(KINDS[conversion.source].start, {"id": conversion.key, **parameters})
    except PipedriveError as error:
        if error.status == _CONFLICT:
            log.warning("Pipedrive says that a conversion is under way already: %s", error)
        elif may_have_happened(error):
            log.warning("It is not known whether the conversion was begun: %s", error)
        else:
            raise
        return conversion
    return Conversion(conversion.source, conversion.key, answer["conversion_id"])


def outcome(client: PipedriveClient, conversion: Conversion) -> Any:
    """The new record's id; None while the conversion is under way.

    :raises PipedriveValidationError: it has failed, or Pipedrive has rejected it
    :raises PipedriveGoneError: the old record is gone, and no new one names it
    """
    if conversion.job is None:
        return None if is_living(client, conversion) else find(client, conversion)
    kind = KINDS[conversion.source]
    try:
        job = client.run(kind.status, {"id": conversion.key, "conversion_id": conversion.job})
    except PipedriveNotFoundError:  # Pipedrive keeps a job for some days
        return find(client, conversion)
    if job["status"] in ("failed", "rejected"):
        raise PipedriveValidationError(
            f"Pipedrive reports the conversion of {conversion.source} {conversion.key} as {job['status']}: look at the "
            "record, and clear the task to try again.",
            action=kind.start,
        )
    return job[f"{kind.new}_id"] if job["status"] == "completed" else None


def find(client: PipedriveClient, conversion: Conversion) -> Any:
    """The id of what a record has become, by the name of its source: among the newest, page by page.

    :raises PipedriveGoneError: none of them names it
    """
    kind = KINDS[conversion.source]
    before = client.usage.tokens
    newest = islice(client.iterate(kind.lists, kind.newest), _SEARCHED)
    found = next((record["id"] for record in newest if str(record.get(kind.named_by)) == conversion.key), None)
    log.info(
        "Looked for the %s that %s %s has become: %s, %s.",
        kind.new, conversion.source, conversion.key, found or "none",
        counted(client.usage.tokens - before, "API token"),
    )  # fmt: skip
    if found is None:
        raise PipedriveGoneError(
            f"There is no {conversion.source} {conversion.key}, and none of the newest {_SEARCHED:,} {kind.new}s has "
            f"it as its source ({kind.named_by}): it was deleted, or converted long ago.",
            action=kind.start,
        )
    return found
