"""Records that rows mean by their name or e-mail address: looked up in one reading, made where asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.journal import Journal, from_json, to_json
from airflow_provider_pipedrive.bulk.matching import key_of_row, shown_key
from airflow_provider_pipedrive.bulk.reading import Columns, reference_in
from airflow_provider_pipedrive.bulk.records import MOST_KEYS, by_keys
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.client.field_values import text_key

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

ENTITIES = {"person": "persons", "organization": "organizations", "deal": "deals", "product": "products"}
"""What records of another entity refer to, and the entity that it is of."""
MADE = ("person", "organization")
"""What is made where it is missing and ``create_related`` says so."""
CREATED = "$created"
"""Stands for the id of a record that an operation of this run makes: ``{"$created": 5}``, which no text of a row is."""


class RelatedRecords:
    """Looks up what rows refer to by name."""

    def __init__(self, client: PipedriveClient, journal: Journal, columns: Columns, *, create: bool) -> None:
        self._client = client
        self._journal = journal
        self._columns = columns
        self._create = create

    def resolve(self) -> None:
        """Put ids in place of names in all rows; rows whose record is missing, or is one of several, are rejected."""
        if not self._collect():
            return
        for kind in [kind for (kind,) in self._journal.each("SELECT DISTINCT kind FROM related ORDER BY kind")]:
            self._look_up(kind)
        with self._journal.transaction():
            if self._create:
                self._plan_creations()
            self._replace()

    def _collect(self) -> bool:
        found = False
        with self._journal.transaction():
            for (fields,) in self._journal.each("SELECT fields FROM rows WHERE fields LIKE '%$reference%'"):
                for kind, text in _references(from_json(fields)):
                    found = True
                    self._journal.run(
                        "INSERT OR IGNORE INTO related (kind, key, text) VALUES (?, ?, ?)", [kind, text_key(text), text]
                    )
        return found

    def _look_up(self, kind: str) -> None:
        target = target_of(ENTITIES[kind])
        texts = self._journal.run("SELECT key FROM related WHERE kind = ? LIMIT ?", [kind, MOST_KEYS + 1]).fetchall()
        fields = list(target.searched.values())
        how, found = by_keys(self._client, target, [text for (text,) in texts], fields, {})
        with self._journal.transaction():
            for record in _each_once(found) if how == "search" else found:
                for key in _names(kind, record):
                    self._journal.run(
                        "UPDATE related SET many = many + (id IS NOT NULL), id = ? WHERE kind = ? AND key = ?",
                        [record["id"], kind, key],
                    )

    def _plan_creations(self) -> None:
        missing = self._journal.run(
            "SELECT kind, key, text FROM related WHERE id IS NULL ORDER BY kind, key"
        ).fetchall()
        for kind, key, text in missing:
            if kind not in MADE:
                continue
            fields: dict[str, Any] = {"name": text}
            if kind == "person" and "@" in text:
                fields = {"name": text.split("@")[0], "emails": [{"value": text, "primary": True, "label": "work"}]}
            made = self._journal.run(
                "INSERT INTO operations (row, phase, action, entity, key, fields, before) "
                "VALUES (NULL, 0, 'create', ?, ?, ?, '{}')",
                [ENTITIES[kind], key, to_json(fields)],
            ).lastrowid
            self._journal.run(
                "UPDATE related SET id = ? WHERE kind = ? AND key = ?", [to_json({CREATED: made}), kind, key]
            )

    def _replace(self) -> None:
        for row, given, text in self._referring():
            fields, faulty, fault = self._resolved(from_json(text))
            key = key_of_row(self._columns.key, _without_ids(fields)) if self._columns.key else None
            self._journal.run("DELETE FROM rows WHERE row = ?", [row])
            first = self._journal.one("SELECT row FROM rows WHERE key = ?", [key]) if key else None
            if fault is None and first is not None:
                fault = f"row {first} has the same key, {shown_key(key)}"
            if fault is not None:
                self._reject(row, given, faulty, fault)
                if key is not None:
                    self._journal.spare(key)
                continue
            self._journal.run("INSERT INTO rows VALUES (?, ?, ?, ?)", [row, key, given, to_json(fields)])

    def _referring(self) -> Iterator[tuple[int, str, str]]:
        """The rows that name a record, some at a time: they are replaced while they are read."""
        last = 0
        while chunk := self._journal.run(
            "SELECT row, given, fields FROM rows WHERE row > ? AND fields LIKE '%$reference%' ORDER BY row LIMIT 500",
            [last],
        ).fetchall():
            last = chunk[-1][0]
            yield from chunk

    def _reject(self, row: int, given: str, key: str | None, fault: str) -> None:
        """Set a row aside; ``key`` is the field at fault, which is called as the row calls it."""
        named = {field.key: (column, field) for column, field in self._columns.of_row(from_json(given)).items()}
        column, field = named.get(key or "", (None, None))
        about = "" if column is None else f"{column}: "
        self._journal.reject(row, f"{about}{fault}", None if field is None else str(field), given)

    def _resolved(self, fields: dict[str, Any]) -> tuple[dict[str, Any], str | None, str | None]:
        """A row's fields with ids in place of names; or which of them has none, and why."""
        for name, value in fields.items():
            reference = reference_in(value)
            if reference is None:
                continue
            kind, text = reference
            identity, many = self._journal.run(
                "SELECT id, many FROM related WHERE kind = ? AND key = ?", [kind, text_key(text)]
            ).fetchone()
            if identity is None:
                hint = "; create_related=True makes it" if kind in MADE else ""
                return fields, name, f"there is no {kind} called {text!r} in Pipedrive{hint}"
            if many:
                return fields, name, f"several {kind}s are called {text!r}: give the id"
            fields[name] = from_json(identity)
        return fields, None, None


def _references(fields: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    return filter(None, map(reference_in, fields.values()))


def _each_once(records: Iterable[Mapping[str, Any]]) -> Iterable[Mapping[str, Any]]:
    """Records that are not archived, which a list does not have either."""
    return {record["id"]: record for record in records if not record.get("is_archived")}.values()


def _names(kind: str, record: Mapping[str, Any]) -> set[str]:
    """Every text by which a record may be meant."""
    texts = [record.get("title") if kind == "deal" else record.get("name")]
    if kind == "person":
        texts += [entry.get("value") for entry in record.get("emails") or ()]
    if kind == "product":
        texts.append(record.get("code"))
    return {key for text in texts if text and (key := text_key(text))}


def _without_ids(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Values to be matched on: a record that is still to be made has no id, but is the same one in every row."""
    return {
        name: f"{CREATED}{value[CREATED]}" if isinstance(value, Mapping) and CREATED in value else value
        for name, value in fields.items()
    }


def named(journal: Journal, value: Any) -> Any:
    """The name of a record that is still to be made, where ``value`` stands for it; else ``value``."""
    if not isinstance(value, Mapping) or CREATED not in value:
        return value
    return journal.one("SELECT text FROM related WHERE id = ?", [to_json(value)])


def made_id(journal: Journal, value: Any) -> Any:
    """The id of a record that this run has made, where ``value`` stands for that; else ``value``."""
    if not isinstance(value, Mapping) or CREATED not in value:
        return value
    made = journal.one("SELECT id FROM operations WHERE operation = ?", [value[CREATED]])
    return None if made is None else from_json(made)
