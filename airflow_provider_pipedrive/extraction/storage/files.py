"""The few things that are done with a file, on a disk and in object storage alike.

A path is a :class:`pathlib.Path`, or one that has its fsspec file system as ``fs`` and its key as ``path``. What a kind
of storage can do better than fsspec does is in a module of its name.

In object storage nothing is made but keys: no bucket, no folder, nothing is renamed or copied. A key appears whole.
What is in :data:`STATE` on a disk is private to the user who runs the task.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.azure import AzureStore
from airflow_provider_pipedrive.extraction.storage.disk import DiskStore
from airflow_provider_pipedrive.extraction.storage.google import GoogleStore
from airflow_provider_pipedrive.extraction.storage.s3 import S3Store
from airflow_provider_pipedrive.extraction.storage.store import (
    WITH_FOLDERS,
    FileStore,
    FoundFile,
    file_system,
    protocols,
    side_by_side,
)

_STORES: Mapping[type[FileStore], frozenset[str]] = {
    DiskStore: frozenset({"file", "local"}),
    S3Store: frozenset({"s3", "s3a"}),
    GoogleStore: frozenset({"gs", "gcs"}),
    AzureStore: frozenset({"abfs", "abfss", "az", "adl"}),
}
_PRETTY = msgspec.json.format


def store_of(path: Any) -> FileStore:
    """What reads and writes at a path."""
    fs = file_system(path)
    if fs is None:
        return DiskStore()
    names = protocols(fs)
    return next((kind() for kind, known in _STORES.items() if names & known), FileStore())


def plain(path: Any) -> Any:
    """A path on a disk as one of ``pathlib``, though it came with a file system; any other as it is."""
    fs = file_system(path)
    return Path(path.path) if fs is not None and protocols(fs) & _STORES[DiskStore] else path


def read(path: Any) -> bytes:
    """What a file holds.

    :raises FileNotFoundError: there is none
    """
    return store_of(path).read(path)[0]


def write(path: Any, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time.

    :raises PipedriveParameterError: its bucket does not exist
    """
    with bucket_must_exist(path):
        store_of(path).write(path, content)


def remove(path: Any) -> None:
    """Remove a file that may not be there."""
    remove_all([path])


def make_folder(folder: Any) -> None:
    """Make a folder where files need one; private if it is a job's :data:`STATE`, or below one."""
    store_of(folder).make_folder(folder)


def files(folder: Any) -> list[FoundFile]:
    """The files that lie in a folder, not below it; none where there is no folder."""
    return store_of(folder).found(folder, below=False)


def below(folder: Any) -> list[FoundFile]:
    """The files that lie in a folder or below it, by their names from there, steps apart by ``/``."""
    return store_of(folder).found(folder, below=True)


def remove_all(paths: Sequence[Any]) -> None:
    """Remove files of one storage that may not be there: all in a request or a few, where it can."""
    if paths:
        store_of(paths[0]).remove(paths)


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
    return [work(item) for item in items] if file_system(place) is None else side_by_side(work, items)


def joined(folder: Any, name: str) -> Any:
    """The path of that name below a folder."""
    for step in filter(None, name.split("/")):
        folder = folder / step
    return folder


@contextmanager
def bucket_must_exist(path: Any) -> Iterator[None]:
    """Say so where a key cannot be written because there is no bucket for it: nothing else is needed for one.

    :raises PipedriveParameterError: there is none
    """
    try:
        yield
    except Exception as error:
        fs = file_system(path)
        missing = isinstance(error, FileNotFoundError) or type(error).__name__ == "ResourceNotFoundError"  # Azure's
        if fs is None or not missing or protocols(fs) & WITH_FOLDERS:
            raise
        bucket = path.path.lstrip("/").split("/")[0]
        raise PipedriveParameterError(
            f"path: there is no bucket or container {bucket!r} for {path}. Nothing is created in object storage but "
            "files: correct the name, or create it."
        ) from error


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
    """The JSON object that a file holds."""
    found = msgspec.json.decode(content)
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return found


def encoded(value: Mapping[str, Any]) -> bytes:
    """A JSON object as it is kept: people read it too."""
    return _PRETTY(msgspec.json.encode(value), indent=2) + b"\n"
