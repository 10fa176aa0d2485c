"""The columns of Pipedrive's own fields: one each, and more where a value has several parts or a label.

A column has another name than its field where that would be a reserved word of SQL (a note's ``user``) and where an
object is laid out in several columns (addresses, a lead's value).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from airflow_provider_pipedrive.catalog.fields import FIELDS, OBJECTS, SystemField

_RENAMED: Final = {"user": "user_details"}
_LABELS: Final = {"label_ids": "labels"}
"""The columns of labels that are not called after their field."""


@dataclass(frozen=True)
class SystemColumn:
    """A column of Pipedrive's own.

    :ivar type: as :attr:`Column.type`, or ``label`` and ``labels`` for labels of option ids
    :ivar items: the type of a list's elements
    :ivar path: where its value is in a record
    """

    name: str
    type: str
    items: str | None
    path: tuple[str, ...]


def _columns(field: SystemField) -> Iterator[SystemColumn]:
    if field.type in OBJECTS:
        yield from _parts(field)
    elif field.type == "option":
        yield SystemColumn(field.name, "integer", None, (field.name,))
        yield SystemColumn(f"{field.name}_label", "label", None, (field.name,))
    elif field.items == "option":
        yield SystemColumn(field.name, "list", "integer", (field.name,))
        yield SystemColumn(_LABELS[field.name], "labels", None, (field.name,))
    else:
        yield SystemColumn(_RENAMED.get(field.name, field.name), field.type, field.items, (field.name,))


def _parts(field: SystemField) -> Iterator[SystemColumn]:
    """The main part under the field's name; those of an address below it, a currency under its own name."""
    for number, (part, kind) in enumerate(OBJECTS[field.type].items()):
        below = f"{field.name}_{part}" if field.type == "address" else part
        yield SystemColumn(below if number else field.name, kind, None, (field.name, part))


SYSTEM_COLUMNS: Final[Mapping[str, tuple[SystemColumn, ...]]] = MappingProxyType(
    {entity: tuple(column for field in fields for column in _columns(field)) for entity, fields in FIELDS.items()}
)
"""The columns of Pipedrive's own by entity, in order. Custom fields follow them."""
