"""The columns of a run's entities: decided together, when the first record has come."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any

from airflow_provider_pipedrive.catalog import ENTITIES, Entity
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.context import ExtractionContext
from airflow_provider_pipedrive.extraction.entities import HISTORIES
from airflow_provider_pipedrive.extraction.output.encoders import (
    Encoder,
    FixedEncoder,
    PrivateEncoder,
    RawEncoder,
    ReadableEncoder,
)
from airflow_provider_pipedrive.extraction.rows.history_columns import HISTORY_COLUMNS
from airflow_provider_pipedrive.extraction.rows.privacy import TYPES, RecordPrivacy, unmatched
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema, row_schema
from airflow_provider_pipedrive.extraction.storage.files import encoded, on_each, read_json, write

log = logging.getLogger(__name__)


class RunSchemas:
    """The columns of a run's entities. Their fields are asked for while the first pages are read already.

    :param entities: in the job's order: what a column is called depends on the entities before
    """

    def __init__(self, context: ExtractionContext, entities: Sequence[Entity]) -> None:
        self._context = context
        self._entities = [entity for entity in entities if entity.name not in HISTORIES]
        self._deciding = threading.Lock()
        self._decided: dict[str, RowSchema] = {}
        self._kept: dict[str, dict[str, Any] | None] = {}  # by entity, the columns that it had
        self._rules = context.job.privacy(context.client.settings.hash_key)
        self._privacy: dict[str, RecordPrivacy] = {}
        self._definitions: dict[str, Future[list[dict[str, Any]]]] = {}
        if self._is_readable or self._rules:
            asked = sorted({entity.definitions for entity in entities if entity.definitions})
            self._definitions = {key: context.pool.submit(partial(context.client.run, key)) for key in asked}

    def encoder(self, entity: Entity) -> Encoder:
        """What makes rows of an entity's records."""
        if entity.name in HISTORIES:
            return FixedEncoder(HISTORY_COLUMNS[entity.name])
        encoder = ReadableEncoder(partial(self._schema, entity.name)) if self._is_readable else RawEncoder()
        return PrivateEncoder(encoder, partial(self._private, entity.name)) if self._rules else encoder

    def drift(self, entity: str) -> list[str]:
        """What has changed in an entity's fields since it was landed last, a sentence each."""
        return list(self._decided[entity].drift) if entity in self._decided else []

    def decide(self) -> None:
        """Decide on the columns of all entities, where that has not been done yet."""
        with self._deciding:
            if self._rules and not self._privacy:
                self._privacy = self._decided_privacy()
            if not self._is_readable or self._decided:
                return
            decided: dict[str, RowSchema] = {}
            today = self._context.now.date().isoformat()
            self._read(entity.name for entity in self._entities)
            for entity in self._entities:
                before = self._before(entity, decided)
                fields = self._fields(entity)
                schema = row_schema(entity, fields, before, rename=self._context.job.rename, today=today)
                for sentence in schema.drift:
                    log.warning("%s: %s", entity.name, sentence)
                if self._rules:
                    schema = replace(schema, columns=tuple(self._privacy[entity.name].columns(schema.columns)))
                decided[entity.name] = schema
            self._decided = decided

    def _decided_privacy(self) -> dict[str, RecordPrivacy]:
        """What the rules come to.

        :raises PipedriveParameterError: one of them names nothing
        """
        found = {entity.name: RecordPrivacy(self._rules, entity, self._fields(entity)) for entity in self._entities}
        if left := unmatched(self._rules, found.values(), self._context.client.run):
            raise PipedriveParameterError(
                f"exclude and hash: there is no field {', '.join(map(repr, left))}. Give the name that it has in "
                f"Pipedrive, its column, or a type: {', '.join(TYPES)}."
            )
        return found

    def _fields(self, entity: Entity) -> list[dict[str, Any]]:
        return self._definitions[entity.definitions].result() if entity.definitions else []

    def save(self) -> None:
        """Save the columns for the runs after this one."""
        new = {name: encoded(schema.to_json()) for name, schema in self._decided.items()}
        old = {name: encoded(kept) for name, kept in self._kept.items() if kept is not None}
        changed = [name for name, content in new.items() if old.get(name) != content]
        on_each(lambda name: write(self._file(name), new[name]), changed, self._context.path)

    @property
    def _is_readable(self) -> bool:
        return self._context.job.columns == "readable"

    def _schema(self, name: str) -> RowSchema:
        self.decide()
        return self._decided[name]

    def _private(self, name: str) -> RecordPrivacy:
        self.decide()
        return self._privacy[name]

    def _before(self, entity: Entity, decided: Mapping[str, RowSchema]) -> dict[str, Any] | None:
        """The columns that its fields had first; before it was ever landed, those that an entity with the same fields
        has, so that one field has one column everywhere: leads and archived deals have the fields of deals."""
        before = self._kept[entity.name]
        if before is not None or entity.definitions is None:
            return before
        alike = [name for name, each in ENTITIES.items() if each.definitions == entity.definitions]
        kept = [decided[name].to_json() for name in alike if name in decided]
        if not kept:
            self._read(alike)
        kept += filter(None, map(self._kept.get, alike))
        return kept[0] if kept else None

    def _read(self, entities: Iterable[str]) -> None:
        """Read the columns that entities had."""
        names = [name for name in entities if name not in self._kept]
        kept = on_each(read_json, [self._file(name) for name in names], self._context.path)
        self._kept.update(zip(names, kept, strict=True))

    def _file(self, entity: str) -> Any:
        return self._context.kept("schema", f"{entity}.json")
