"""Files on their way to Pipedrive: read while they are sent, from their begin at each attempt."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from urllib3.fields import RequestField
from urllib3.filepost import choose_boundary, encode_multipart_formdata

from airflow_provider_pipedrive.errors import PipedriveParameterError

BLOCK = 64 * 1024
"""Bytes of a file that are read and sent at once."""
_Opens = Callable[[], AbstractContextManager[Any]]


class Upload:
    """A multipart body with one file. The file is opened for each attempt, and never in memory as a whole, unless it is
    given as bytes, or as a file object that cannot be rewound.

    :param fields: the other fields of the form
    :param given: a path, an object-storage path, bytes, a binary file object, or a pair (file name, any of these)
    :ivar content_type: what the body is
    :raises PipedriveParameterError: there is no file to be read
    """

    def __init__(self, action: str, fields: Sequence[tuple[str, str]], name: str, given: Any) -> None:
        self._place = f"{action}: {name}", action
        file_name, self._what, self._opens = self._source(given)
        with self._readable(), self._opens() as file:
            begin = file.tell()
            self._size: int = file.seek(0, io.SEEK_END) - begin
        boundary = choose_boundary()
        part = RequestField(name, b"", filename=file_name)
        part.make_multipart(content_type="application/octet-stream")
        empty, self.content_type = encode_multipart_formdata([*fields, part], boundary)
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._head = empty.removesuffix(self._tail)

    def __len__(self) -> int:
        return len(self._head) + self._size + len(self._tail)

    @contextmanager
    def opened(self) -> Iterator[Iterator[bytes]]:
        """The body in blocks.

        :raises PipedriveParameterError: the file cannot be read any more, or has another size by now
        """
        with self._readable():
            file = self._opens()
        with file as opened:
            yield self._blocks(opened)

    def _blocks(self, file: Any) -> Iterator[bytes]:
        yield self._head
        left = self._size
        while left:
            block = self._read(file, min(BLOCK, left))
            if not block:
                raise self._unfit(f"{self._what} has become shorter while it was read")
            left -= len(block)
            yield block
        if self._read(file, 1):
            raise self._unfit(f"{self._what} has become longer while it was read")
        yield self._tail

    def _read(self, file: Any, size: int) -> bytes:
        with self._readable():
            return bytes(file.read(size))

    @contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # a ValueError: the path has zero bytes
            why = getattr(error, "strerror", None) or type(error).__name__
            raise self._unfit(f"{self._what} cannot be read: {why}") from error

    def _source(self, given: Any) -> tuple[str, str, _Opens]:
        """The file's name, what it is called in errors, and what opens it."""
        if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
            return given[0], *self._source(given[1])[1:]
        if isinstance(given, bytes | bytearray):
            return "file", "the file", partial(io.BytesIO, given)
        if hasattr(given, "read"):
            name = Path(str(getattr(given, "name", "") or "file")).name
            return name, name, self._opens_again(given)
        if isinstance(given, str) and "://" not in given:
            given = Path(given)
        if hasattr(given, "open") and hasattr(given, "name"):
            return str(given.name), str(given), partial(given.open, "rb")
        raise self._unfit(f"a path, bytes or a binary file object was expected, not {type(given).__name__}")

    def _opens_again(self, file: Any) -> _Opens:
        """A file object, from where it is now on."""
        if not hasattr(file, "seekable") or not file.seekable():
            content = file.read()
            if isinstance(content, bytes):
                return partial(io.BytesIO, content)
        elif isinstance(file.read(0), bytes):
            return partial(_rewound, file, file.tell())
        raise self._unfit("the file object gives text: open it in binary mode ('rb')")

    def _unfit(self, why: str) -> PipedriveParameterError:
        place, action = self._place
        return PipedriveParameterError(f"{place}: {why}.", action=action)


@contextmanager
def _rewound(file: Any, begin: int) -> Iterator[Any]:
    file.seek(begin)
    yield file
