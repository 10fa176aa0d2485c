"""``python -m airflow_provider_pipedrive.sandbox``: the sandbox on the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.sandbox import listen, loop_factory, server_for
from airflow_provider_pipedrive.sandbox.state.settings import FEWEST_CUSTOM_FIELDS, Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Prints one line: the URL and a connection to paste."""
    command = parser()
    options = command.parse_args(arguments)
    if options.deals < 0:
        command.error("--deals must be 0 or more")
    if options.custom_fields < FEWEST_CUSTOM_FIELDS:
        command.error(f"--custom-fields must be {FEWEST_CUSTOM_FIELDS} or more: one of each type")
    if not 0 <= options.port <= 65535:
        command.error(f"--port must be from 0 to 65535, not {options.port}")
    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        command.error(f"port {options.port} cannot be taken ({error.strerror}): choose another, or 0 for a free one")
    world = World(_settings(options))
    port = listener.getsockname()[1]
    world.url = f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}"
    server = server_for(world)
    if options.port_file:
        _write_whole(Path(options.port_file), str(port))
    print(f"Sandbox on {world.url} ({counted(len(world.state['deals']), 'deal')}). {_connection(world)}", flush=True)
    # uvicorn has stopped when it passes SIGINT on
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
    world.webhooks.stop()
    return 0


def parser() -> argparse.ArgumentParser:
    """What reads the options."""
    command = argparse.ArgumentParser(prog="python -m airflow_provider_pipedrive.sandbox", description=__doc__)
    command.add_argument("--host", default="127.0.0.1", choices=LOOPBACK, help="loopback only")
    command.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: %(default)s)")
    command.add_argument("--port-file", help="write the port into this file once the server listens")
    for setting in fields(Settings):
        option = "--" + setting.name.replace("_", "-")
        default = COMMAND_DEFAULTS.get(setting.name, setting.default)
        meaning = f"{setting.metadata['meaning']} (default: {default})"
        if isinstance(default, bool):
            command.add_argument(option, action="store_true", help=meaning)
        else:
            kind = str if default is None else type(default)
            reader = READERS.get(setting.name, kind)
            choices = setting.metadata.get("choices")
            command.add_argument(option, type=reader, choices=choices, default=default, help=meaning)
    return command


def _burst_limit(text: str) -> int | Literal["lite"] | None:
    if text == "lite":
        return "lite"
    return None if text.lower() == "none" else int(text)


def _scopes(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


COMMAND_DEFAULTS = {"burst_limit": "lite"}
"""Where the command is not as lenient as the object that tests use."""
READERS: dict[str, Callable[[str], Any]] = {
    "burst_limit": _burst_limit,
    "daily_budget": int,
    "scopes": _scopes,
    "allowed_hosts": _names,
}
"""How a setting is read from the command line, where its default does not tell."""


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(**{setting.name: getattr(options, setting.name) for setting in fields(Settings)})


def _connection(world: World) -> str:
    connection = {
        "conn_type": "pipedrive",
        "host": world.url,
        "extra": {"api_token": world.settings.api_token, "oauth_host": world.url},
    }
    return f"AIRFLOW_CONN_PIPEDRIVE_DEFAULT='{json.dumps(connection)}'"


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
