"""Files that are there whole or not at all, and a file where a folder is needed."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from airflow_provider_pipedrive.errors import PipedriveParameterError


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write into, which takes the place of ``path`` when the block ends well: it is written next to it, on
    disk before it is renamed, and removed when the block fails.

    :raises OSError: it cannot be written
    """
    unfinished = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with unfinished.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def folders_needed() -> Iterator[None]:
    """Say which file is where a block needs a folder.

    :raises PipedriveParameterError: one is
    """
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        path = Path(os.fsdecode(error.filename))
        file = next((each for each in (path, *path.parents) if each.is_file()), path)
        raise PipedriveParameterError(f"{file} is a file, and a folder is needed there: give another path.") from error
