"""Small files that processes of one user on one machine share.

- They are in a folder that belongs to this user and that nobody else may enter (0700; links are not followed), files
  0600.
- They are written behind an advisory lock, which the operating system lifts when its holder dies.

Where one of this cannot be had, each process does without. That is never an error.
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

FOLDER_VARIABLE = "PIPEDRIVE_TOKEN_CACHE"
"""Environment variable with another folder, in one that exists; an empty value ends the sharing."""


def shared_folder() -> Path | None:
    """The folder, which may not exist yet; ``None`` where nothing is shared."""
    given = os.environ.get(FOLDER_VARIABLE)
    if given is not None:
        return Path(given) if given else None
    if fcntl is None:
        return None
    return Path(tempfile.gettempdir()) / f"airflow-provider-pipedrive-{os.geteuid()}"


def open_private(folder: Path, name: str, *, create: bool) -> int:
    """The file, open for reading and writing.

    :raises OSError: it cannot be had, or others than this user can reach it
    """
    if create:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        _demand_private(place, stat.S_ISDIR)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_CREAT if create else 0)
        file = os.open(name, flags, 0o600, dir_fd=place)
    finally:
        os.close(place)
    try:
        _demand_private(file, stat.S_ISREG)
    except OSError:
        os.close(file)
        raise
    return file


def try_lock(file: int) -> bool:
    """Whether this process has the file's lock now.

    :raises OSError: the file system has no locks
    """
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(file: int) -> None:
    """Give the lock back. Closing the file does not: a process forked meanwhile has it open too."""
    fcntl.flock(file, fcntl.LOCK_UN)


def overwrite(file: int, content: bytes) -> None:
    """Put ``content`` in place of what is there.

    :raises OSError: there is no room
    """
    os.pwrite(file, content, 0)
    os.ftruncate(file, len(content))


def _demand_private(opened: int, is_right_kind: Callable[[int], bool]) -> None:
    found = os.fstat(opened)
    if not is_right_kind(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(f"the folder of {FOLDER_VARIABLE}, or a file in it, is not this user's alone")
