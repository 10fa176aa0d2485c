"""The fields of an entity as people name them: what they are called, what they hold, and their options.

A :class:`FieldBook` finds a field by its key or by its name in Pipedrive. Definitions are read once, and only if they
are needed.
https://pipedrive.readme.io/docs/core-api-concepts-custom-fields
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, cast

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.catalog.model import Parameter
from airflow_provider_pipedrive.client.directory import Directory, folded, one_of
from airflow_provider_pipedrive.client.field_kinds import KINDS, Declared, Field, FieldKind, PrimaryEntry
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.runner import ActionRunner

CUSTOM_KINDS: Mapping[str, str] = {
    "varchar": "text",
    "varchar_auto": "text",
    "text": "text",
    "phone": "text",
    "double": "number",
    "monetary": "money",
    "enum": "option",
    "set": "options",
    "user": "user",
    "org": "organization",
    "people": "person",
    "date": "date",
    "daterange": "daterange",
    "time": "clock",
    "timerange": "timerange",
    "address": "address",
}
"""By Pipedrive's type of a custom field. https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""

_MAX_LENGTHS: Mapping[str, int] = {"varchar": 255, "varchar_auto": 255, "phone": 255}
"""Characters by Pipedrive's type of a custom field; ``text`` holds about 65,000.
https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""
_SHOWN = 20
"""Fields that an error names at most."""
_PLAIN: Mapping[str, str] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "flag": "flag",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
}
_KNOWN_KINDS: Mapping[str, str] = {
    "owner_id": "user",
    "user_id": "user",
    "stage_id": "stage",
    "pipeline_id": "pipeline",
    "org_id": "organization",
    "organization_id": "organization",
    "person_id": "person",
    "deal_id": "deal",
    "product_id": "product",
    "label_ids": "labels",
    "currency": "currency",
    "emails": "emails",
    "phones": "phones",
    "postal_address": "address",
    "address": "address",
    "location": "address",
}
"""System fields whose value is a reference or an object, by their key."""
_SYNONYMS: Mapping[str, str] = {
    "owner": "owner_id",
    "assignee": "owner_id",
    "user": "user_id",
    "stage": "stage_id",
    "pipeline": "pipeline_id",
    "organization": "org_id",
    "organisation": "org_id",
    "company": "org_id",
    "person": "person_id",
    "contact": "person_id",
    "contact person": "person_id",
    "deal": "deal_id",
    "product": "product_id",
    "label": "label_ids",
    "labels": "label_ids",
    "email": "email",
    "e-mail": "email",
    "phone": "phone",
    "archived": "is_archived",
}
"""Words that people use for a system field."""
PRIMARY: Mapping[str, str] = {kind.name: kind.listed for kind in KINDS.values() if isinstance(kind, PrimaryEntry)}
"""A field that stands for the primary entry of a list, and that list."""


EXPECTED: Final = "$new:"
"""What stands before the label in the id of an option that does not exist yet."""


@dataclass(frozen=True)
class Definitions:
    """Where an entity's fields are described: the action that lists them, and the one that adds options."""

    list_action: str | None
    add_options: str | None = None


DEFINITIONS: Mapping[str, Definitions] = {
    "deals": Definitions("getDealFields", "addDealFieldOptions"),
    "leads": Definitions("getDealFields", "addDealFieldOptions"),
    "persons": Definitions("getPersonFields", "addPersonFieldOptions"),
    "organizations": Definitions("getOrganizationFields", "addOrganizationFieldOptions"),
    "products": Definitions("getProductFields", "addProductFieldOptions"),
    "activities": Definitions("getActivityFields"),
    "projects": Definitions("getProjectFields", "addProjectFieldOptions"),
}
"""Leads have the deals' custom fields. https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""


class FieldBook:
    """The fields of one entity in one account.

    :param entity: ``deals``, ``persons``, ``organizations``, ``products``, ``leads``, ``activities``, ``notes``, or a
        link of a deal
    :param write_action: the action whose body names the system fields, such as ``updateDeal``
    :param directory: stages, users and the like, shared by several books
    """

    def __init__(self, client: ActionRunner, entity: str, write_action: str, directory: Directory) -> None:
        self.entity = entity
        self.directory = directory
        self._client = client
        self._action = ACTIONS[write_action]

    @cached_property
    def _definitions(self) -> list[Mapping[str, Any]]:
        found = DEFINITIONS.get(self.entity)
        return list(self._client.iterate(found.list_action)) if found and found.list_action else []

    @cached_property
    def fields(self) -> dict[str, Field]:
        """Every field that can be written, by its key."""
        described = {str(item["field_code"]): item for item in self._definitions}
        found = {field.key: field for field in self._system(described)}
        found |= {field.key: field for code, item in described.items() if (field := _custom(code, item))}
        return found

    def _system(self, described: Mapping[str, Mapping[str, Any]]) -> Iterable[Field]:
        for parameter in self._action.parameters:
            key = parameter.name
            if parameter.place != "body" or key == "custom_fields":
                continue
            item = described.get(key) if self.entity != "leads" else None
            name = str((item or {}).get("field_name") or key)
            options = _options(item)
            yield Field(key, name, self._system_kind(parameter, options), enum=parameter.enum, options=options)
            if key in PRIMARY.values():
                short = next(short for short, whole in PRIMARY.items() if whole == key)
                yield Field(short, name, KINDS[short])

    def _system_kind(self, parameter: Parameter, options: Mapping[int | str, str]) -> FieldKind:
        key = parameter.name
        if self.entity == "leads" and key == "value":
            return KINDS["money"]
        if self.entity == "activities" and key == "type":
            return KINDS["activity_type"]
        if key in _KNOWN_KINDS:
            return KINDS[_KNOWN_KINDS[key]]
        if parameter.type in ("array", "object"):
            return Declared(parameter)
        if options and parameter.type == "integer":
            return KINDS["choice"]
        return KINDS[_PLAIN.get(parameter.type, "any")]

    def find(self, name: str) -> Field:
        """The field that people mean by ``name``: a key, a name in Pipedrive, or a usual word for a system field.

        Exact spelling wins; where none is exact, capital letters and spaces at the ends do not count.

        :raises PipedriveParameterError: there is none, or there are several
        """
        if name in self.fields:
            return self.fields[name]
        listed = [field for field in self.fields.values() if field.key not in PRIMARY.values()]
        exact = [field for field in listed if field.name == name]
        loose = [field for field in listed if folded(field.name) == folded(name) or field.key == folded(name)]
        found = exact or loose
        if len(found) > 1:
            shown = ", ".join(f"{field.name!r} ({field.key})" for field in found)
            raise PipedriveParameterError(
                f"{self.entity}: several fields are called {name!r}: {shown}. Name the one you mean by its key."
            )
        if found:
            return found[0]
        synonym = self._synonym(name)
        if synonym is not None:
            return synonym
        raise PipedriveParameterError(self._unknown(name))

    def _synonym(self, name: str) -> Field | None:
        key = _SYNONYMS.get(folded(name), "")
        if key == "org_id" and self.entity == "leads":
            key = "organization_id"
        return self.fields.get(key)

    def _unknown(self, name: str) -> str:
        known = [text for field in self.fields.values() for text in (field.name, field.key)]
        known += [word for word in _SYNONYMS if self._synonym(word)]
        shown = sorted({str(field) for field in self.fields.values()}, key=str.lower)
        near = nearest(name, known)
        if near:
            hint = f"did you mean {near[0]!r}?"
        elif len(shown) <= _SHOWN:
            hint = f"the fields are: {', '.join(shown)}"
        else:
            hint = f"of the {len(shown)} fields, these are the nearest: {', '.join(nearest(name, shown, _SHOWN, 0.0))}"
        return f"{self.entity}: there is no field {name!r} that can be written ({hint})."

    def add_options(self, field: Field, labels: Sequence[str]) -> None:
        """Add options to a field in Pipedrive, and know them from now on."""
        given = {"field_code": field.key, "body": [{"label": label} for label in labels]}
        self._client.run(self.adding_options(field), given)
        self.reread()

    def adding_options(self, field: Field) -> str:
        """The action that adds options to a field.

        :raises PipedriveParameterError: the API cannot
        """
        action = DEFINITIONS[self.entity].add_options
        if not field.custom or action is None:
            raise PipedriveParameterError(f"{self.entity}: options of the field {field} cannot be added by the API.")
        return action

    def reread(self) -> None:
        """Forget what is known of the fields: they are read again when they are needed."""
        self.__dict__.pop("_definitions", None)
        self.__dict__.pop("fields", None)

    def expect_options(self, field: Field, labels: Sequence[str]) -> None:
        """Know options that a field does not have yet: their ids are :data:`EXPECTED` and their labels.

        :raises PipedriveParameterError: the API cannot add them
        """
        self.adding_options(field)
        expected: dict[int | str, str] = {f"{EXPECTED}{label}": label for label in labels}
        self.fields[field.key] = replace(field, options={**field.options, **expected})

    def option_id(self, field: Field, value: Any) -> int | str:
        """The id of an option that is given by its label or its id.

        :raises Unfit: there is no such option, or there are several
        """
        options = self.fields[field.key].options  # as they are now: some may have been added
        return cast("int | str", one_of("option", value, [(key, [label]) for key, label in options.items()]))


def _custom(code: str, item: Mapping[str, Any]) -> Field | None:
    if not item.get("is_custom_field"):
        return None
    kind = KINDS[CUSTOM_KINDS.get(str(item.get("field_type")), "any")]
    return Field(
        code,
        str(item.get("field_name") or code),
        kind,
        custom=True,
        options=_options(item),
        max_length=_MAX_LENGTHS.get(str(item.get("field_type"))),
    )


def _options(item: Mapping[str, Any] | None) -> dict[int | str, str]:
    options = (item or {}).get("options") or ()
    return {option["id"]: str(option["label"]) for option in options if option.get("label") is not None}
