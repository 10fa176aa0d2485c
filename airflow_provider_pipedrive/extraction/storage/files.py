"""The few things that are done with a file, on a disk and in object storage alike.

A path is a :class:`pathlib.Path`, or one that has its fsspec file system as ``fs`` and its key as ``path``. Of file
systems only such calls are used as take a name for what it is: fsspec's ``exists``, ``rm``, ``mv`` and ``rename`` take
``[``, ``*`` and ``?`` for patterns, and may meet other keys.

In object storage nothing is made but keys: no bucket, no folder, nothing is renamed or copied. A key appears whole.
What is in :data:`STATE` on a disk is private to the user who runs the task.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_pipedrive.client.needed_folders import folders_needed
from airflow_provider_pipedrive.client.whole_files import whole_file
from airflow_provider_pipedrive.errors import PipedriveParameterError

STATE = "_pipedrive"
"""The folder of what a job keeps with its data."""
WITH_FOLDERS = frozenset(
    {"file", "local", "sftp", "ssh", "smb", "ftp", "hdfs", "webhdfs", "arrow_hdfs", "dbfs", "memory"}
)
"""fsspec's protocols of file systems with folders, which have to be made; anywhere else a key needs none."""
_ADDRESS = re.compile(r"[A-Za-z][\w+.-]+:/")
"""What an address begins with, one that ``pathlib`` has made a path of among them; ``C:/`` is none."""
_AT_ONCE = 16
_PRETTY = msgspec.json.format


@dataclass(frozen=True)
class FoundFile:
    """A file in a folder.

    :ivar name: its name from there
    :ivar modified: when it was written, in seconds since the epoch; None where the storage does not tell
    """

    name: str
    modified: float | None


def file_system(path: Any) -> Any:
    """The fsspec file system of a path; None for one on a disk.

    Airflow 2's paths in object storage are ``pathlib`` paths too.
    """
    return getattr(path, "fs", None)


def folder_path(given: Any) -> Any:
    """A folder as the functions below take it: one on a disk is of ``pathlib``, though it came with a file system.

    :param given: what the caller has: a text or a ``pathlib.Path`` for one on a disk, or a path that has its fsspec
        file system
    :raises PipedriveParameterError: it is none of these
    """
    fs = file_system(given)
    if fs is not None:
        return Path(given.path) if protocols(fs) & {"file", "local"} else given
    text = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(text, str) or not text.strip():
        raise PipedriveParameterError(f"The folder must be a path, such as 'exports/crm', not {given!r}.")
    if _ADDRESS.match(text):
        raise PipedriveParameterError(
            f"The folder {text} is not on a disk: give it as a path that knows its file system, such as Airflow's "
            "ObjectStoragePath."
        )
    return Path(text)


def protocols(fs: Any) -> frozenset[str]:
    """The names of a file system's kind, such as ``s3`` and ``s3a``."""
    names = fs.protocol
    return frozenset([names] if isinstance(names, str) else names)


def read(path: Any) -> bytes:
    """What a file holds.

    :raises FileNotFoundError: there is none
    """
    fs = file_system(path)
    content: bytes = path.read_bytes() if fs is None else fs.cat_file(path.path)
    return content


def write(path: Any, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time.

    :raises PipedriveParameterError: its bucket does not exist
    """
    fs = file_system(path)
    with bucket_must_exist(path):
        make_folder(path.parent)
        if fs is not None:
            fs.pipe_file(path.path, content)
            return
        with whole_file(path, private=STATE in path.parts, synced=False) as file:
            file.write(content)


def remove(path: Any) -> None:
    """Remove a file that may not be there."""
    fs = file_system(path)
    with suppress(FileNotFoundError):
        if fs is None:
            path.unlink()
        else:
            fs.rm_file(path.path)


def make_folder(folder: Any) -> None:
    """Make a folder where files need one; private if it is a job's :data:`STATE`, or below one.

    :raises PipedriveParameterError: a file is where a folder is needed
    """
    fs = file_system(folder)
    if fs is None:
        with folders_needed():
            if STATE in folder.parts:
                _make_private(folder)
            else:
                folder.mkdir(parents=True, exist_ok=True)
    elif protocols(fs) & WITH_FOLDERS:
        fs.makedirs(folder.path, exist_ok=True)


def files(folder: Any) -> list[FoundFile]:
    """The files that lie in a folder, not below it; none where there is no folder."""
    fs = file_system(folder)
    if fs is None:
        try:
            entries = list(folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []
        return [found for found in map(_on_disk, entries) if found is not None]
    fs.invalidate_cache(folder.path)
    try:
        listed = fs.ls(folder.path, detail=True)
    except FileNotFoundError:
        return []
    plain = [each for each in listed if each["type"] == "file"]
    return [FoundFile(_last(each["name"]), _modified(each)) for each in plain if _last(each["name"])]


def below(folder: Any) -> list[FoundFile]:
    """The files that lie in a folder or below it, by their names from there, steps apart by ``/``."""
    fs = file_system(folder)
    if fs is None:
        found = ((path.relative_to(folder).as_posix(), _on_disk(path)) for path in sorted(folder.rglob("*")))
        return [FoundFile(name, file.modified) for name, file in found if file is not None]
    fs.invalidate_cache(folder.path)
    begin = f"{folder.path.strip('/')}/"
    try:
        keys = fs.find(folder.path, detail=True)
    except FileNotFoundError:
        return []
    return [FoundFile(key.lstrip("/").removeprefix(begin), _modified(known)) for key, known in sorted(keys.items())]


def remove_all(paths: Sequence[Any]) -> None:
    """Remove files that may not be there."""
    on_each(remove, paths)


def remove_folder(folder: Any) -> None:
    """Remove a folder and what is in it."""
    remove_all([joined(folder, found.name) for found in below(folder)])
    fs = file_system(folder)
    if fs is None:
        folders = sorted((path for path in folder.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
        for path in (*folders, folder):
            with suppress(OSError):  # another run may have put something into it
                path.rmdir()
    elif protocols(fs) & WITH_FOLDERS:
        with suppress(OSError):
            fs.rm(folder.path, recursive=True)


def on_each(work: Callable[[Any], Any], paths: Sequence[Any]) -> list[Any]:
    """Do something with many files: in object storage with some at once, for each takes a request's time."""
    if len(paths) < 2 or file_system(paths[0]) is None:
        return [work(path) for path in paths]
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="storage") as pool:
        return list(pool.map(work, paths))


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


# ---- on a disk


def _make_private(folder: Path) -> None:
    top = folder.parts.index(STATE)
    Path(*folder.parts[:top]).mkdir(parents=True, exist_ok=True)
    for steps in range(top + 1, len(folder.parts) + 1):
        each = Path(*folder.parts[:steps])
        each.mkdir(mode=0o700, exist_ok=True)
        if steps == top + 1 and each.stat().st_mode & 0o077:
            each.chmod(0o700)


def _on_disk(path: Path) -> FoundFile | None:
    try:
        return None if path.is_dir() else FoundFile(path.name, path.lstat().st_mtime)
    except FileNotFoundError:  # removed meanwhile
        return None


# ---- in object storage


def _last(key: str) -> str:
    return key.rsplit("/", 1)[-1]


def _modified(listed: Mapping[str, Any]) -> float | None:
    """When a key was written. Each of fsspec's file systems has a name of its own for that."""
    for name in ("LastModified", "last_modified", "mtime", "updated", "created"):
        found = listed.get(name)
        if isinstance(found, str):
            found = datetime.fromisoformat(found)
        if isinstance(found, datetime):
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        if isinstance(found, int | float):
            return float(found)
    return None
