"""``airflow pipedrive scopes`` and ``actions``: what the catalog knows."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from airflow_provider_pipedrive.accounts.scopes import least_scopes
from airflow_provider_pipedrive.catalog import ACTIONS, get_action
from airflow_provider_pipedrive.catalog.advice import counted, did_you_mean
from airflow_provider_pipedrive.catalog.model import Action, Parameter
from airflow_provider_pipedrive.cli.dagfiles import FoundKeys, read_folder
from airflow_provider_pipedrive.cli.terminal import checked_arguments, command, put, say, usage_error
from airflow_provider_pipedrive.errors import PipedriveParameterError


@command
def scopes(options: Namespace) -> None:
    """Print the least scopes, one a line."""
    if not options.actions and not options.dags:
        raise usage_error("Give keys of actions, or --dags with a folder of DAGs.")
    keys = wanted_actions(options.actions, options.dags)
    for scope in least_scopes(keys):
        put(scope)
    say("Tick these in the Developer Hub under OAuth & access scopes; base is always there.")


@command
def actions(options: Namespace) -> None:
    """Print one action with all that it takes, or those that have all the words."""
    words = [word.lower() for word in " ".join(options.text).split()]
    named = {key.lower(): action for key, action in ACTIONS.items()}.get(" ".join(words))
    if named:
        for line in _described(named):
            put(line)
        return
    found = [action for action in ACTIONS.values() if all(word in _searched(action) for word in words)]
    if not found:
        text = options.text
        hint = did_you_mean(" ".join(text), ACTIONS, most=3)
        raise PipedriveParameterError(
            f"No action has {' and '.join(map(repr, text))} in its key, summary or path.{hint}"
        )
    for row in _table([("ACTION", "REQUEST", "TOKENS", ""), *map(_row, found)]):
        put(row)


def wanted_actions(keys: Iterable[str], dags: str | None) -> list[str]:
    """The actions of the command line and of a folder's DAGs, checked.

    :raises PipedriveParameterError: a key is unknown, there is no such folder, or a DAG of it cannot be judged
    """
    wanted = set(map(_known, keys))
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
        raise usage_error(f"--dags: there is no folder or file {folder}.")
    found = read_folder(Path(folder))
    wrong = _problems(found)
    for place, what in found.open:
        say(f"Note: {place}: {what}; add the keys that it can have to the command.")
    if wrong:
        raise PipedriveParameterError(f"The DAGs cannot be judged. {' '.join(wrong)}")
    say(
        f"{counted(found.files, 'file')} read, {counted(len(found.keys), 'action')} found: "
        f"{', '.join(sorted(found.keys)) or 'none'}."
    )
    return set(found.keys)


def _problems(found: FoundKeys) -> list[str]:
    wrong = [f"{place}: {what}." for place, what in found.unreadable]
    for key, places in sorted(found.keys.items()):
        try:
            get_action(key)
        except PipedriveParameterError as error:
            wrong.append(f"{places[0]}: {error}")
    return wrong


def _known(key: str) -> str:
    with checked_arguments():
        return get_action(key).key


def _searched(action: Action) -> str:
    return f"{action.key} {action.summary} {action.path}".lower()


def _row(action: Action) -> tuple[str, str, str, str]:
    lifecycle = "" if action.lifecycle == "active" else action.lifecycle
    return action.key, f"{action.method} {action.path}", f"{action.token_cost}", lifecycle


def _described(action: Action) -> Iterator[str]:
    """An action in lines: what it does, what it costs and needs, and its parameters with their places."""
    yield f"{action.key}: {action.summary}"
    if action.lifecycle == "removed":
        yield action.removed_message()
    elif action.lifecycle != "active":
        yield f"Lifecycle: {action.lifecycle}"
    yield f"Request: {action.method} {action.path}"
    yield f"Costs: {counted(action.token_cost, 'API token')} a {'page' if action.paging else 'request'}"
    yield f"Scopes of an OAuth app: {' or '.join(action.scopes) or 'those of what it asks for'}"
    if action.custom_fields == "nested":
        yield "Custom fields: in custom_fields, an object"
    elif action.custom_fields == "flat":
        yield "Custom fields: next to the other parameters, by their keys of 40 signs"
    if not action.parameters:
        yield "Parameters: none"
        return
    yield ""
    rows = [(_name(parameter), parameter.place, _type(parameter)) for parameter in action.parameters]
    yield from _table([("PARAMETER (* required)", "IN", "TYPE"), *rows])


def _name(parameter: Parameter) -> str:
    other = f" (or {parameter.also})" if parameter.also else ""
    return f"{parameter.name}{'*' if parameter.required else ''}{other}"


def _type(parameter: Parameter) -> str:
    """The type in words, with the values or bounds that there are."""
    kind = f"list of {parameter.items}" if parameter.type == "array" and parameter.items else parameter.type
    if parameter.type == "flag":
        kind = "boolean"
    if parameter.enum:
        kind += f": {', '.join(map(str, parameter.enum))}"
    if parameter.parts:
        kind += f" with {', '.join(part.name for part in parameter.parts)}"
    if parameter.maximum or parameter.max_items:
        kind += f", at most {parameter.maximum or parameter.max_items}"
    return kind + (", or null" if parameter.nullable else "")


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows with their columns aligned, numbers to the right."""
    columns = [_aligned(column) for column in zip(*rows, strict=True)]
    return ["  ".join(cells).rstrip() for cells in zip(*columns, strict=True)]


def _aligned(column: Sequence[str]) -> list[str]:
    width = max(map(len, column))
    numbers = all(map(str.isdigit, column[1:]))
    return [cell.rjust(width) if numbers else cell.ljust(width) for cell in column]
