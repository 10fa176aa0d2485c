"""Which function answers which action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response

Handler = Callable[[World, Request], Response]
_H = TypeVar("_H", bound=Handler)
_V = TypeVar("_V")

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


def handles_each(values: Mapping[str, _V]) -> Callable[[Callable[[World, Request, _V], Response]], None]:
    """Let one function answer several actions, each with the value under the action's key as a third argument."""

    def register(handler: Callable[[World, Request, _V], Response]) -> None:
        for key, value in values.items():
            HANDLERS[key] = _given(handler, value)

    return register


def _given(handler: Callable[[World, Request, _V], Response], value: _V) -> Handler:
    return lambda world, request: handler(world, request, value)


def keyed(pattern: str, kinds: Mapping[str, _V]) -> dict[str, _V]:
    """The keys of one action for several kinds of records: ``get{}Fields`` with Deal, Person, ..."""
    return {pattern.format(kind): value for kind, value in kinds.items()}
