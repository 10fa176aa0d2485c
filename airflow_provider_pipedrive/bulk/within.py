"""The records that the rows of a mirror speak for: those of a filter, or with certain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.reading import Columns
from airflow_provider_pipedrive.bulk.targets import LINK_OF
from airflow_provider_pipedrive.client.field_kinds import Field
from airflow_provider_pipedrive.client.field_values import Reference, value_key
from airflow_provider_pipedrive.client.values import InvalidValue
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.fields import FieldBook


class Within:
    """What the job's ``within`` means.

    :ivar filter_id: the filter that finds the records; None where values tell
    :raises PipedriveParameterError: it names a field or a value that there is not
    """

    def __init__(self, job: BulkJob, book: FieldBook, columns: Columns) -> None:
        self._flat = job.target.flat
        given = dict(job.within or {})
        self.filter_id = given.pop("filter_id", None)
        self._allowed = [
            (field, _values(book, name, field, given[name])) for name in given for field in [columns.field(name)]
        ]

    @property
    def fields(self) -> list[Field]:
        """The fields whose values tell."""
        return [field for field, _values in self._allowed]

    @property
    def deals(self) -> set[Any]:
        """Of links, the deals that they must belong to."""
        return {deal for field, values in self._allowed if field.key == LINK_OF for deal in values}

    def holds(self, record: Mapping[str, Any]) -> bool:
        """Whether the rows speak for a record; not where a filter tells: what it finds is read by itself."""
        return self.filter_id is None and all(
            value_key(self._has(field, record)) in {value_key(value) for value in values}
            for field, values in self._allowed
        )

    def _has(self, field: Field, record: Mapping[str, Any]) -> Any:
        return record.get(LINK_OF) if field.key == LINK_OF else field.kind.current(field, record, flat=self._flat)


def _values(book: FieldBook, name: str, field: Field, wanted: Any) -> list[Any]:
    """The values that ``within`` gives for a field."""
    try:
        values = [
            field.kind.to_wire(book, field, value)
            for value in (wanted if isinstance(wanted, list | tuple | set) else [wanted])
        ]
    except InvalidValue as invalid:
        raise PipedriveParameterError(f"within: {name} must be {invalid}") from None
    if any(isinstance(value, Reference) for value in values):
        raise PipedriveParameterError(f"within: {name} must be given by ids, not {wanted!r}.")
    return values
