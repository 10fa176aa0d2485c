"""A real Airflow reads a whole Pipedrive account, in one command.

    python3 tools/demo.py

Installs Airflow and this package into an environment inside the checkout, starts a local server that behaves like
Pipedrive, starts Airflow, runs the DAG ``pipedrive_extract`` and shows what landed. With a connection in
``AIRFLOW_CONN_PIPEDRIVE_DEFAULT`` it reads that account instead, and only reads.

Everything it started ends with it. The files stay in ``.demo/landed``, Airflow's logs in ``.demo/airflow/logs``.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from environment import NEWEST, ROOT, clean_environ, ready
from landed import differences
from live_airflow import LiveAirflow, LiveAirflowError, Run
from live_sandbox import LiveSandbox

CONNECTION = "AIRFLOW_CONN_PIPEDRIVE_DEFAULT"
FOLDER = ROOT / ".demo"
DAG = "pipedrive_extract"
COLUMNS = ("entity", "records", "pages", "tokens", "seconds", "file")


CHECK = """
import sys
from airflow_provider_pipedrive.client.settings import ApiToken
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
try:
    client = PipedriveHook().client
    if isinstance(client.settings.credential, ApiToken):
        client.run("getCurrentUser")
except PipedriveError as error:
    words = str(error).removeprefix("getCurrentUser: ")  # nobody has written this action
    sys.exit(print(f"{type(error).__name__}: {words}") or 1)
"""


def main() -> int:
    """Run the demo; the exit code is 0 if every record landed exactly once."""
    options = arguments()
    python = ready(NEWEST, "demo")
    with contextlib.ExitStack() as stack:
        stack.enter_context(alone())
        stack.enter_context(orderly_end())
        environ = clean_environ()
        sandbox = None
        if CONNECTION in os.environ:
            environ[CONNECTION] = os.environ[CONNECTION]
            say(f"Pipedrive: the account in {CONNECTION}")
            if wrong := refusal(python, environ):
                say(f"\n{wrong}")
                return 1
        else:
            sandbox = stack.enter_context(LiveSandbox(python, options.deals, environ))
            environ[CONNECTION] = sandbox.connection()
            say(f"Pipedrive: a local one at {sandbox.url}, no account needed")
            say(f"           {options.deals} deals, some of them archived or deleted: lists leave those out")
            if options.faults:
                sandbox.fail_one_in(20)
                say("           one request in 20 fails")
        airflow = LiveAirflow(
            python, fresh(FOLDER / "airflow"), ROOT / "example_dags", environ, lambda text: say(f"  {text}")
        )
        say(f"Airflow {NEWEST}: starting at {airflow.url}, log in {shown(airflow.home / 'standalone.log')}")
        try:
            stack.enter_context(airflow)
            run = airflow.trigger(DAG, {"folder": str(FOLDER / "landed")})
            say(f"Run {run.run_id} of {DAG}: {airflow.url}/dags/{DAG}")
            airflow.wait_for_run(run, seconds=options.seconds)
        except LiveAirflowError as error:
            say(f"\n{error}")
            return 1
        faults = landed(airflow, run, sandbox)
        if options.keep_running:
            keep_running(airflow)
    say("All processes of the demo have ended.")
    return 1 if faults else 0


def refusal(python: Path, environ: dict[str, str]) -> str:
    """Why the account cannot be read, found before Airflow is started for it; empty where nothing speaks against it.

    An API token is tried. OAuth tokens are not: a refresh token that Pipedrive replaces on the way could not be kept.
    """
    home = {"AIRFLOW_HOME": str(fresh(FOLDER / "check")), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    done = subprocess.run(
        [python, "-c", CHECK], env={**environ, **home}, capture_output=True, text=True, timeout=300, check=False
    )
    return done.stdout.strip() if done.returncode else ""


def arguments() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--deals", type=int, default=5000, help="deals in the local Pipedrive (default: 5000)")
    parser.add_argument("--faults", action="store_true", help="let one request in 20 fail")
    parser.add_argument(
        "--keep-running", action="store_true", help="leave Airflow running until Ctrl-C, to look around"
    )
    parser.add_argument(
        "--seconds", type=int, default=600, help="how long the run may take, for large accounts (default: 600)"
    )
    return parser.parse_args()


def landed(airflow: LiveAirflow, run: Run, sandbox: LiveSandbox | None) -> list[str]:
    """Show what the run wrote, check it, and return what is wrong with it."""
    summary = airflow.xcom(run, "summarize")
    say("")
    entities = [receipt | {"file": Path(receipt["file"]).name} for receipt in summary["entities"]]
    table([*entities, summary | {"entity": "together", "file": ""}])
    faults = [
        fault
        for receipt in summary["entities"]
        for fault in differences(receipt, sandbox.ids(receipt["entity"]) if sandbox else None)
    ]
    say("")
    for fault in faults:
        say(f"WRONG: {fault}")
    if not faults:
        against = "every record of the local Pipedrive is there" if sandbox else "every record is there"
        say(f"Checked: {against} exactly once.")
    if sandbox:
        failures = [f"{count} x {kind}" for kind, count in sandbox.failures().items()]
        say(f"Failures on demand, overcome: {', '.join(failures) or 'none'}")
    say(f"Files:     {shown(Path(summary['files'][0]).parent)}/")
    say(f"Task logs: {shown(airflow.log_folder(run))}/")
    return faults


def table(rows: list[dict[str, Any]]) -> None:
    """Print rows with aligned columns, numbers to the right."""
    cells = [[str(row[name]) for name in COLUMNS] for row in rows]
    widths = [max(map(len, column)) for column in zip(COLUMNS, *cells, strict=True)]
    for line in [list(COLUMNS), *cells]:
        aligned = [
            text.rjust(width) if name in ("records", "pages", "tokens", "seconds") else text.ljust(width)
            for name, text, width in zip(COLUMNS, line, widths, strict=True)
        ]
        say("  ".join(aligned).rstrip())


def keep_running(airflow: LiveAirflow) -> None:
    """Wait until somebody interrupts us."""
    say(f"\nAirflow stays at {airflow.url} (nobody needs to sign in). Ctrl-C ends it.")
    with contextlib.suppress(Interrupted):
        while True:
            time.sleep(3600)


class Interrupted(SystemExit):
    """Somebody wants us to end. The exit code is the shell's for the signal."""


@contextlib.contextmanager
def orderly_end() -> Iterator[None]:
    """Leave through the front door on Ctrl-C and SIGTERM: what was started is stopped. Further signals are ignored."""

    def leave(number: int, _frame: object) -> None:
        for other in (signal.SIGINT, signal.SIGTERM):
            signal.signal(other, signal.SIG_IGN)
        say("\nStopping ...")
        raise Interrupted(128 + number)

    # Set for SIGINT too: a shell that starts us in the background has it ignored.
    before = {number: signal.signal(number, leave) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keep a second demo out of the same folder."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("Another demo is running in this checkout. End it first (Ctrl-C), or use another checkout.")
        yield


def fresh(folder: Path) -> Path:
    """The folder, without what an earlier demo left in it."""
    if folder.exists():
        shutil.rmtree(folder)
    return folder


def shown(path: Path) -> str:
    """A path as somebody in the checkout types it."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
