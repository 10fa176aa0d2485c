"""Arguments that are switches: a text such as ``"no"`` would count as true."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.errors import PipedriveParameterError


def check_switches(owner: Any, *names: str) -> None:
    """Find attributes that are neither ``True`` nor ``False``.

    :raises PipedriveParameterError: one is not
    """
    for name in names:
        value = getattr(owner, name)
        if not isinstance(value, bool):
            raise PipedriveParameterError(f"{name} must be True or False, not {value!r}.")
