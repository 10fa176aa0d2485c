"""The commands and their arguments, as they are declared."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from importlib import import_module

import pytest

from airflow_provider_pipedrive.cli.definition import get_commands
from tests.cli.conftest import Terminal


def parsed(command_name: str, *arguments: str) -> Namespace:
    (group,) = get_commands()
    (command,) = [command for command in group.subcommands if command.name == command_name]
    parser = ArgumentParser()
    for argument in command.args:
        argument.add_to_parser(parser)
    return parser.parse_args(arguments)


def test_every_command_leads_to_a_function_that_exists() -> None:
    (group,) = get_commands()
    homes = {"accounts": "check refresh revoke", "catalog": "scopes actions", "extraction": "plan watermarks files"}
    homes |= {
        "connect": "connect",
        "webhooks": "webhooks",
        "bulk": "undo",
        "subjects": "subject",
        "spending": "spend",
        "docs": "docs",
    }
    found = {
        function
        for module, functions in homes.items()
        for function in functions.split()
        if callable(getattr(import_module(f"airflow_provider_pipedrive.cli.{module}"), function))
    }
    assert {command.name for command in group.subcommands} == found


@pytest.mark.parametrize("given", ["deals,persons", "deals, persons", " deals ,,persons,"])
def test_what_is_listed_may_have_spaces_between(given: str) -> None:
    assert parsed("plan", "--entities", given).entities == ["deals", "persons"]
    assert parsed("webhooks", "ensure", "--actions", given).actions == ["deals", "persons"]
    assert parsed("check", "--actions", given).actions == ["deals", "persons"]


def test_the_connection_is_the_default_one_unless_another_is_named() -> None:
    assert parsed("check").conn_id == parsed("undo", "a-folder").conn_id == "pipedrive_default"
    assert (parsed("check", "crm").conn_id, parsed("undo", "a-folder", "--conn-id", "crm").conn_id) == ("crm", "crm")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["connect", "--client-id", "a", "--redirect-uri", "http://localhost:99999/callback"], 2),
        (["connect", "--client-id", "a", "--host", "http://localhost:99999"], 2),
        (["connect", "--client-id", "a", "--oauth-host", "http://localhost:99999"], 2),
        (["check", "crm"], 1),
        (["plan", "crm", "--entities", "deals"], 1),
        (["undo", "a-folder", "--conn-id", "crm"], 1),
        (["webhooks", "list", "--conn-id", "crm"], 1),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_port_that_does_not_exist_is_said_in_one_line(
    arguments: list[str], code: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIPEDRIVE_CLIENT_SECRET", "a-secret")
    extra = '{"api_token": "token-of-nobody-0123456789"}'
    connection = f'{{"conn_type": "pipedrive", "host": "http://127.0.0.1:99999", "extra": {extra}}}'
    monkeypatch.setenv("AIRFLOW_CONN_CRM", connection)
    assert terminal.run(*arguments) == code
    assert terminal.err.startswith("Error: ")
    assert terminal.err.count("\n") == 1
