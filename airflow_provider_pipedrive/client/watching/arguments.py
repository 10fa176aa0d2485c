"""Arguments as DAG authors write them, and as templates render them (always text)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from airflow_provider_pipedrive.client.watching.naming import Ref
from airflow_provider_pipedrive.errors import PipedriveParameterError


def ref(name: str, value: Any) -> Ref:
    """An id or a name; the text of a whole number is an id.

    :raises PipedriveParameterError: it is neither
    """
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    if isinstance(value, str) and value.strip():
        text = value.strip()
        return int(text) if text.isdecimal() else text
    raise PipedriveParameterError(f"{name} must be an id or a name, not {value!r}.")


def refs(name: str, value: Any) -> tuple[Ref, ...]:
    """One or several ids or names; the text of a JSON list is a list."""
    return tuple(dict.fromkeys(ref(name, item) for item in several(value)))


def number(name: str, value: Any) -> int:
    """A whole number from 0 on, or its text.

    :raises PipedriveParameterError: it is none
    """
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdecimal()):
        raise PipedriveParameterError(f"{name} must be a whole number, not {value!r}.")
    return int(text)


def numbers(name: str, value: Any) -> tuple[int, ...]:
    """One or several whole numbers, each once."""
    return tuple(dict.fromkeys(number(name, item) for item in several(value)))


def several(value: Any) -> list[Any]:
    """A list of what was given: itself, what the text of a JSON list holds, or what commas divide where all of it is
    numbers. Names may hold commas."""
    if isinstance(value, str):
        text = value.strip()
        if text.startswith("["):
            try:
                # Jinja writes lists as Python does.
                found = json.loads(text if '"' in text else text.replace("'", '"'))
            except ValueError:
                return [value]
            return list(found)
        parts = [part.strip() for part in text.split(",")]
        return parts if len(parts) > 1 and all(part.isdecimal() for part in parts) else [value]
    if isinstance(value, Sequence | set | frozenset):
        return list(value)
    return [] if value is None else [value]
