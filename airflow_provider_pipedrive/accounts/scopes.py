"""Scopes of an OAuth app: which it needs at least, which it was granted, and what it may not do with them.

What each action needs is in the catalog.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from airflow_provider_pipedrive.catalog import get_action

BASE = "base"
"""The scope that every app has."""


def scopes_in(text: Any) -> tuple[str, ...]:
    """The scopes in the host's list; the documentation separates them by commas, its standard (RFC 6749) by spaces."""
    return tuple(dict.fromkeys(re.findall(r"[^,\s]+", text))) if isinstance(text, str) else ()


def least_scopes(action_keys: Iterable[str]) -> tuple[str, ...]:
    """The least set of scopes that lets an app do all of these actions, ``base`` first.

    Any one of an action's scopes suffices. Least means: without ``admin`` if that can be; then with the fewest scopes
    that write; then with the fewest that read. The catalog's order decides between equals, so the same actions always
    give the same scopes. Actions that Pipedrive has removed need none, and a raw request's are not known.

    :raises PipedriveParameterError: a key is unknown, with the nearest ones
    """
    alternatives = {frozenset(scopes): scopes for scopes in map(_scopes_of, sorted(set(action_keys))) if scopes}
    # Whatever fulfils a set fulfils every larger one around it.
    least = [scopes for given, scopes in alternatives.items() if not any(other < given for other in alternatives)]
    return (BASE, *sorted(_cover(sorted(least, key=lambda scopes: (len(scopes), scopes)))))


def lacking(action_keys: Iterable[str], granted: Sequence[str]) -> list[str]:
    """The actions, in order, that none of the granted scopes allows.

    :raises PipedriveParameterError: a key is unknown, with the nearest ones
    """
    wanted = {key: _scopes_of(key) for key in sorted(set(action_keys))}
    return [key for key, scopes in wanted.items() if scopes and not set(scopes) & set(granted)]


def _scopes_of(key: str) -> tuple[str, ...]:
    """The alternatives of which an app needs one; none where nothing beyond ``base`` is needed."""
    action = get_action(key)
    return () if action.lifecycle == "removed" or BASE in action.scopes else action.scopes


def _weight(scope: str) -> int:
    """So far apart that any number of the lighter scopes is lighter than one of the next kind."""
    if scope == "admin":
        return 10_000
    return 1 if scope.endswith(":read") else 100


def _cover(wanted: list[tuple[str, ...]]) -> frozenset[str]:
    """The lightest set with a scope of each tuple. Exact: it tries all, lighter ones first, and gives up a branch as
    soon as it is no lighter than the best one found."""
    best: tuple[float, frozenset[str]] = (float("inf"), frozenset())

    def extend(chosen: frozenset[str], weight: int) -> None:
        nonlocal best
        if weight >= best[0]:
            return
        open_ = next((scopes for scopes in wanted if not chosen & set(scopes)), None)
        if open_ is None:
            best = (weight, chosen)
            return
        for scope in sorted(open_, key=_weight):
            extend(chosen | {scope}, weight + _weight(scope))

    extend(frozenset(), 0)
    return best[1]
