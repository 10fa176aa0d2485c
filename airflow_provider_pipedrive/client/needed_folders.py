"""A file where a folder is needed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_pipedrive.errors import PipedriveParameterError


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
