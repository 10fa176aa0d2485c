"""Files on a disk: written under a hidden name next to their own, replaced under a lock, private where they are a
job's state."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from airflow_provider_pipedrive.client.needed_folders import folders_needed
from airflow_provider_pipedrive.client.whole_files import whole_file
from airflow_provider_pipedrive.extraction.storage.store import FileStore, FoundFile, Version

STATE = "_pipedrive"
"""The folder of what a job keeps with its data. What is in it on a disk is private to the user who runs the task."""


class DiskStore(FileStore):
    """A disk."""

    def read(self, path: Path) -> tuple[bytes, Version]:
        """What a file holds, and its version."""
        content = path.read_bytes()
        return content, hashlib.sha256(content).hexdigest()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file whole or not at all, whoever else writes it at the same time."""
        self.make_folder(path.parent)
        with whole_file(path, private=STATE in path.parts, synced=False) as file:
            file.write(content)

    def opened(self, path: Path) -> BinaryIO:
        """A file to be read."""
        return path.open("rb")

    def copy(self, source: Path, target: Path) -> None:
        """Let a file have the bytes of another one, which is never changed: as a second name, where there can be."""
        self.make_folder(target.parent)
        hidden = target.with_name(f".{target.name}.{uuid.uuid4().hex}.tmp")
        try:
            hidden.hardlink_to(source)
            hidden.replace(target)
        except OSError:  # a file system without second names
            with source.open("rb") as file, whole_file(target) as copy:
                shutil.copyfileobj(file, copy)
        finally:
            hidden.unlink(missing_ok=True)

    def remove(self, paths: Sequence[Path]) -> None:
        """Remove files that may not be there."""
        for path in paths:
            with suppress(FileNotFoundError):
                path.unlink()

    def found(self, folder: Path, *, below: bool) -> list[FoundFile]:
        """The files in a folder."""
        if below:
            paths = ((path.relative_to(folder).as_posix(), path) for path in sorted(folder.rglob("*")))
            return [found for name, path in paths if (found := _found(name, path)) is not None]
        try:
            return [found for path in list(folder.iterdir()) if (found := _found(path.name, path)) is not None]
        except (FileNotFoundError, NotADirectoryError):
            return []

    def make_folder(self, folder: Path) -> None:
        """Make a folder; private if it is a job's state, or below it."""
        with folders_needed():
            if STATE in folder.parts:
                self._make_private(folder)
            else:
                folder.mkdir(parents=True, exist_ok=True)

    @staticmethod
    def _make_private(folder: Path) -> None:
        top = folder.parts.index(STATE)
        Path(*folder.parts[:top]).mkdir(parents=True, exist_ok=True)
        for steps in range(top + 1, len(folder.parts) + 1):
            each = Path(*folder.parts[:steps])
            each.mkdir(mode=0o700, exist_ok=True)
            if steps == top + 1 and each.stat().st_mode & 0o077:
                each.chmod(0o700)

    def remove_folder(self, folder: Path) -> None:
        """Remove a folder that no files are in, and those in it."""
        folders = sorted((path for path in folder.rglob("*") if path.is_dir()), key=lambda path: -len(path.parts))
        for path in (*folders, folder):
            with suppress(OSError):  # another run may have put something into it
                path.rmdir()

    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        self.make_folder(path.parent)
        name = path.parent / f".{path.name}.lock"
        while True:
            with name.open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, by a killed process too
                if _is_still(name, lock):
                    try:
                        yield
                    finally:
                        name.unlink(missing_ok=True)
                    return


def _is_still(name: Path, file: Any) -> bool:
    """Whether a file that was locked still has its name: whoever held it before removes it, and another may be made."""
    try:
        return os.path.samestat(name.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _found(name: str, path: Path) -> FoundFile | None:
    try:
        return None if path.is_dir() else FoundFile(name, path.lstat().st_mtime)
    except FileNotFoundError:  # removed meanwhile
        return None
