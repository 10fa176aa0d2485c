"""``python -m airflow_provider_pipedrive``: the commands of ``airflow pipedrive``, on every Airflow."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from airflow_provider_pipedrive.cli.definition import get_commands


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command.

    :raises SystemExit: it failed (1), or was called wrongly (2)
    """
    (group,) = get_commands()
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_pipedrive", description=group.help)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for command in group.subcommands:
        its_parser = commands.add_parser(command.name, help=command.help, description=command.description)
        for argument in command.args:
            argument.add_to_parser(its_parser)
        its_parser.set_defaults(func=command.func)
    options = parser.parse_args(arguments)
    options.func(options)


if __name__ == "__main__":
    main()
