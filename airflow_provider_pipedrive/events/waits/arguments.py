"""Arguments as DAG authors write them, and as templates render them (always text)."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.name_refs import Ref

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_EXAMPLE_UUID = "adf21080-0e10-11eb-879b-05d71fb426ec"


def ref(name: str, value: Any) -> Ref:
    """An id or a name; the text of a whole number is an id.

    :raises PipedriveParameterError: it is neither
    """
    found = whole_number(value)
    if found is not None and found > 0:
        return found
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise PipedriveParameterError(f"{name} must be an id or a name, not {value!r}.")


def refs(name: str, value: Any) -> tuple[Ref, ...]:
    """One or several ids or names; the text of a JSON list is a list.

    :raises PipedriveParameterError: one is neither, or there is none
    """
    found = tuple(dict.fromkeys(ref(name, item) for item in several(value)))
    if not found:
        raise PipedriveParameterError(f"{name} is an empty list: there is nothing to wait for.")
    return found


def record_id(name: str, value: Any) -> int | str:
    """A record's id: leads have UUIDs, everything else has numbers from 1 on.

    :raises PipedriveParameterError: it is none
    """
    if name == "lead_id":
        text = str(value).strip()
        if not _UUID.fullmatch(text):
            raise PipedriveParameterError(f"lead_id must be a lead's id, such as {_EXAMPLE_UUID}, not {value!r}.")
        return text
    found = number(name, value)
    if not found:
        raise PipedriveParameterError(f"{name} must be the id of a record, not {value!r}.")
    return found


def number(name: str, value: Any) -> int:
    """A whole number from 0 on, or its text.

    :raises PipedriveParameterError: it is none
    """
    found = whole_number(value)
    if found is None or found < 0:
        raise PipedriveParameterError(f"{name} must be a whole number, not {value!r}.")
    return found


def record_ids(name: str, value: Any) -> tuple[int, ...]:
    """The ids of one or several records, each once."""
    return tuple(dict.fromkeys(int(record_id(name, item)) for item in several(value)))


def patterns(name: str, value: Any, example: str) -> tuple[str, ...]:
    """One or several texts that names are compared with.

    :param example: of such a text, for the error
    :raises PipedriveParameterError: one is not a text
    """
    found = [] if value == "" else several(value)  # a template may render to nothing
    if not all(isinstance(item, str) and item.strip() for item in found):
        raise PipedriveParameterError(f"{name} must be a text such as {example!r}, or a list of them, not {value!r}.")
    return tuple(found)


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
