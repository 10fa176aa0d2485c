"""Labels that no option has: what becomes of their values, and the ids of options that were deleted.

A record keeps the id of an option that was deleted, and reading gives that id, for the label is gone. Written back, it
is not an option any more; but where the record has it, nothing would change.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.fields import EXPECTED
from airflow_provider_pipedrive.client.values import InvalidValue
from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.bulk.job import BulkJob
    from airflow_provider_pipedrive.client.directory import Directory
    from airflow_provider_pipedrive.client.field_kinds import Field
    from airflow_provider_pipedrive.client.fields import FieldBook

log = logging.getLogger(__name__)
DELETED: Final = "$deleted"
"""The key of ids among which some are of no option, in place of a value until its record is known."""
_MOST_TOLD: Final = 20
"""Labels that the log or an error names."""


class MissingLabels:
    """Collects the labels that a run's rows have and Pipedrive has not."""

    def __init__(self, job: BulkJob) -> None:
        self._job = job
        self._missing: dict[tuple[str, str], str] = {}
        self._dropped: Counter[tuple[str, str]] = Counter()

    def add(self, row: int, field: str, value: str, fault: str) -> None:
        """A row has a value that is read as empty, or that ends the run."""
        if self._job.missing_options == "null":
            self._dropped[field, value] += 1
        else:
            self._missing.setdefault((field, value), f"row {row}: {fault}")

    def refuse(self) -> None:
        """End the run where labels are missing.

        :raises PipedriveParameterError: naming the first of them
        """
        if not self._missing:
            return
        shown = list(self._missing.values())
        more = f", and {len(shown) - _MOST_TOLD} more" if len(shown) > _MOST_TOLD else ""
        raise PipedriveParameterError(
            f"Nothing was written, because labels are missing in Pipedrive: {'; '.join(shown[:_MOST_TOLD])}{more}. "
            'Correct them, or set missing_options="create" or "null".'
        )

    def tell(self) -> None:
        """Log the values that are read as empty."""
        for (field, label), number in self._dropped.most_common(_MOST_TOLD):
            log.warning(
                "%s: no option of %s is called %r: %s read as empty, for missing_options is null.",
                self._job.entity,
                field,
                label,
                counted(number, "value"),
            )


def deleted_options(book: FieldBook, field: Field, value: Any) -> Any:
    """A value with ids of options, deleted ones among them; None where it has something else."""
    try:
        return field.kind.to_wire(_WithDeleted(book), field, value)
    except InvalidValue:
        return None


def ids_in(value: Any) -> Any:
    """The ids in a value that may be those of deleted options; None where it has none.

    With ``missing_options="create"`` such an id is the label of an option that is expected.
    """
    if isinstance(value, Mapping):
        return value.get(DELETED)
    items = value if isinstance(value, list) else [value]
    if not any(_is_expected(item) for item in items):
        return None
    ids = [whole_number(item.removeprefix(EXPECTED)) if _is_expected(item) else item for item in items]
    if None in ids:
        return None
    return ids if isinstance(value, list) else ids[0]


def _is_expected(item: Any) -> bool:
    return isinstance(item, str) and item.startswith(EXPECTED)


class _WithDeleted:
    """Names of which a whole number may be the id of an option that was deleted."""

    def __init__(self, book: FieldBook) -> None:
        self._book = book
        self.entity = book.entity
        self.directory: Directory = book.directory

    def option_id(self, field: Field, value: Any) -> int | str:
        """The id of an option that is given by its label or its id, though it was deleted."""
        try:
            return self._book.option_id(field, value)
        except InvalidValue:
            number = whole_number(value)
            if number is None:
                raise
            return number
