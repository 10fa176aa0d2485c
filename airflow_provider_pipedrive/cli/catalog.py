"""``airflow pipedrive scopes`` and ``actions``: what the catalog knows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from airflow_provider_pipedrive.catalog import ACTIONS, UnknownActionError, get_action
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.cli.dagfiles import Found, read_folder
from airflow_provider_pipedrive.cli.terminal import UsageError, command, put, say
from airflow_provider_pipedrive.client.oauth import least_scopes
from airflow_provider_pipedrive.errors import PipedriveParameterError


class IncompleteError(PipedriveParameterError):
    """Something in the DAG files could not be taken into account."""


@command
def scopes(options: Namespace) -> None:
    """Print the least scopes, one a line."""
    if not options.actions and not options.dags:
        raise UsageError("Give keys of actions, or --dags with a folder of DAGs.")
    keys = wanted_actions(options.actions, options.dags)
    for scope in least_scopes(keys):
        put(scope)
    say("Tick these in the Developer Hub under OAuth & access scopes; base is always there.")


@command
def actions(options: Namespace) -> None:
    """Print the actions that have all the words."""
    words = [word.lower() for word in " ".join(options.text).split()]
    found = [action for action in ACTIONS.values() if all(word in _searched(action) for word in words)]
    if not found:
        near = get_close_matches(words[-1], [key.lower() for key in ACTIONS], n=3, cutoff=0.5)
        keys = [key for key in ACTIONS if key.lower() in near]
        hint = f" Near: {', '.join(keys)}." if keys else ""
        raise PipedriveParameterError(
            f"No action has {' and '.join(map(repr, words))} in its key, summary or path.{hint}"
        )
    for row in _table([_row(action) for action in found]):
        put(row)


def wanted_actions(keys: Iterable[str], dags: str | None) -> list[str]:
    """The actions of the command line and of a folder's DAGs, checked.

    :raises UsageError: a key is unknown, or there is no such folder
    :raises IncompleteError: a DAG has an unknown key, or cannot be read
    """
    wanted = {_known(key.strip()) for key in keys if key.strip()}
    if dags:
        wanted |= _in_dags(dags)
    for key in sorted(wanted):
        action = ACTIONS[key]
        if action.lifecycle == "removed":
            say(f"Note: {action.removed_message()}")
        elif not action.scopes:
            say(f"Note: the scopes for {key} depend on what it asks for, and are not counted.")
    return sorted(wanted)


def _in_dags(folder: str) -> set[str]:
    if not Path(folder).exists():
        raise UsageError(f"--dags: there is no folder or file {folder}.")
    found = read_folder(Path(folder))
    wrong = _problems(found)
    for place, what in found.open:
        say(f"Note: {place}: {what}; add the keys that it can have to the command.")
    if wrong:
        raise IncompleteError(f"The DAGs cannot be judged. {' '.join(wrong)}")
    say(f"{found.files} files read, {len(found.keys)} actions found: {', '.join(sorted(found.keys)) or 'none'}.")
    return set(found.keys)


def _problems(found: Found) -> list[str]:
    wrong = [f"{place}: {what}." for place, what in found.unreadable]
    for key, places in sorted(found.keys.items()):
        try:
            get_action(key)
        except UnknownActionError as error:
            wrong.append(f"{places[0]}: {error}")
    return wrong


def _known(key: str) -> str:
    try:
        return get_action(key).key
    except UnknownActionError as error:
        raise UsageError(str(error)) from None


def _searched(action: Action) -> str:
    return f"{action.key} {action.summary} {action.path}".lower()


def _row(action: Action) -> tuple[str, str, str, str]:
    lifecycle = "" if action.lifecycle == "active" else action.lifecycle
    return action.key, f"{action.method} {action.path}", f"{action.token_cost}", lifecycle


def _table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    """The rows under a heading, columns aligned."""
    table = [("ACTION", "REQUEST", "TOKENS", ""), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    return [
        f"{key:<{widths[0]}}  {request:<{widths[1]}}  {tokens:>{widths[2]}}  {lifecycle}".rstrip()
        for key, request, tokens, lifecycle in table
    ]
