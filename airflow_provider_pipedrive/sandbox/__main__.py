"""``python -m airflow_provider_pipedrive.sandbox``: the sandbox on the command line."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import Literal

from airflow_provider_pipedrive.sandbox.box import Box
from airflow_provider_pipedrive.sandbox.server import listen, loop_factory, server_for
from airflow_provider_pipedrive.sandbox.settings import Settings

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM. Prints one line: the URL and a connection to paste."""
    options = _parser().parse_args(arguments)
    box = Box(_settings(options))
    listener = listen(options.host, options.port)
    port = listener.getsockname()[1]
    box.url = f"http://{f'[{options.host}]' if ':' in options.host else options.host}:{port}"
    server = server_for(box)
    if options.port_file:
        _write_whole(Path(options.port_file), str(port))
    print(f"Sandbox on {box.url} ({len(box.state['deals'])} deals). {_connection(box)}", flush=True)
    # uvicorn has stopped when it passes SIGINT on
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(server.serve(sockets=[listener]))
    box.webhooks.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m airflow_provider_pipedrive.sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", choices=LOOPBACK, help="loopback only: the control API is open")
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: %(default)s)")
    parser.add_argument("--port-file", help="write the port into this file once the server listens")
    parser.add_argument("--deals", type=int, default=defaults.deals, help="size of the company (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=defaults.seed, help="same seed, same company")
    parser.add_argument(
        "--burst-limit",
        type=_burst_limit,
        default="lite",
        help="requests per rolling 2 s and credential: a number, 'lite' (20 API token, 80 OAuth) or 'none'",
    )
    parser.add_argument("--daily-budget", type=int, help="API tokens a day (default: without end)")
    parser.add_argument("--api-token", default=defaults.api_token)
    parser.add_argument("--client-id", default=defaults.client_id)
    parser.add_argument("--client-secret", default=defaults.client_secret)
    parser.add_argument("--refresh-token", default=defaults.refresh_token)
    parser.add_argument("--latency-ms", type=float, default=0, help="time added to every answer")
    parser.add_argument("--scopes", help="comma separated scopes of OAuth grants (default: all)")
    parser.add_argument("--rotate-refresh-tokens", action="store_true", help="each refresh gives a new refresh token")
    parser.add_argument("--redirect-uri", help="the only registered callback URL (default: any)")
    parser.add_argument("--contact-sync", action="store_true", help="persons have the fields of Contact Sync")
    parser.add_argument("--download-redirect", action="store_true", help="downloads redirect to a storage path")
    return parser


def _burst_limit(text: str) -> int | Literal["lite"] | None:
    if text == "lite":
        return "lite"
    return None if text == "none" else int(text)


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(
        deals=options.deals,
        seed=options.seed,
        api_token=options.api_token,
        client_id=options.client_id,
        client_secret=options.client_secret,
        refresh_token=options.refresh_token,
        burst_limit=options.burst_limit,
        daily_budget=options.daily_budget,
        latency_ms=options.latency_ms,
        scopes=tuple(options.scopes.split(",")) if options.scopes else None,
        rotate_refresh_tokens=options.rotate_refresh_tokens,
        redirect_uri=options.redirect_uri,
        download_redirect=options.download_redirect,
        contact_sync=options.contact_sync,
    )


def _connection(box: Box) -> str:
    connection = {
        "conn_type": "pipedrive",
        "host": box.url,
        "extra": {"api_token": box.settings.api_token, "oauth_host": box.url},
    }
    return f"AIRFLOW_CONN_PIPEDRIVE_DEFAULT='{json.dumps(connection)}'"


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that nobody sees half of it."""
    part = path.with_name(path.name + ".part")
    part.write_text(text)
    part.replace(path)


if __name__ == "__main__":
    sys.exit(main())
