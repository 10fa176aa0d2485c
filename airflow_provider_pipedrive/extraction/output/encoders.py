"""How records become rows of a part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.extraction.reading.pages import as_dict

if TYPE_CHECKING:
    import msgspec

    from airflow_provider_pipedrive.extraction.output.formats import FileColumn, PartWriter


class FixedEncoder:
    """Rows whose columns are known beforehand.

    :param columns: in order
    """

    def __init__(self, columns: Sequence[FileColumn]) -> None:
        self.columns = columns

    def write(self, part: PartWriter, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append them."""
        part.write([as_dict(record)[0] for record in records])
