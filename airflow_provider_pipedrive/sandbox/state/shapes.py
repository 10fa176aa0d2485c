"""Which fields Pipedrive's answers have, from its specifications (made by tools/generate/sandbox_shapes.py)."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec


@cache
def _document() -> dict[str, Any]:
    document: dict[str, Any] = msgspec.json.decode(files(__package__).joinpath("shapes.json").read_bytes())
    return document


def fields_of(version: str, model: str) -> dict[str, str]:
    """The fields of a model of a specification (``v1`` or ``v2``), with their types in one word."""
    found: dict[str, str] = _document()["models"][f"{version}.{model}"]
    return found


def data_of(method: str, path: str) -> tuple[str, dict[str, str]]:
    """What ``data`` of an operation is (``record``, ``records``, ``items``, ``values``, ``none``), and its fields."""
    kind, model = _document()["operations"].get(f"{method} {path}", ("none", None))
    return kind, _document()["models"][model] if model else {}
