"""The private folder of one task instance: where rows lie until they are loaded, and no longer."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from airflow_provider_pipedrive.errors import PipedriveParameterError

log = logging.getLogger(__name__)
KEPT_SECONDS: Final = 7 * 24 * 3600
"""What a run that died has left is removed by a later one after a week: until then a retry may go on from it."""
_PREFIX: Final = "pipedrive-"
_STARTED: Final = "started.json"


def own_root() -> Path:
    """The folder of this user's on this machine, which nobody else can look into.

    :raises PipedriveParameterError: something of that name is there and is not this user's
    """
    root = Path(tempfile.gettempdir()) / f"airflow-pipedrive-{os.geteuid()}"
    _make_private(root)
    return root


def folder_of(root: Any, scope: Mapping[str, Any]) -> Any:
    """The folder below ``root`` of what the scope says; the same at each try, and nobody else's.

    :param scope: everything that tells this task instance and what it asks for from others
    :raises PipedriveParameterError: something of that name is there and is not this user's
    """
    text = json.dumps(scope, sort_keys=True, default=str)
    folder = root / f"{_PREFIX}{hashlib.sha256(text.encode()).hexdigest()[:32]}"
    from airflow_provider_pipedrive.extraction.storage.files import write_json

    if _is_local(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make_private(folder)
    with private_files(folder):
        write_json(folder / _STARTED, {"time": time.time()})
    return folder


def remove_old(root: Any) -> None:
    """Remove what runs that died have left."""
    from airflow_provider_pipedrive.extraction.storage.files import read_json, remove_folder

    for folder in list(root.iterdir()) if root.exists() else ():
        if not folder.name.startswith(_PREFIX):
            continue
        try:
            started = read_json(folder / _STARTED)
            if started is not None and time.time() - started["time"] > KEPT_SECONDS:
                remove_folder(folder)
        except OSError as error:  # another task removes it too, or it is somebody else's
            log.info("%s was left by a run that ended, and cannot be removed: %s", folder, error)


@contextmanager
def private_files(folder: Any) -> Iterator[None]:
    """Files that are made meanwhile are for this user alone, where the folder is a local one."""
    if not _is_local(folder):
        yield
        return
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _is_local(folder: Any) -> bool:
    """Whether it is on this machine. On Airflow 2 a path into object storage is a ``Path`` too."""
    return isinstance(folder, Path) and "://" not in str(folder)


def _make_private(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        kind = "a link" if stat.S_ISLNK(found.st_mode) else f"of the user {found.st_uid}"
        raise PipedriveParameterError(
            f"The staging folder {folder} is {kind}, and not a folder of the user {os.geteuid()}, who runs this task: "
            "rows of the CRM are not put there. Remove it, or set staging or the environment's TMPDIR to a folder of "
            "this user's."
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
