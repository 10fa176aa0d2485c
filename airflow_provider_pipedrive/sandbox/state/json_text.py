"""JSON as Pipedrive reads and writes it: half a surrogate pair is a text like any other, in both directions.

JavaScript's strings may hold one, its JSON escapes it (https://tc39.es/ecma262/#sec-json.stringify).
"""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

import msgspec

_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def encode(value: Any) -> bytes:
    """A value as JSON."""
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode("ascii")


def decode(raw: bytes) -> Any:
    """The value of a JSON document.

    :raises ValueError: it is not one, or it is not UTF-8
    """
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        if not _SURROGATE.search(raw):
            raise ValueError(str(error)) from None  # which it is itself since msgspec 0.21 only
        return json.loads(raw, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")
