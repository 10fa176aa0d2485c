"""From a list to groups of records that are one."""

from __future__ import annotations

import logging
import math
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from airflow_provider_pipedrive.bulk.duplicates.candidates import Candidates
from airflow_provider_pipedrive.bulk.duplicates.rules import DuplicateRules
from airflow_provider_pipedrive.bulk.duplicates.traits import IDENTIFIERS, TRAITS, Surroundings, Traits
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.field_kinds import Field
from airflow_provider_pipedrive.client.fields import FieldBook
from airflow_provider_pipedrive.client.record_links import record_url
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
_PAGE = 500
_LISTED = {
    "persons": ("getPersons", "updatePerson"),
    "organizations": ("getOrganizations", "updateOrganization"),
    "deals": ("getDeals", "updateDeal"),
    "leads": ("getLeads", "updateLead"),
}
"""The action that lists an entity, and the one whose body names its fields."""
_MOST_FIELDS = 15
"""Custom fields that a list can be asked for. https://developers.pipedrive.com/docs/api/v1/Persons#getPersons"""
_LARGEST_GROUP = 100


class DuplicateGroup(TypedDict):
    """Records that are one.

    ``ids`` in the order of their creation, ``score`` from 0 to 1 of the least sure link, ``reasons`` that speak for
    it, ``records`` with the fields that were compared and the ``link`` of their page.
    """

    entity: str
    ids: list[Any]
    score: float
    reasons: list[str]
    records: list[dict[str, Any]]


def find_duplicates(
    client: PipedriveClient, entity: str, rules: DuplicateRules | None = None
) -> Iterator[DuplicateGroup]:
    """Find records that are one.

    The whole list is read into files; memory hardly grows with it. Archived deals and leads are not looked at.

    :param entity: ``persons``, ``organizations``, ``deals`` or ``leads``
    :param rules: what counts, see :class:`~airflow_provider_pipedrive.bulk.duplicates.rules.DuplicateRules`
    :returns: an iterator over the groups, the surest first; each record is in at most one
    :raises PipedriveParameterError: at once: the entity has no duplicates, or the rules contradict themselves
    :raises PipedriveError: the list could not be read
    """
    rules = rules or DuplicateRules()
    rules.check(entity)
    return _found(client, entity, rules)


def _found(client: PipedriveClient, entity: str, rules: DuplicateRules) -> Iterator[DuplicateGroup]:
    with tempfile.TemporaryDirectory(prefix="pipedrive-duplicates-") as folder:
        candidates = Candidates(
            Path(folder),
            TRAITS[entity],
            largest_block=rules.largest_block,
            no_company=frozenset(host.lower().removeprefix("www.") for host in rules.no_company),
        )
        try:
            records = _records(client, entity, rules)
            while page := list(islice(records, _PAGE)):
                candidates.add(page)
            pairs = candidates.pair_up()
            log.info("%s: %s read, %s compared.", entity, counted(candidates.count, "record"), counted(pairs, "pair"))
            yield from _groups(candidates, entity, rules, client.origin)
        finally:
            candidates.close()


def _records(client: PipedriveClient, entity: str, rules: DuplicateRules) -> Iterator[dict[str, Any]]:
    """The records of a list with the fields that are compared."""
    listed, fields_action = _LISTED[entity]
    book = FieldBook(client, entity, fields_action, Directory(client))
    identifiers = [book.find(name) for name in rules.identifiers]
    flat = entity == "leads"
    parameters: dict[str, Any] = {}
    if not flat:
        custom = [field.key for field in identifiers if field.custom]
        if len(custom) > _MOST_FIELDS:
            raise PipedriveParameterError(f"identifiers may name {_MOST_FIELDS} custom fields, not {len(custom)}.")
        known = [field.key for field in book.fields.values() if field.custom]
        if custom or known:  # with none, all would come: one is less
            parameters["custom_fields"] = custom or known[:1]
    kept = TRAITS[entity].kept
    for record in client.iterate(listed, parameters):
        if record.get("is_deleted"):
            continue
        found = {name: record[name] for name in kept if name in record}
        if identifiers:
            found[IDENTIFIERS] = _identifiers(identifiers, record, flat=flat)
        yield found


def _identifiers(fields: Sequence[Field], record: Mapping[str, Any], *, flat: bool) -> dict[str, str]:
    values = {
        field.name: field.kind.key(value) for field in fields if (value := field.kind.current(field, record, flat=flat))
    }
    return {name: text for name, text in values.items() if text}


# ---- scores


def _groups(candidates: Candidates, entity: str, rules: DuplicateRules, origin: str) -> Iterator[DuplicateGroup]:
    scorer = Scorer(rules.weights_of(entity), candidates.surroundings)
    candidates.keep_scores(_scored(candidates, scorer, rules.least_score))
    grouping = Grouping(candidates, scorer)
    for one, other, score, reasons in candidates.scores():
        grouping.join(one, other, score, reasons)
    for members, score, found in grouping.groups():
        records = [candidates.record(number) for number in members]
        records.sort(key=lambda record: (record.get("add_time") or "", str(record["id"])))
        for record in records:
            record["link"] = record_url(entity, record["id"], origin)
        yield DuplicateGroup(
            entity=entity,
            ids=[record["id"] for record in records],
            score=round(score, 3),
            reasons=found,
            records=records,
        )


def _scored(candidates: Candidates, scorer: Scorer, least: float) -> Iterator[tuple[int, int, float, str]]:
    for one, traits, other, traits2 in candidates.pairs():
        score, reasons = scorer.score(traits, traits2)
        if score >= least:
            yield one, other, score, "; ".join(reasons)


class Scorer:
    """Weighs what two records say."""

    def __init__(self, weights: Mapping[str, float], among: Surroundings) -> None:
        self._weights = weights
        self._among = among

    def score(self, one: Traits, other: Traits) -> tuple[float, list[str]]:
        """From 0 to 1 how likely two records are one, and what speaks for it."""
        points, reasons = self._weights["at first"], []
        for name in one.evidence(other, self._among):
            weight = self._weights.get(name, 0.0)
            points += weight
            if weight > 0:
                reasons.append(name)
        return 1 / (1 + math.pow(10, -points)), reasons

    def contradict(self, one: Traits, other: Traits) -> bool:
        """Whether two records cannot be in one group, however they are linked."""
        return any(self._weights.get(name, 0.0) <= -3.0 for name in one.evidence(other, self._among))


class Grouping:
    """Joins pairs to groups, in four bytes a record; no group has two records that contradict each other."""

    def __init__(self, candidates: Candidates, scorer: Scorer) -> None:
        self._candidates = candidates
        self._scorer = scorer
        self._first = array("I", range(candidates.count + 1))
        self._members: dict[int, list[int]] = {}
        self._links: dict[int, tuple[float, dict[str, None]]] = {}

    def join(self, one: int, other: int, score: float, reasons: str) -> None:
        """Put two records, and what they are grouped with, into one group."""
        first, second = sorted((self._first[one], self._first[other]))
        found = dict.fromkeys(reasons.split("; "))
        if first != second:
            members, added = self._members.get(first, [first]), self._members.get(second, [second])
            if len(members) + len(added) > _LARGEST_GROUP or self._contradict(members, added, (one, other)):
                return
            for number in added:
                self._first[number] = first
            self._members[first] = members + added
            self._members.pop(second, None)
            _, others = self._links.pop(second, (1.0, {}))
            self._links[first] = (score, {**self._links.get(first, (1.0, {}))[1], **others, **found})

    def _contradict(self, members: Sequence[int], added: Sequence[int], linked: tuple[int, int]) -> bool:
        if len(members) + len(added) == 2:
            return False
        traits = {number: self._candidates.traits(number) for number in (*members, *added)}
        return any(
            self._scorer.contradict(traits[one], traits[other])
            for one in members
            for other in added
            if {one, other} != set(linked)
        )

    def groups(self) -> Iterable[tuple[list[int], float, list[str]]]:
        """Members, least score and reasons of each group, the surest first."""
        for first, (score, reasons) in sorted(self._links.items(), key=lambda item: (-item[1][0], item[0])):
            yield sorted(self._members[first]), score, list(reasons)
