"""All that Pipedrive has of a person who is known by an e-mail address."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.lists import sure_records
from airflow_provider_pipedrive.client.paging import sorted_by_id
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

Record = Mapping[str, Any]
KINDS = ("notes", "files", "mail", "activities", "leads", "deals", "persons")
"""What is looked for, in the order in which it is erased: persons last, since all else is found by them."""
_OF_PERSON = {
    "deals": ("getDeals", "getArchivedDeals"),
    "leads": ("getLeads", "getArchivedLeads"),
    "activities": ("getActivities",),
    "notes": ("getNotes",),
}
_BELOW: Mapping[str, tuple[tuple[str, str, str], ...]] = {
    "persons": (("files", "getPersonFiles", "id"), ("mail", "getPersonMailMessages", "id")),
    "deals": (
        ("notes", "getNotes", "deal_id"),
        ("activities", "getActivities", "deal_id"),
        ("files", "getDealFiles", "id"),
        ("mail", "getDealMailMessages", "id"),
    ),
    "leads": (("notes", "getNotes", "lead_id"), ("activities", "getActivities", "lead_id")),
}
"""What hangs on a record: its kind, the action that lists it, and the parameter that takes the record's id."""


@dataclass
class Subject:
    """What was found of a person, each record once.

    :ivar records: by kind, by id
    """

    email: str
    records: dict[str, dict[Any, Record]] = field(default_factory=lambda: {kind: {} for kind in KINDS})

    @property
    def count(self) -> int:
        """How many records there are."""
        return sum(map(len, self.records.values()))

    def add(self, kind: str, found: Iterable[Record]) -> None:
        """Take note of records."""
        self.records[kind].update((record["id"], record) for record in found)


def find(client: PipedriveClient, email: str) -> Subject:
    """Everything of the persons with an e-mail address, as far as the connection's user may see it.

    Mail is listed by message. A message that is nobody's but the mailbox's owner's is not visible to others.

    :raises PipedriveParameterError: it is not an e-mail address
    """
    address = email.strip().casefold()
    if "@" not in address.strip("@"):
        raise PipedriveParameterError(f"{email!r} is not an e-mail address.")
    subject = Subject(address)
    subject.add("persons", _persons(client, address))
    for person in subject.records["persons"]:
        for kind, actions in _OF_PERSON.items():
            for action in actions:
                subject.add(kind, _records(client, action, {"person_id": person}))
    for kind, lists in _BELOW.items():
        for identity in subject.records[kind]:
            for below, action, parameter in lists:
                subject.add(below, _records(client, action, {parameter: identity}))
    return subject


def _persons(client: PipedriveClient, address: str) -> Iterator[Record]:
    """Persons with exactly this address: a search also finds what is like it."""
    found = client.iterate("searchPersons", {"term": address, "fields": ["email"], "exact_match": True})
    for item in found:
        person = client.run("getPerson", {"id": item["item"]["id"]})
        if address in {str(each.get("value")).strip().casefold() for each in person.get("emails") or ()}:
            yield person


def _records(client: PipedriveClient, action: str, parameters: Mapping[str, Any]) -> Iterator[Record]:
    """The records of a list. Those of mail come in ``{"object": ..., "data": {...}}``."""
    for record in sure_records(client, action, {**parameters, **sorted_by_id(ACTIONS[action])}):
        inner = record.get("data")
        yield inner if isinstance(inner, dict) else record
