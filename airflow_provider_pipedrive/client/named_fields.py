"""Custom fields in the parameters of one write, by name or by key, and their names back in what is read.

``custom_fields={"Deal size": "Large"}`` names a field and an option as people do. Under the 40-character keys values
are what Pipedrive takes, or what a template has made of it: ``"25"`` for 25, or 10115 for the text ``"10115"``. Only
the definitions of the fields tell which is meant. They cost a request and 10 tokens, so they are read where a value may
need it: for a text that reads like a number, a list or an object, for one word, and for the rest when Pipedrive has
refused the write.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.model import Action, Parameter
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.field_kinds import KINDS, Field
from airflow_provider_pipedrive.client.field_values import Reference
from airflow_provider_pipedrive.client.fields import DEFINITIONS, FieldBook
from airflow_provider_pipedrive.client.named_references import FRESH, NamedReferences
from airflow_provider_pipedrive.client.values import InvalidValue, convert, from_text
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveValidationError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.runner import ActionRunner

log = logging.getLogger(__name__)
_KEY = re.compile(r"[0-9a-f]{40}")
_LIKE_A_KEY = re.compile(r"[a-z][a-z0-9_]*|[0-9a-f]{40}")
_UNREADABLE = "%s: its custom fields are sent as they are, since their definitions cannot be read: %s"
_AMBIGUOUS = re.compile(
    r"\s*(?:[+-]?(?:\d[\d.,;' ]*|\.\d+)(?:[eE][+-]?\d+)?\s*(?:[A-Za-z]{3})?|[\[{].*|[^\s@:/]{0,30})\s*", re.DOTALL
)
"""What templates make of numbers, amounts, lists and objects, and one word: an option's label, ``None``, or nothing at
all. Sentences, addresses of all kinds and times are what they are."""
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_UPDATES = {
    "deals": "updateDeal",
    "leads": "updateLead",
    "persons": "updatePerson",
    "organizations": "updateOrganization",
    "products": "updateProduct",
    "projects": "updateProject",
}


class NamedFields:
    """Turns names into keys and back, for one client."""

    def __init__(self, client: ActionRunner, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._books: dict[str, tuple[float, FieldBook]] = {}
        self._reading = threading.Lock()
        self._references = NamedReferences(client, clock, self._book)

    def to_keys(self, action: Action, given: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a write with keys in place of names, and values as the fields take them.

        :raises PipedriveParameterError: a name is no field, or a value does not fit; each is named
        """
        entity = _entity(action)
        given = self._references.to_ids(action, given, entity)
        values = _custom_values(action, given)
        if entity is None or not values:
            return given
        # v2 refuses a key that it does not know: what looks like one is sent as one first. v1 would pass over it.
        key = _KEY if action.custom_fields == "flat" else _LIKE_A_KEY
        is_named = any(not key.fullmatch(name) for name in values)
        was_known = self._is_known(entity)
        keyed = [value for name, value in values.items() if _KEY.fullmatch(name)]
        if not (is_named or was_known or any(map(_may_need_its_field, keyed))):
            return _with_values(action, given, {key: (None, value) for key, value in values.items()})
        try:
            found, faults = _fitted(action, self._book(entity), values)
            if faults and was_known:  # something may have changed in Pipedrive since
                found, faults = _fitted(action, self._book(entity, reread=True), values)
        except PipedriveParameterError:
            raise
        except PipedriveError as error:
            if is_named:
                raise
            log.warning(_UNREADABLE, action.key, error)
            return given
        if faults:
            raise PipedriveParameterError(f"{action.key}: {'; '.join(faults)}.", action=action.key)
        return _with_values(action, given, found)

    def corrected(self, action: Action, given: dict[str, Any], refused: PipedriveValidationError) -> dict[str, Any]:
        """The parameters of a write that Pipedrive has refused, its custom fields as they are defined.

        :raises PipedriveValidationError: there is nothing to correct; it names the fields
        """
        entity = _entity(action)
        values = _custom_values(action, given)
        if entity is None or all(value is None for value in values.values()):
            raise refused
        try:
            was_known = self._is_known(entity)
            book = self._book(entity)
            if was_known and not values.keys() <= book.fields.keys():
                book = self._book(entity, reread=True)
            found, faults = _fitted(action, book, values)
        except PipedriveError as error:
            log.warning(_UNREADABLE, action.key, error)
            raise refused from None
        better = _with_values(action, given, found)
        if faults or better == given:
            raise _explained(refused, book, values, faults)
        return better

    def learn(self, action: Action) -> None:
        """Read the fields that :meth:`to_names` needs of an action, if they are not known."""
        if (entity := _entity(action)) is not None:
            self._book(entity)

    def to_names(self, action: Action, record: Any) -> Any:
        """A record that was read, or each of a list, its custom fields under their names and options as labels.

        Of two fields of one name both keep their keys.
        """
        if isinstance(record, list):
            return [self.to_names(action, one) for one in record]
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

    def _book(self, entity: str, *, reread: bool = False) -> FieldBook:
        """The fields of an entity, read if they are not known.

        :param reread: read them in any case
        """
        with self._reading:
            if reread or not self._is_known(entity):
                book = FieldBook(self._client, entity, _UPDATES[entity], Directory(self._client))
                _ = book.fields  # reads
                self._books[entity] = (self._clock.monotonic(), book)
            return self._books[entity][1]

    def _is_known(self, entity: str) -> bool:
        return entity in self._books and self._clock.monotonic() - self._books[entity][0] <= FRESH


def _entity(action: Action) -> str | None:
    """The entity whose custom fields an action writes or reads."""
    parts = action.path.removeprefix("/api/v2/").removeprefix("/v1/").split("/")
    whole = len(parts) == 1 or parts[1:] in (["{id}"], ["archived"])
    return parts[0] if whole and parts[0] in _UPDATES and parts[0] in DEFINITIONS else None


def _custom_values(action: Action, given: Mapping[str, Any]) -> dict[str, Any]:
    """The custom fields that a write gives, by key or name."""
    if action.adapter == "one_person_field":
        code = str(given.get("field_code"))
        return {code: given.get("value")} if _KEY.fullmatch(code) else {}
    if action.custom_fields is None:
        return {}
    wrapped = given.get("custom_fields")
    wrapped = from_text(wrapped) if isinstance(wrapped, str) else wrapped
    if wrapped is not None and not isinstance(wrapped, Mapping):
        return {}
    found = {str(name): value for name, value in (wrapped or {}).items()}
    if action.custom_fields == "flat":
        found |= {key: value for key, value in given.items() if _KEY.fullmatch(str(key))}
    return found


def _with_values(
    action: Action, given: Mapping[str, Any], values: Mapping[str, tuple[Field | None, Any]]
) -> dict[str, Any]:
    """The parameters with custom fields in the place where the action takes them."""
    if action.adapter == "one_person_field":
        return {**given, "value": next(value for _field, value in values.values())}
    rest = {name: value for name, value in given.items() if name != "custom_fields"}
    if action.custom_fields == "flat":
        for key, (field, value) in values.items():
            rest |= (field.kind if field else KINDS["any"]).to_flat(field or Field(key, key, KINDS["any"]), value)
        return rest
    return {**rest, "custom_fields": {key: value for key, (_field, value) in values.items()}}


def _may_need_its_field(value: Any) -> bool:
    """Whether a value under a key can only be sent right by who knows the field: a template may have made it."""
    if isinstance(value, str):
        return bool(_AMBIGUOUS.fullmatch(value)) and not _DAY.fullmatch(value.strip())
    if isinstance(value, Mapping):
        return any(_may_need_its_field(value.get(name)) for name in ("value", "timezone_id"))
    return isinstance(value, list | tuple) and any(map(_may_need_its_field, value))


def _fitted(
    action: Action, book: FieldBook, values: Mapping[str, Any]
) -> tuple[dict[str, tuple[Field | None, Any]], list[str]]:
    """Fields and values by key, and what does not fit. A key that is not defined keeps its value."""
    found: dict[str, tuple[Field | None, Any]] = {}
    faults: list[str] = []
    for name, value in values.items():
        is_key = bool(_KEY.fullmatch(name))
        try:
            field = book.fields.get(name) if is_key else _named(book, name)
            key = field.key if field else name
            if key in found:
                faults.append(f"{field} is given twice")
            fit = _under_key(action) if is_key else _fitting
            found[key] = (field, fit(book, field, value) if field else value)
        except PipedriveParameterError as error:
            faults.append(str(error).removeprefix(f"{book.entity}: ").rstrip("."))
        except InvalidValue as invalid:
            faults.append(invalid.about(f"{book.fields[name]} ({name})" if is_key else name))
    return found, faults


def _named(book: FieldBook, name: str) -> Field:
    """The custom field that a name means; a system field of that name does not count here."""
    custom = [field for field in book.fields.values() if field.custom and field.name == name]
    field = custom[0] if len(custom) == 1 else book.find(name)
    if not field.custom:
        raise PipedriveParameterError(f"{name} is Pipedrive's own field {field.key}: give it outside of custom_fields")
    return field


def _under_key(action: Action) -> Callable[[FieldBook, Field, Any], Any]:
    return _flat_as_defined if action.custom_fields == "flat" else _as_defined


def _as_defined(book: FieldBook, field: Field, value: Any) -> Any:
    """A value under a field's key: ids are ids, and no list of users or currencies is read for it."""
    value = _read(field, value)
    if field.kind.parts and isinstance(value, Mapping):
        return _parts_converted(field, value)
    by_id = field.kind.given_by_id(field, value)
    return _fitting(book, field, value) if by_id is None else by_id


def _flat_as_defined(book: FieldBook, field: Field, value: Any) -> Any:
    """The same for leads, in v1's shape: options are texts, a currency is next to its amount, and an empty text
    clears."""
    if value == "":
        return value
    flat = field.kind.given_flat(field, value)
    return _as_defined(book, field, value) if flat is None else flat


def _explained(
    refused: PipedriveValidationError, book: FieldBook, values: Mapping[str, Any], faults: list[str]
) -> PipedriveValidationError:
    """The refusal with the names of the fields that it may be about."""
    told = [*faults, *(f"no custom field has the key {key}" for key in values if key not in book.fields)]
    named = [key for key in values if key in book.fields and key in str(refused)]
    told += [f"{key} is the custom field {book.fields[key]}" for key in named if not faults]
    if not told:
        return refused
    return PipedriveValidationError(
        f"{refused} ({'; '.join(told)})", action=refused.action, status=refused.status, reason=refused.reason
    )


def _read(field: Field, value: Any) -> Any:
    """A list or an object that a template has made a text of; a text field's value is none."""
    return from_text(value) if isinstance(value, str) and field.kind is not KINDS["text"] else value


def _parts_converted(field: Field, value: Mapping[str, Any]) -> Any:
    return convert(Parameter(field.key, "body", "object", parts=field.kind.parts), value, "v2")


def _fitting(book: FieldBook, field: Field, value: Any) -> Any:
    """A value as people give it by a field's name: labels, names and e-mail addresses stand for ids."""
    found = field.kind.to_wire(book, field, _read(field, value))
    if isinstance(found, Reference):
        raise InvalidValue(f"the id of a {found.kind}, not {found.text!r}")
    return field.kind.completed(found, lambda: book.directory.me.get("default_currency"))


def _name(fields: Mapping[str, Field], names: list[str], key: str) -> str:
    return fields[key].name if key in fields and names.count(fields[key].name) == 1 else key


def _labelled(field: Field | None, value: Any) -> Any:
    return value if field is None else field.kind.labelled(field, value)
