"""Records that waits need, read together: by lists where there are several of a kind."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Self

from airflow_provider_pipedrive.catalog import ACTIONS, get_action
from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveNotFoundError, PipedriveValidationError
from airflow_provider_pipedrive.events.waits.outcomes import Record
from airflow_provider_pipedrive.events.waits.specs import ABOUT_THE_RECORD

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

BATCH = 100
"""Ids in one request at most. https://developers.pipedrive.com/docs/api/v1/Deals"""


@dataclass(frozen=True)
class RecordRead:
    """One record to be read: the action that reads it, and its parameters as JSON."""

    action: str
    parameters: str

    @classmethod
    def of(cls, action: str, parameters: Mapping[str, Any]) -> Self:
        """The read of an action with its parameters; the text of a numeric id is the id."""
        text = parameters.get("id")
        found = whole_number(text)
        number = {} if found is None else {"id": found}
        return cls(action, json.dumps({**parameters, **number}, sort_keys=True))

    def as_dict(self) -> dict[str, Any]:
        """Its parameters."""
        found: dict[str, Any] = json.loads(self.parameters)
        return found


FoundRecords = Mapping[RecordRead, Record | PipedriveError | None]
"""A record; ``None`` where there is none; an error that concerns it alone."""


@cache
def batch_action(action: str) -> str | None:
    """The list that takes the ``ids`` of what ``action`` reads one by one; ``None`` where there is none."""
    single = get_action(action)
    for listing in ACTIONS.values():
        plain = listing.is_read and listing.alias_of is None
        if plain and "ids" in listing.by_name and f"{listing.path}/{{id}}" == single.path:
            return listing.key
    return None


def read_records(client: PipedriveClient, reads: Iterable[RecordRead]) -> FoundRecords:
    """Every record, each read once.

    Lists leave out what is archived or deleted: what a list does not show is read by itself before it counts as gone.
    """
    found: dict[RecordRead, Record | PipedriveError | None] = {}
    groups: dict[tuple[str, RecordRead], dict[int, RecordRead]] = defaultdict(dict)
    single: list[RecordRead] = []
    for read in dict.fromkeys(reads):
        listing, parameters = _batched(read.action, read.as_dict())
        if listing is None:
            single.append(read)
        else:
            groups[listing, RecordRead.of(read.action, {**parameters, "id": None})][parameters["id"]] = read
    for (listing, shared), by_id in groups.items():
        every_id = list(by_id)
        for start in range(0, len(every_id), BATCH):
            ids = every_id[start : start + BATCH]
            records = _listed(client, listing, shared, ids) if len(ids) > 1 else {}
            found |= {by_id[key]: records[key] for key in ids if key in records}
            single += [by_id[key] for key in ids if key not in records]
    return found | {read: _read_one(client, read) for read in single}


def _batched(action: str, parameters: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The list that such a record can be read by, if it takes the other parameters too."""
    listing = batch_action(action)
    if (
        listing is None
        or not isinstance(parameters.get("id"), int)
        or (parameters.keys() - {"id"}) - get_action(listing).by_name.keys()
    ):
        return None, parameters
    return listing, parameters


def _listed(client: PipedriveClient, listing: str, shared: RecordRead, ids: Sequence[int]) -> dict[int, Record]:
    others = {name: value for name, value in shared.as_dict().items() if name != "id"}
    try:
        return {
            record["id"]: record for record in client.iterate(listing, {**others, "ids": list(ids)}) if "id" in record
        }
    except PipedriveValidationError:
        return {}  # one id that Pipedrive refuses must not spoil the others': each is asked for by itself


def _read_one(client: PipedriveClient, read: RecordRead) -> Record | PipedriveError | None:
    try:
        found: Record = client.run(read.action, read.as_dict())
        return found
    except PipedriveNotFoundError:
        return None
    except ABOUT_THE_RECORD as error:
        return error
