"""Which record a row is: keys in one form, so that case, spaces and the writing of phone numbers do not matter.

The rules, each for rows and records alike:

- values of fields: as their kind has it (see :mod:`airflow_provider_pipedrive.client.field_values`);
- e-mail addresses: as texts; what follows a plus sign counts, for Pipedrive tells such addresses apart too;
- domains: the host of a web address or an e-mail address without ``www.``; those of public mail services are no key.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_pipedrive.client.field_kinds import Field, PrimaryEntry
from airflow_provider_pipedrive.client.field_values import domain_key, primary_of

_JOINT = "\x1f"


@dataclass(frozen=True)
class KeyPart:
    """One of the things that rows are matched on.

    :ivar name: what the job calls it
    :ivar field: the field that a row gives it by
    :ivar by_domain: only the domain of the field's address counts
    """

    name: str
    field: Field
    by_domain: bool = False

    def of_row(self, values: Mapping[str, Any]) -> str | None:
        """A row's key, or None where the row says nothing."""
        value = values.get(self.field.key)
        return None if value is None else self._key(value)

    def of_record(self, record: Mapping[str, Any], *, flat: bool) -> Iterable[str]:
        """The keys of a record: an address of any rank tells who a person is."""
        return filter(None, (self._key(value) for value in self._values(record, flat=flat) if value))

    def _key(self, value: Any) -> str | None:
        if not self.by_domain:
            return self.field.kind.key(value)
        address = primary_of(value) if isinstance(value, list) else value
        return None if address is None else domain_key(address)

    def _values(self, record: Mapping[str, Any], *, flat: bool) -> Iterable[Any]:
        if isinstance(self.field.kind, PrimaryEntry):
            return [entry.get("value") for entry in record.get(self.field.kind.listed) or ()]
        if self.field.key == "id":
            return [record["id"]]
        return [self.field.kind.current(self.field, record, flat=flat)]


def key_of_row(parts: Iterable[KeyPart], values: Mapping[str, Any]) -> str | None:
    """What a row is matched on; None where a part of it is missing."""
    found = [part.of_row(values) for part in parts]
    return _JOINT.join(text for text in found if text is not None) if None not in found else None


def keys_of_record(parts: Iterable[KeyPart], record: Mapping[str, Any], *, flat: bool) -> set[str]:
    """Every key by which a row may mean this record."""
    return {_JOINT.join(chosen) for chosen in itertools.product(*(part.of_record(record, flat=flat) for part in parts))}


def shown_key(key: str | None) -> str:
    """A key as people read it."""
    return " + ".join((key or "").split(_JOINT))
