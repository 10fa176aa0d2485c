"""A JSON file that several runs replace: each only the version that it has read (compare and swap).

On a disk it is replaced under a lock. In object storage the store itself compares, in the request that writes, by ETag
or generation. Any other storage, or an S3 that knows no conditional writes, is read once more before it is written:
that leaves a moment in which another machine can come between.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, NamedTuple

from airflow_provider_pipedrive.extraction.storage.files import calling, decoded, encoded
from airflow_provider_pipedrive.extraction.storage.store import ConflictError, Version, file_system

_WRITE = "write"
"""Tells what one call has written in object storage from what any other has, though it be alike."""


class Versioned(NamedTuple):
    """What a file held when it was read or written; ``(None, None)`` where there was no file.

    :ivar version: None too where the storage did not tell it: then read the file before you replace it
    """

    value: dict[str, Any] | None
    version: Version


def read_versioned(path: Any) -> Versioned:
    """The JSON object in a file, and its version."""
    try:
        with calling("read", path) as store:
            content, version = store.read(path)
    except FileNotFoundError:
        return Versioned(None, None)
    value = decoded(path, content)
    value.pop(_WRITE, None)
    return Versioned(value, version)


def replace_versioned(path: Any, value: Mapping[str, Any], version: Version) -> Versioned | None:
    """Replace a file, if it is still what it was when it was read.

    :param version: as :func:`read_versioned` gave it; None makes a new file
    :returns: what is there now; None if somebody else was faster: read again, and decide again
    :raises PipedriveParameterError: its bucket does not exist
    """
    is_on_disk = file_system(path) is None
    # A request whose answer is lost is sent again by the storage's client, and then meets what it has written itself.
    content = encoded(value if is_on_disk else {**value, _WRITE: uuid.uuid4().hex})
    try:
        with calling("write", path) as store:
            new = store.replace(path, content, version)
    except ConflictError:
        if is_on_disk:
            return None
        present, new = _present(path)
        if present != content:
            return None
    return Versioned(dict(value), new)


def _present(path: Any) -> tuple[bytes | None, Version]:
    try:
        with calling("read", path) as store:
            return store.read(path)
    except FileNotFoundError:
        return None, None
