"""What is to be merged, and by which rules: checked when a DAG is parsed, so nothing heavy is imported here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveParameterError

MERGES: Final[Mapping[str, str]] = {
    "persons": "mergePersons",
    "organizations": "mergeOrganizations",
    "deals": "mergeDeals",
}
"""The action that merges two records of an entity."""
SURVIVORS: Final = ("oldest", "most_complete", "most_deals")
FIELD_RULES: Final = ("survivor", "all", "newest", "largest")


@dataclass(frozen=True)
class MergeJob:
    """How groups of duplicates become one record each.

    :ivar entity: ``persons``, ``organizations`` or ``deals``: Pipedrive does not merge leads
    :ivar survivor: which record stays where a group does not say: the ``oldest``, the ``most_complete`` (fields with a
        value), or the one with ``most_deals``; of equal ones the oldest
    :ivar fields: what becomes of a field in which records differ, by name or key: ``survivor`` leaves it to Pipedrive,
        ``all`` keeps every entry of a list or text, ``newest`` the value of the record that was changed last,
        ``largest`` the largest number or latest day. E-mail addresses, phone numbers, labels and options of which
        several can be chosen are kept ``all`` in any case
    :ivar max_merges: records that may be merged away
    :ivar dry_run: decide everything, merge nothing
    :ivar max_tokens: API tokens that the whole run may spend, all its tries together
    :raises PipedriveParameterError: what cannot be, and what to do
    """

    entity: str
    survivor: str = "oldest"
    fields: Mapping[str, str] = field(default_factory=dict)
    max_merges: int | None = None
    dry_run: bool = False
    max_tokens: int | None = None

    def __post_init__(self) -> None:
        if self.entity not in MERGES:
            near = nearest(self.entity, MERGES, cutoff=0.75)
            hint = f"Did you mean {near[0]!r}?" if near else f"It merges {', '.join(MERGES)}."
            raise PipedriveParameterError(f"Pipedrive does not merge {self.entity!r}. {hint}")
        if self.survivor not in SURVIVORS:
            raise PipedriveParameterError(f"survivor must be one of {', '.join(SURVIVORS)}, not {self.survivor!r}.")
        if self.survivor == "most_deals" and self.entity == "deals":
            raise PipedriveParameterError('survivor="most_deals" is for persons and organizations.')
        if not isinstance(self.fields, Mapping):
            raise PipedriveParameterError(f"fields must be a dict of field to rule, not {self.fields!r:.80}.")
        for name, rule in self.fields.items():
            if rule not in FIELD_RULES:
                raise PipedriveParameterError(f"fields: {name} must be one of {', '.join(FIELD_RULES)}, not {rule!r}.")
        for name, most in (("max_merges", self.max_merges), ("max_tokens", self.max_tokens)):
            if most is not None:
                check_count(name, most, least=0)

    def identity(self) -> str:
        """What two tries of one run must agree on."""
        return json.dumps([self.entity, self.survivor, sorted(self.fields.items())])

    def checked_group(self, number: int, group: Any) -> tuple[list[Any], Any]:
        """The ids of a group, and the one that is to stay, or None.

        :raises PipedriveParameterError: it is not a group of this entity
        """
        if not isinstance(group, Mapping) or not isinstance(group.get("ids"), list | tuple):
            raise PipedriveParameterError(f"Group {number} must be a dict with ids, not {group!r:.80}.")
        if group.get("entity") not in (None, self.entity):
            raise PipedriveParameterError(f"Group {number} is of {group['entity']}, not of {self.entity}.")
        ids, survivor = list(dict.fromkeys(group["ids"])), group.get("survivor")
        if wrong := [one for one in ids if type(one) is not int]:
            raise PipedriveParameterError(f"Group {number}: ids of {self.entity} are whole numbers, not {wrong[0]!r}.")
        if len(ids) < 2:
            raise PipedriveParameterError(f"Group {number} has {len(ids)} records: two are needed to merge.")
        if survivor is not None and survivor not in ids:
            raise PipedriveParameterError(f"Group {number}: its survivor {survivor!r} is not in it.")
        return ids, survivor
