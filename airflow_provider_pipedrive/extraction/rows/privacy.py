"""What of a record must not leave the worker: left out, or a hash in its place.

A record is treated before any row is made of it, so that every format, and every way to a row, sees what is left.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final, Literal

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.fields import FIELDS
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.rows.columns import CUSTOM, Column

Definitions = Sequence[Mapping[str, Any]]
"""The definitions of an entity's fields, as its ``definitions`` action lists them."""
Treatment = Literal["exclude", "hash"]

TYPES: Final[Mapping[str, frozenset[str]]] = {
    "email": frozenset({"email", "emails", "email_address", "primary_email", "cc_email"}),
    "phone": frozenset({"phone", "phones", "from_phone_number", "to_phone_number"}),
    "address": frozenset({"address", "postal_address", "location"}),
    "notes": frozenset({"note", "notes", "content", "comments", "public_description"}),
}
"""What a rule may name in place of a field: keys of that type, wherever in a record they are."""
CUSTOM_TYPES: Final = {"phone": "phone", "address": "address", "text": "notes"}
"""The type that a custom field counts as, by Pipedrive's type of it. Free text may hold anything.
https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""
_PARTS: Final = {"name": ("first_name", "last_name"), "label_ids": ("labels",)}
"""Keys that say what another one says."""
_KEYS: Final = 4096
"""Keys whose treatment is remembered: more than the fields of an account."""
_CODE = re.compile(r"[0-9a-f]{40}(?=_|$)")


@dataclass(frozen=True)
class PrivacyRules:
    """What is left out, and what is hashed, in all entities of a job.

    :ivar exclude: types, names of fields, or an entity and a name: ``email``, ``Birthday``, ``persons.name``
    :ivar hash: the same
    :ivar key: the secret that the hashes are made with
    """

    exclude: tuple[str, ...] = ()
    hash: tuple[str, ...] = ()
    key: bytes = b""

    def __bool__(self) -> bool:
        return bool(self.exclude or self.hash)

    def check(self) -> None:
        """Find rules that cannot be meant.

        :raises PipedriveParameterError: which one, and why
        """
        for name, rules in (("exclude", self.exclude), ("hash", self.hash)):
            for rule in rules:
                if not isinstance(rule, str) or not rule.strip():
                    raise PipedriveParameterError(
                        f"{name} must be a list of field names and types ({', '.join(TYPES)}), not {rules!r:.80}."
                    )
        if both := sorted(set(self.exclude) & set(self.hash)):
            raise PipedriveParameterError(f"{', '.join(both)}: what is excluded cannot be hashed, too. Name it once.")

    def each(self) -> Iterator[tuple[str, Treatment]]:
        """The rules: what is hashed first, so that what is excluded has the last word."""
        yield from ((rule, "hash") for rule in self.hash)
        yield from ((rule, "exclude") for rule in self.exclude)


class RecordPrivacy:
    """The rules for the records of one entity.

    :ivar matched: the rules that name a field of this entity, or a type
    """

    def __init__(self, rules: PrivacyRules, entity: Entity, definitions: Definitions) -> None:
        self._key = rules.key
        self._keys: dict[str, Treatment] = {}
        self._anywhere: dict[str, Treatment] = {}
        self._custom: dict[str, Treatment] = {}
        self.matched: set[str] = set()
        custom = [item for item in definitions if item.get("is_custom_field")]
        for rule, treatment in rules.each():
            if rule in TYPES:
                self._anywhere |= dict.fromkeys(TYPES[rule], treatment)
                codes = [str(item["field_code"]) for item in custom if CUSTOM_TYPES.get(item["field_type"]) == rule]
            else:
                name = _name_in(rule, entity)
                codes = [str(item["field_code"]) for item in custom if _is_called(name, item)]
                keys = _keys_called(name, entity)
                if not keys and not codes:
                    continue
                self._keys |= dict.fromkeys(_permitted(rule, keys, entity), treatment)
            self.matched.add(rule)
            self._custom |= dict.fromkeys(codes, treatment)
        # One that was made while the list is read may be of any type.
        self._codes = {str(item["field_code"]) for item in custom} if self._anywhere else None
        # Records have the same keys again and again.
        self._of_code, self._of_type = lru_cache(_KEYS)(self._find_of_code), lru_cache(_KEYS)(self._find_of_type)

    @property
    def treated(self) -> Mapping[str, Treatment]:
        """What is treated, by key or code."""
        return {**self._keys, **self._custom, **self._anywhere}

    def record(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What is left of a record."""
        found = {}
        for key, value in record.items():
            if key == CUSTOM and isinstance(value, dict):
                found[key] = self._each(value, self._of_code)
            elif (treatment := self._of_key(key)) != "exclude":
                found[key] = self._treated(value, treatment)
        return found

    def columns(self, columns: Iterable[Column]) -> Iterator[Column]:
        """What is left of the columns of such records; a hash is text."""
        for column in columns:
            root, *below = column.path or ("",)
            treatment = self._of_code(below[0]) if root == CUSTOM and below else self._of_key(root)
            if treatment == "hash" and column.type not in ("list", "json"):
                yield replace(column, type="string", labels=None)
            elif treatment == "hash":
                yield replace(
                    column, items="string" if column.items not in (None, "json") else column.items, labels=None
                )
            elif treatment is None:
                yield column

    def _of_key(self, key: str) -> Treatment | None:
        return self._keys.get(key) or self._of_code(key)

    def _find_of_code(self, key: str) -> Treatment | None:
        """The treatment of a custom field or one of its parts, or of a key that can be anywhere."""
        code = _CODE.match(key)
        if code is None:
            return self._of_type(key)
        if self._codes is not None and code[0] not in self._codes:
            return "exclude"
        return self._custom.get(code[0])

    def _find_of_type(self, key: str) -> Treatment | None:
        """v1 lays the parts of an address next to it: ``address_locality``."""
        return self._anywhere.get(key) or next(
            (self._anywhere[name] for name in TYPES["address"] & self._anywhere.keys() if key.startswith(f"{name}_")),
            None,
        )

    def _inside(self, value: Any) -> Any:
        """A value without what is of a type inside it."""
        if not self._anywhere:
            return value
        if isinstance(value, dict):
            return self._each(value, self._of_type)
        return [self._inside(item) for item in value] if isinstance(value, list) else value

    def _each(self, values: Mapping[str, Any], of: Callable[[str], Treatment | None]) -> dict[str, Any]:
        # Most values of most records are null.
        return {
            key: None if value is None else self._treated(value, treatment)
            for key, value in values.items()
            if (treatment := of(key)) != "exclude"
        }

    def _treated(self, value: Any, treatment: Treatment | None) -> Any:
        return self._hashed(value) if treatment else self._inside(value)

    def _hashed(self, value: Any, *, in_list: bool = False) -> Any:
        """A value with hashes in place of texts and numbers. Of an address of a list (``{"value": ..., "label": ...}``)
        only the address itself: which one it is says nothing."""
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, list):
            return [self._hashed(item, in_list=True) for item in value]
        if isinstance(value, dict):
            if in_list and "value" in value:
                return {**value, "value": self._hashed(value["value"])}
            return {key: self._hashed(item) for key, item in value.items()}
        return hmac.new(self._key, str(value).strip().casefold().encode(), hashlib.sha256).hexdigest()


def key_fingerprint(hash_key: str | None) -> str:
    """Tells one key from another, and not what it is; empty where there is none."""
    return hmac.new(hash_key.encode(), b"which key", hashlib.sha256).hexdigest()[:16] if hash_key else ""


def unmatched(
    rules: PrivacyRules, found: Iterable[RecordPrivacy], definitions: Callable[[str], Definitions]
) -> list[str]:
    """Rules that name no field of any entity: they are misspelled.

    :param found: what the rules come to in a job's own entities
    :param definitions: asked for those of others, by action, where a rule matches none of them
    """
    left = [rule for rule, _ in rules.each()]
    for privacy in found:
        left = [rule for rule in left if rule not in privacy.matched]
    for entity in ENTITIES.values():
        if left:
            privacy = RecordPrivacy(rules, entity, definitions(entity.definitions) if entity.definitions else [])
            left = [rule for rule in left if rule not in privacy.matched]
    return left


def _name_in(rule: str, entity: Entity) -> str | None:
    """What a rule names in an entity; None where it is for another one."""
    prefix, dot, name = rule.partition(".")
    if not dot or prefix not in ENTITIES:
        return rule
    return name if prefix == entity.name else None


def _keys_called(name: str | None, entity: Entity) -> list[str]:
    """Pipedrive's own keys of that name, and those that say the same in parts."""
    known = {field.name for field in FIELDS[entity.name]}
    found = [key for key in known if _folded(key) == _folded(name)]
    return found + [part for key in found for part in _PARTS.get(key, ())]


def _is_called(name: str | None, definition: Mapping[str, Any]) -> bool:
    """Whether a field is called so by people, or has that code."""
    return name is not None and (
        name == definition["field_code"] or _folded(name) == _folded(str(definition.get("field_name") or ""))
    )


def _permitted(rule: str, keys: list[str], entity: Entity) -> list[str]:
    """Keys that may be treated.

    :raises PipedriveParameterError: one of them tells records apart, or says how new they are
    """
    if needed := [key for key in (*entity.key, entity.updated or "") if key in keys]:
        raise PipedriveParameterError(
            f"{rule!r} cannot be excluded or hashed: {entity.name} are told apart and brought up to date by "
            f"{', '.join(needed)}."
        )
    return keys


def _folded(name: str | None) -> str | None:
    """A name as people may spell it: ``Deal size``, ``deal_size``."""
    return None if name is None else "".join(filter(str.isalnum, name.casefold()))
