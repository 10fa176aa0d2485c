"""Files on their way to Pipedrive."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from urllib3.fields import RequestField
from urllib3.filepost import encode_multipart_formdata

from airflow_provider_pipedrive.errors import PipedriveParameterError


def multipart(action: str, fields: Sequence[tuple[str, str]], name: str, given: Any) -> tuple[bytes, str]:
    """A multipart body with one file, and its content type.

    :param given: a path, an object-storage path, bytes, a binary file object, or a pair (file name, any of these)
    :raises PipedriveParameterError: there is no file to be read
    """
    file_name, content = _read(action, name, given)
    part = RequestField(name, content, filename=file_name)
    part.make_multipart(content_type="application/octet-stream")
    return encode_multipart_formdata([*fields, part])


def _read(action: str, name: str, given: Any) -> tuple[str, bytes]:
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], str):
        return given[0], _read(action, name, given[1])[1]
    if isinstance(given, bytes | bytearray):
        return "file", bytes(given)
    if hasattr(given, "read"):
        content = given.read()
        if not isinstance(content, bytes):
            raise _unfit(action, name, "the file object gives text: open it in binary mode ('rb')")
        return Path(str(getattr(given, "name", "") or "file")).name, content
    if isinstance(given, str) and "://" not in given:
        given = Path(given)
    if hasattr(given, "open") and hasattr(given, "name"):
        return str(given.name), _from_path(action, name, given)
    raise _unfit(action, name, f"a path, bytes or a binary file object was expected, not {type(given).__name__}")


def _from_path(action: str, name: str, path: Any) -> bytes:
    try:
        with path.open("rb") as opened:
            return bytes(opened.read())
    except (OSError, ValueError) as error:  # a ValueError: the path has zero bytes
        why = getattr(error, "strerror", None) or type(error).__name__
        raise _unfit(action, name, f"{path} cannot be read: {why}") from error


def _unfit(action: str, name: str, why: str) -> PipedriveParameterError:
    return PipedriveParameterError(f"{action}: {name}: {why}.", action=action)
