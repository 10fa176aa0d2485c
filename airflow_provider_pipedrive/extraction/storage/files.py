"""The few things that are done with a file, on a disk and in object storage alike.

A path is a :class:`pathlib.Path`, or one that has its fsspec file system as ``fs`` and its key as ``path``. What a kind
of storage can do better than fsspec does is in a module of its name.

In object storage nothing is made but keys: no bucket, no folder, nothing is renamed or copied. A key appears whole.
What is in :data:`STATE` on a disk is private to the user who runs the task.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import msgspec

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.azure import AzureStore
from airflow_provider_pipedrive.extraction.storage.disk import DiskStore
from airflow_provider_pipedrive.extraction.storage.google import GoogleStore
from airflow_provider_pipedrive.extraction.storage.refusals import refusals_told
from airflow_provider_pipedrive.extraction.storage.s3 import S3Store
from airflow_provider_pipedrive.extraction.storage.store import (
    Call,
    FilePiece,
    FileStore,
    FoundFile,
    file_system,
    protocols,
    some_at_once,
)

_STORES: Mapping[type[FileStore], frozenset[str]] = {
    DiskStore: frozenset({"file", "local"}),
    S3Store: frozenset({"s3", "s3a"}),
    GoogleStore: frozenset({"gs", "gcs"}),
    AzureStore: frozenset({"abfs", "abfss", "az", "adl"}),
}
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:/")
"""What an address begins with, one that ``pathlib`` has made a path of among them; ``C:/`` is none."""
_PRETTY = msgspec.json.format


def store_of(path: Any) -> FileStore:
    """What reads and writes at a path."""
    fs = file_system(path)
    if fs is None:
        return DiskStore()
    names = protocols(fs)
    return next((kind() for kind, known in _STORES.items() if names & known), FileStore())


def folder_path(given: Any) -> Any:
    """A folder as the functions below take it: one on a disk is of ``pathlib``, though it came with a file system.

    :param given: what the caller has: a text or a ``pathlib.Path`` for one on a disk, or a path that has its fsspec
        file system
    :raises PipedriveParameterError: it is none of these
    """
    fs = file_system(given)
    if fs is not None:
        return Path(given.path) if protocols(fs) & _STORES[DiskStore] else given
    text = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(text, str) or not text.strip():
        raise PipedriveParameterError(f"The folder must be a path, such as 'exports/crm', not {given!r}.")
    if _ADDRESS.match(text):
        raise PipedriveParameterError(
            f"The folder {text} is not on a disk: give it as a path that knows its file system, such as Airflow's "
            "ObjectStoragePath."
        )
    return Path(text)


def read(path: Any) -> bytes:
    """What a file holds.

    :raises FileNotFoundError: there is none
    """
    with calling("read", path) as store:
        return store.read(path)[0]


def write(path: Any, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time.

    :raises PipedriveParameterError: its bucket does not exist
    """
    with calling("write", path) as store:
        store.write(path, content)


class NewKey:
    """A file for object storage, on a disk until it is finished: out of anybody else's sight there, and gone with this
    process. The key appears when it is finished.

    :ivar file: where its bytes go
    """

    def __init__(self, path: Any) -> None:
        self._path = path
        self.file: BinaryIO = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115 - closed by finish and discard

    def upload(self) -> None:
        """Let it appear, and stay on the disk, too."""
        upload(self._path, self.file)

    def finish(self) -> None:
        """Let it appear."""
        with self.file:
            self.upload()

    def opened(self) -> BinaryIO:
        """Its bytes, to be read while it is on the disk."""
        return io.BufferedReader(FilePiece(self.file, 0, self.file.seek(0, os.SEEK_END)))

    def discard(self) -> None:
        """Throw it away."""
        self.file.close()


class StoredFile:
    """A file in object storage for who opens it to read it. In memory is what the storage's client makes of a block.

    :ivar protocol: of its file system
    :ivar path: its key
    """

    def __init__(self, path: Any) -> None:
        self._path = path
        self.name = str(path.name)
        self.protocol = getattr(path, "protocol", "")
        self.path = str(path.path)

    def __str__(self) -> str:
        return str(self._path)

    def open(self, _: str = "rb") -> OpenedFile:
        """Open it, without a word to Airflow's lineage, which would name the connection.

        :raises FileNotFoundError: there is none
        """
        with calling("read", self._path) as store:
            return OpenedFile(self._path, store.opened(self._path))


class OpenedFile:
    """A file in object storage that is being read."""

    def __init__(self, path: Any, file: Any) -> None:
        self._path = path
        self._file = file

    def __enter__(self) -> OpenedFile:
        return self

    def __exit__(self, *raised: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """So many bytes, or all that are left."""
        with calling("read", self._path):
            return bytes(self._file.read(size))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Continue somewhere else: the place from the begin."""
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        """The place from the begin."""
        return int(self._file.tell())


def try_place(path: Any) -> None:
    """Find out whether a file can be written, before much is done for it. Nothing is left there.

    :raises PipedriveParameterError: there is no such bucket
    :raises PipedriveStorageError: the storage does not allow it, or does not answer now
    """
    with calling("write", path) as store:
        store.try_place(path)


def upload(path: Any, source: BinaryIO) -> None:
    """Write a file in object storage from one on a disk, whole or not at all."""
    size = source.seek(0, os.SEEK_END)
    source.seek(0)
    with calling("write", path) as store:
        store.upload(path, source, size)


def copy(source: Any, target: Any) -> None:
    """Let a file have the bytes of another one of its storage, which is never changed: whole, in one step.

    :raises FileNotFoundError: there is no such file
    """
    with calling("write", target) as store:
        store.copy(source, target)


def remove(path: Any) -> None:
    """Remove a file that may not be there."""
    remove_all([path])


def make_folder(folder: Any) -> None:
    """Make a folder where files need one; private if it is a job's :data:`STATE`, or below one.

    :raises PipedriveParameterError: a file is where a folder is needed
    """
    store_of(folder).make_folder(folder)


def files(folder: Any) -> list[FoundFile]:
    """The files that lie in a folder, not below it; none where there is no folder."""
    with calling("list", folder) as store:
        return store.found(folder, below=False)


def below(folder: Any) -> list[FoundFile]:
    """The files that lie in a folder or below it, by their names from there, steps apart by ``/``."""
    with calling("list", folder) as store:
        return store.found(folder, below=True)


def remove_all(paths: Sequence[Any]) -> None:
    """Remove files of one storage that may not be there: all in a request or a few, where it can."""
    if paths:
        with calling("remove", paths[0]) as store:
            store.remove(paths)


def remove_folder(folder: Any) -> None:
    """Remove a folder and what is in it."""
    remove_all([joined(folder, found.name) for found in below(folder)])
    remove_empty(folder)


def remove_empty(folder: Any) -> None:
    """Remove a folder that no files are in, where there are folders."""
    store_of(folder).remove_folder(folder)


def on_each(work: Callable[[Any], Any], items: Sequence[Any], place: Any) -> list[Any]:
    """Do something for each of many things: some at once where the place is object storage, for each takes a request's
    time. The first error is raised.

    :param place: any path there
    """
    return [work(item) for item in items] if file_system(place) is None else some_at_once(work, items)


def side_by_side(works: Sequence[Callable[[], Any]], place: Any) -> list[Any]:
    """Do things that do not need each other: see :func:`on_each`."""
    return on_each(lambda work: work(), works, place)


def joined(folder: Any, name: str) -> Any:
    """The path of that name below a folder."""
    for step in filter(None, name.split("/")):
        folder = folder / step
    return folder


@contextmanager
def calling(call: Call, path: Any) -> Iterator[FileStore]:
    """What reads and writes at a path, its errors told by what they mean: see
    :func:`~airflow_provider_pipedrive.extraction.storage.refusals.refusals_told`."""
    store = store_of(path)
    with refusals_told(path, call, store.rights):
        yield store


# ---- JSON


def read_json(path: Any) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file."""
    try:
        content = read(path)
    except FileNotFoundError:
        return None
    return decoded(path, content)


def write_json(path: Any, value: Mapping[str, Any]) -> None:
    """Write a JSON object whole or not at all."""
    write(path, encoded(value))


def decoded(path: Any, content: bytes) -> dict[str, Any]:
    """The JSON object that a file holds.

    :raises ValueError: it holds none
    """
    try:
        found = msgspec.json.decode(content)
    except msgspec.DecodeError as error:  # no ValueError before msgspec 0.21
        raise ValueError(f"{path} does not hold JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return found


def encoded(value: Mapping[str, Any]) -> bytes:
    """A JSON object as it is kept: people read it too."""
    return _PRETTY(msgspec.json.encode(value), indent=2) + b"\n"
