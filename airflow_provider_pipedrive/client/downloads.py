"""Where a downloaded file goes."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

from airflow_provider_pipedrive.errors import PipedriveParameterError

DOWNLOAD_IN_MEMORY = 50 * 1024 * 1024
"""Bytes of a download that are returned without ``save_to``."""


class DownloadSink:
    """A binary file object, from its present place on, so that a broken download can begin again.

    :param action: names the action in errors
    :raises PipedriveParameterError: the file cannot be rewound
    :ivar failure: what the file raised when it was written to: the connection is not at fault
    """

    def __init__(self, file: BinaryIO, action: str) -> None:
        if isinstance(file, io.TextIOBase) or not file.seekable():
            raise PipedriveParameterError(
                f"{action}: a file is written to a binary file object that can be rewound: open it with 'wb', and "
                "give a pipe or a remote file a temporary file in between.",
                action=action,
            )
        self._file = file
        self._begin = file.tell()
        self.failure: OSError | None = None

    @property
    def length(self) -> int:
        """Bytes that have been written."""
        return self._file.tell() - self._begin

    def rewind(self) -> None:
        """Forget what has been written."""
        self._file.seek(self._begin)
        self._file.truncate()

    def write(self, chunk: bytes) -> None:
        """Add to it.

        :raises OSError: the file takes no more, such as on a full disk; it is :attr:`failure` from then on
        """
        try:
            self._file.write(chunk)
        except OSError as error:
            self.failure = error
            raise


class BoundedBytes(io.BytesIO):
    """Bytes in memory, up to a limit."""

    def __init__(self, limit: int, action: str) -> None:
        super().__init__()
        self._limit = limit
        self._action = action

    def write(self, chunk: Any) -> int:
        """Add to them.

        :raises PipedriveParameterError: there would be too many
        """
        if self.tell() + len(chunk) > self._limit:
            raise PipedriveParameterError(
                f"{self._action}: the file is larger than {self._limit // 1024**2} MB: give save_to, a path or a "
                "file object to write it to.",
                action=self._action,
            )
        return super().write(chunk)
