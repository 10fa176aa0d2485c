"""What a person is given to choose from: not thousands of records, and no two that look the same."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.options import LISTS, SEARCHES, options
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedrivePermissionError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.runner import ActionRunner

log = logging.getLogger(__name__)
GETS: Mapping[str, str] = {
    "selectDeal": "getDeal",
    "selectOrganization": "getOrganization",
    "selectPerson": "getPerson",
    "pipelines": "getPipeline",
    "stages": "getStage",
    "users": "getUser",
    "filters": "getFilter",
}
"""The action that reads one record of a source."""
_IDS_AT_ONCE = 100
_Record = Mapping[str, Any]


@dataclass(frozen=True)
class ChoiceList:
    """Records to choose from.

    :ivar labels: what people read, by the record's key; no two are equal
    :ivar has_more: whether there are more records than these
    """

    labels: Mapping[str, str]
    has_more: bool


def choices(
    client: ActionRunner,
    source: str,
    *,
    term: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    most: int = 100,
    own_first: bool = False,
) -> ChoiceList:
    """The records of a source that a person may want: what a search finds, else the newest.

    :param source: see :data:`.options.SOURCES`
    :param term: only what a search for this text finds (deals, organizations and persons), the best first
    :param parameters: narrow the list down, as the list action's parameters
    :param most: how many; no more than this and the next page's worth are read
    :param own_first: first the records that the connection's user owns
    :raises PipedriveParameterError: there is no such source, or it cannot be narrowed down so
    """
    given = dict(parameters or {})
    if own_first and (source not in SEARCHES or term is not None or given.keys() & {"owner_id", "filter_id"}):
        raise PipedriveParameterError(
            f"own_first is for {', '.join(SEARCHES)}, without term, owner_id and filter_id: it lists by owner itself."
        )
    if source not in LISTS:
        found = options(client, source, term, given)
        labels = _told_apart({option["key"]: option["label"] for option in found}, lambda same: {})
        return ChoiceList(dict(islice(labels.items(), most)), len(labels) > most)
    directory = Directory(client)
    records = list(islice(_records(client, directory, source, term, given, most + 1, own_first), most + 1))
    label = LISTS[source][1]
    details = _Details(client, directory, source, records)
    labels = _told_apart({str(record["id"]): label(record) for record in records}, details.of)
    return ChoiceList(dict(islice(labels.items(), most)), len(records) > most)


def _records(
    client: ActionRunner,
    directory: Directory,
    source: str,
    term: str | None,
    given: Mapping[str, Any],
    wanted: int,
    own_first: bool,
) -> Iterable[_Record]:
    if term is not None:
        if source not in SEARCHES:
            raise PipedriveParameterError(f"{source} cannot be searched by term, only: {', '.join(SEARCHES)}.")
        return (hit["item"] for hit in client.iterate(SEARCHES[source], {**given, "term": term}))
    action = LISTS[source][0]
    if source not in SEARCHES:
        return client.iterate(action, given)
    newest = {"sort_by": "add_time", "sort_direction": "desc", "limit": min(wanted, 500), **given}
    found: dict[Any, _Record] = {}
    for owner in ([{"owner_id": directory.me["id"]}] if own_first else []) + [{}]:
        found |= {
            record["id"]: record
            for record in islice(client.iterate(action, {**newest, **owner}), wanted)
            if record["id"] not in found
        }
    return found.values()


def _told_apart(
    labels: Mapping[str, str], details_of: Callable[[list[str]], Mapping[str, list[str]]]
) -> dict[str, str]:
    """The labels, with more behind those that several records have."""
    counts = Counter(labels.values())
    more = details_of([key for key, label in labels.items() if counts[label] > 1])
    return {
        key: f"{label} ({', '.join([*more.get(key, []), f'#{key}'])})" if counts[label] > 1 else label
        for key, label in labels.items()
    }


class _Details:
    """What tells records of one label apart, besides their ids: organization, pipeline, owner."""

    def __init__(self, client: ActionRunner, directory: Directory, source: str, records: Iterable[_Record]) -> None:
        self._client = client
        self._directory = directory
        self._source = source
        self._records = {str(record["id"]): record for record in records}

    def of(self, keys: list[str]) -> dict[str, list[str]]:
        """The details of some records, as far as there are any; nothing is read where there are no records."""
        if not keys or self._source not in (*SEARCHES, "stages"):
            return {}
        records = {key: self._records[key] for key in keys}
        try:
            if self._source == "stages":
                names = {item["id"]: item["name"] for item in self._directory.pipelines}
                return {key: [names.get(record["pipeline_id"], "")] for key, record in records.items()}
            organizations = self._organizations(records.values())
            owners = {user["id"]: user["name"] for user in self._directory.users}
        except PipedrivePermissionError as error:
            log.info("Records with the same label are told apart by their ids alone: %s", error)
            return {}
        return {
            key: [name for name in (organizations.get(_organization(record)), owners.get(_owner(record))) if name]
            for key, record in records.items()
        }

    def _organizations(self, records: Iterable[_Record]) -> dict[Any, str]:
        ids = sorted({identity for record in records if (identity := _organization(record)) is not None})
        return {
            found["id"]: found["name"]
            for start in range(0, len(ids), _IDS_AT_ONCE)
            for found in self._client.iterate("getOrganizations", {"ids": ids[start : start + _IDS_AT_ONCE]})
        }


def _organization(record: _Record) -> Any:
    """A search's hit has the organization as an object, a list's record its id."""
    return (record.get("organization") or {}).get("id", record.get("org_id"))


def _owner(record: _Record) -> Any:
    return (record.get("owner") or {}).get("id", record.get("owner_id"))
