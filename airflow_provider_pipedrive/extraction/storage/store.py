"""What is asked of a place for files, and how fsspec's file systems do it: whichever has nothing better here.

A path is a :class:`pathlib.Path`, or one that has its fsspec file system as ``fs`` and its key as ``path``. Of file
systems only such calls are used as take a name for what it is: fsspec's ``exists``, ``rm``, ``mv`` and ``rename`` take
``[``, ``*`` and ``?`` for patterns, and may meet other keys.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import shutil
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, ClassVar, Literal, cast

Version = str | None
"""What a file was when it was read; None where there was none."""
WITH_FOLDERS = frozenset(
    {"file", "local", "sftp", "ssh", "smb", "ftp", "hdfs", "webhdfs", "arrow_hdfs", "dbfs", "memory"}
)
"""fsspec's protocols of file systems with folders, which have to be made; anywhere else a key needs none."""
Call = Literal["read", "write", "list", "remove"]
AT_ONCE = 16
"""Requests at once."""
BLOCK = 5 * 1024 * 1024
"""Bytes of a file that are read from object storage in one request, and in memory."""
PIECE = 32 * 1024 * 1024
"""Bytes that go to object storage in one request, from a disk: no more has to be sent again where a connection breaks
off. S3 takes 10,000 for a file: 320 GB. https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html"""
PIECES_AT_ONCE = 4
_IN_THIS_PROCESS = threading.Lock()


class ConflictError(OSError):
    """Somebody else has replaced a file first. It does not leave this folder."""


@dataclass(frozen=True)
class FoundFile:
    """A file in a folder.

    :ivar name: its name from there
    :ivar modified: when it was written, in seconds since the epoch; None where the storage does not tell
    """

    name: str
    modified: float | None


class FilePiece(io.RawIOBase):
    """Bytes of a file on a disk, from one place to another, read while they are sent, by several at once.

    The storages' clients close what they have sent, and may send it again: it does not close.
    """

    def __init__(self, source: BinaryIO, start: int, end: int) -> None:
        source.flush()
        self._file = source.fileno()
        self._start = start
        self._size = end - start
        self._place = 0

    def __len__(self) -> int:
        return self._size

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read again."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read as many bytes as there is room for.

        :raises OSError: it is shorter by now
        """
        wanted = min(len(buffer), self._size - self._place)
        found = os.pread(self._file, wanted, self._start + self._place)
        if wanted and not found:
            raise OSError(errno.EIO, "the file was cut short while it was read")
        buffer[: len(found)] = found
        self._place += len(found)
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Continue somewhere else."""
        self._place = offset + (0, self._place, self._size)[whence]
        return self._place

    def tell(self) -> int:
        """The place from the begin."""
        return self._place

    def close(self) -> None:
        """Leave that to whose file it is."""


class FileStore:
    """A file system of fsspec's. It has no conditional writes, so a file is read once more before it is replaced: that
    leaves a moment in which another machine can come between.

    :cvar rights: the right that each call needs, in the storage's own words
    """

    rights: ClassVar[Mapping[Call, str]] = {}

    def read(self, path: Any) -> tuple[bytes, Version]:
        """What a file holds, and its version.

        :raises FileNotFoundError: there is none
        """
        content = file_system(path).cat_file(path.path)
        return content, hashlib.sha256(content).hexdigest()

    def write(self, path: Any, content: bytes) -> None:
        """Write a file whole or not at all."""
        self.make_folder(path.parent)
        file_system(path).pipe_file(path.path, content)

    def replace(self, path: Any, content: bytes, version: Version) -> Version:
        """Replace a file that still has the version that was read: its new version; None where that is not known.

        :raises ConflictError: it is another one by now
        """
        with self._alone(path):
            try:
                _, present = self.read(path)
            except FileNotFoundError:
                present = None
            if present != version:
                raise conflict(path)
            self.write(path, content)
        return hashlib.sha256(content).hexdigest()

    def remove(self, paths: Sequence[Any]) -> None:
        """Remove files that may not be there."""
        some_at_once(self._remove, paths)

    def try_place(self, path: Any) -> None:
        """Find out whether a file can be written, and leave nothing there."""

    def upload(self, path: Any, source: BinaryIO, size: int) -> None:
        """Write a file from one on a disk, whole or not at all, block by block."""
        file = file_system(path).open(path.path, "wb", block_size=BLOCK)
        try:
            shutil.copyfileobj(source, file, BLOCK)
            file.close()
        except BaseException:
            with suppress(Exception):  # what ended it is what counts: out of reach, the storage has made nothing
                self.discard(path, file)
            raise

    def opened(self, path: Any) -> BinaryIO:
        """A file to be read. Of one in object storage a block is in memory: the file systems' own caches hold several,
        and read ahead.

        :raises FileNotFoundError: there is none
        """
        fs = file_system(path)
        if has_folders(fs):
            return cast(BinaryIO, fs.open(path.path, "rb"))
        return io.BufferedReader(fs.open(path.path, "rb", cache_type="none"), BLOCK)

    def copy(self, source: Any, target: Any) -> None:
        """Let a file have the bytes of another one, which is never changed."""
        self.make_folder(target.parent)
        file_system(source).cp_file(source.path, target.path)

    def discard(self, path: Any, file: Any) -> None:
        """Throw away a file that is being written."""
        file.close()
        self.remove([path])

    def found(self, folder: Any, *, below: bool) -> list[FoundFile]:
        """The files in a folder; none where there is no folder.

        :param below: those in its folders too, steps apart by ``/``
        """
        fs = file_system(folder)
        fs.invalidate_cache(folder.path)
        try:
            listed = fs.find(folder.path, detail=True).values() if below else fs.ls(folder.path, detail=True)
        except FileNotFoundError:
            return []
        begin = f"{folder.path.strip('/')}/"
        names = {each["name"].lstrip("/").removeprefix(begin): each for each in listed if each["type"] == "file"}
        return [FoundFile(name, modified(each)) for name, each in sorted(names.items()) if name]

    def make_folder(self, folder: Any) -> None:
        """Make a folder where files need one."""
        fs = file_system(folder)
        if has_folders(fs):
            fs.makedirs(folder.path, exist_ok=True)

    def remove_folder(self, folder: Any) -> None:
        """Remove a folder that no files are in."""
        fs = file_system(folder)
        if has_folders(fs):
            with suppress(OSError):
                fs.rm(folder.path, recursive=True)

    def _remove(self, path: Any) -> None:
        with suppress(FileNotFoundError):
            file_system(path).rm_file(path.path)

    @contextmanager
    def _alone(self, path: Any) -> Iterator[None]:
        with _IN_THIS_PROCESS:
            yield


def file_system(path: Any) -> Any:
    """The fsspec file system of a path; None for one on a disk.

    Airflow 2's paths in object storage are ``pathlib`` paths too.
    """
    return getattr(path, "fs", None)


def protocols(fs: Any) -> frozenset[str]:
    """The names of a file system's kind, such as ``s3`` and ``s3a``."""
    names = fs.protocol
    return frozenset([names] if isinstance(names, str) else names)


def has_folders(fs: Any) -> bool:
    """Whether a file system has folders, which have to be made."""
    return bool(protocols(fs) & WITH_FOLDERS)


def pieces(source: BinaryIO, size: int, largest: int = PIECE) -> list[FilePiece]:
    """A file on a disk, in the pieces in which it is sent; none of an empty one."""
    return [FilePiece(source, start, min(start + largest, size)) for start in range(0, size, largest)]


async def each_sent(send: Callable[[int, FilePiece], Awaitable[Any]], parts: Sequence[FilePiece]) -> list[Any]:
    """Send pieces of a file, some at once: what each came to.

    :param send: sends the one with that number, from 1
    """
    import asyncio  # a plain script that extracts to its disk needs none of its 40 modules

    some = asyncio.Semaphore(PIECES_AT_ONCE)

    async def one(number: int, piece: FilePiece) -> Any:
        async with some:
            return await send(number, piece)

    return await asyncio.gather(*(one(number, piece) for number, piece in enumerate(parts, 1)))


def conflict(path: Any) -> ConflictError:
    """The error that says so of a file."""
    return ConflictError(errno.EBUSY, "somebody else has replaced it meanwhile", str(path))


def some_at_once(work: Callable[[Any], Any], items: Sequence[Any]) -> list[Any]:
    """Do something with many things, some at once: each takes a request's time. The first error is raised."""
    if len(items) < 2:
        return [work(item) for item in items]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="storage") as pool:
        return list(pool.map(work, items))


def modified(listed: Mapping[str, Any]) -> float | None:
    """When a file was written. Each of fsspec's file systems has a name of its own for that."""
    for name in ("LastModified", "last_modified", "mtime", "updated", "created"):
        found = listed.get(name)
        if isinstance(found, str):
            found = datetime.fromisoformat(found)
        if isinstance(found, datetime):
            return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
        if isinstance(found, int | float):
            return float(found)
    return None
