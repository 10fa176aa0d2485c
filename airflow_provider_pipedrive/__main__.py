"""``python -m airflow_provider_pipedrive``: the commands of ``airflow pipedrive``, on every Airflow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from airflow_provider_pipedrive.cli.definition import get_commands


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    :raises SystemExit: it failed (1), or was called wrongly (2)
    """
    options = parser().parse_args(arguments)
    options.func(options)


def parser() -> argparse.ArgumentParser:
    """What reads the commands and their arguments."""
    (group,) = get_commands()
    whole = argparse.ArgumentParser(prog="python -m airflow_provider_pipedrive", description=group.help)
    commands = whole.add_subparsers(metavar="COMMAND", required=True)
    for command in group.subcommands:
        its_parser = commands.add_parser(command.name, help=command.help, description=command.description)
        for argument in command.args:
            argument.add_to_parser(its_parser)
        its_parser.set_defaults(func=command.func)
    return whole


if __name__ == "__main__":
    main()
