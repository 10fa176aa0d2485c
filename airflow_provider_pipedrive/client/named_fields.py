"""Custom fields by their names in the parameters of one write, and the same names back in what is read.

``custom_fields={"Deal size": "Large"}`` names a field and an option as people do; the 40-character keys work as before.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.field_values import Reference, to_flat, to_wire
from airflow_provider_pipedrive.client.fields import DEFINITIONS, Directory, Field, FieldBook
from airflow_provider_pipedrive.client.values import Unfit
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

FRESH = 300.0
"""Seconds for which definitions are kept."""
_KEY = re.compile(r"[0-9a-f]{40}")
_UPDATES = {
    "deals": "updateDeal",
    "leads": "updateLead",
    "persons": "updatePerson",
    "organizations": "updateOrganization",
    "products": "updateProduct",
}


class NamedFields:
    """Turns names into keys and back, for one client."""

    def __init__(self, client: PipedriveClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._books: dict[str, tuple[float, FieldBook]] = {}

    def to_keys(self, action: Action, given: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a write with keys in place of names, and values as the fields take them.

        :raises PipedriveParameterError: a name is no field, or a value does not fit; each is named
        """
        named = given.get("custom_fields")
        entity = _entity(action)
        if entity is None or not isinstance(named, Mapping) or all(_KEY.fullmatch(str(name)) for name in named):
            return given
        book, custom, faults = self._book(entity), {}, []
        for name, value in named.items():
            try:
                field = _custom(book, str(name))
                if field.key in custom:
                    faults.append(f"{field} is given twice")
                custom[field.key] = (field, _fitting(book, field, value))
            except PipedriveParameterError as error:
                faults.append(str(error).removeprefix(f"{entity}: ").rstrip("."))
            except Unfit as unfit:
                faults.append(unfit.about(name))
        if faults:
            raise PipedriveParameterError(f"{action.key}: {'; '.join(faults)}.", action=action.key)
        rest = {name: value for name, value in given.items() if name != "custom_fields"}
        if action.custom_fields == "flat":
            for field, value in custom.values():
                rest |= to_flat(field, value)
            return rest
        return {**rest, "custom_fields": {key: value for key, (_field, value) in custom.items()}}

    def to_names(self, action: Action, record: Any) -> Any:
        """A record that was read, its custom fields under their names and options as labels.

        Of two fields of one name both keep their keys.
        """
        entity = _entity(action)
        if entity is None or not isinstance(record, Mapping):
            return record
        book = self._book(entity)
        fields = {field.key: field for field in book.fields.values() if field.custom}
        names = [field.name for field in fields.values()]
        if entity == "leads":
            inside = {key: value for key, value in record.items() if key in fields}
        else:
            inside = record.get("custom_fields") or {}
        readable = {_name(fields, names, key): _labelled(fields.get(key), value) for key, value in inside.items()}
        rest = {key: value for key, value in record.items() if key not in inside and key != "custom_fields"}
        return {**rest, "custom_fields": readable}

    def _book(self, entity: str) -> FieldBook:
        made, book = self._books.get(entity, (0.0, None))
        now = self._clock.monotonic()
        if book is None or now - made > FRESH:
            book = FieldBook(self._client, entity, _UPDATES[entity], Directory(self._client))
            self._books[entity] = (now, book)
        return book


def _entity(action: Action) -> str | None:
    """The entity whose custom fields an action writes or reads."""
    parts = action.path.removeprefix("/api/v2/").removeprefix("/v1/").split("/")
    whole = len(parts) == 1 or parts[1:] in (["{id}"], ["archived"])
    return parts[0] if whole and parts[0] in _UPDATES and parts[0] in DEFINITIONS else None


def _custom(book: FieldBook, name: str) -> Field:
    """The custom field that a name means; a system field of that name does not count here."""
    custom = [field for field in book.fields.values() if field.custom and field.name == name]
    field = custom[0] if len(custom) == 1 else book.find(name)
    if not field.custom:
        raise PipedriveParameterError(f"{name} is Pipedrive's own field {field.key}: give it outside of custom_fields")
    return field


def _fitting(book: FieldBook, field: Field, value: Any) -> Any:
    found = to_wire(book, field, value)
    if isinstance(found, Reference):
        raise Unfit(f"the id of a {found.kind}, not {found.text!r}")
    if field.kind == "money" and found is not None and found["currency"] is None:
        return {**found, "currency": book.directory.me.get("default_currency")}
    return found


def _name(fields: Mapping[str, Field], names: list[str], key: str) -> str:
    return fields[key].name if key in fields and names.count(fields[key].name) == 1 else key


def _labelled(field: Field | None, value: Any) -> Any:
    if field is None or not field.options or value is None:
        return value
    labels = {str(key): label for key, label in field.options.items()}
    if field.kind == "options":
        items = value.split(",") if isinstance(value, str) else value
        return [labels.get(str(item), item) for item in items]
    return labels.get(str(value), value)
