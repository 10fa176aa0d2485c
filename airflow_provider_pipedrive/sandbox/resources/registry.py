"""Which function answers which action."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response

Handler = Callable[[World, Request], Response]
_H = TypeVar("_H", bound=Handler)

HANDLERS: dict[str, Handler] = {}
BY_SHAPE: set[str] = set()
"""Actions that are answered with plausible, unchanging data."""


def handles(*keys: str, by_shape: bool = False) -> Callable[[_H], _H]:
    """Let the function answer the actions with these keys."""

    def register(handler: _H) -> _H:
        for key in keys:
            HANDLERS[key] = handler
        if by_shape:
            BY_SHAPE.update(keys)
        return handler

    return register
