"""The local Pipedrive as a process of its own, for a demo or a test. Standard library only.

with LiveSandbox(python, deals=5000, environ=environ) as sandbox:
    environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"] = sandbox.connection()
"""

from __future__ import annotations

import json
import secrets
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

START_SECONDS = 120
FAILURES = ("503", "429", "reset", "truncate", "500")
"""Passing failures: two refusals that ask to come again, a broken connection, half an answer, an internal error."""


class LiveSandbox:
    """``python -m airflow_provider_pipedrive.sandbox`` on a free port.

    :param python: the Python of the environment that this package is installed in
    :param deals: size of the company in it
    :param environ: the environment of the process
    :param options: more arguments, such as ``--rotate-refresh-tokens``
    """

    def __init__(self, python: Path, deals: int, environ: dict[str, str], options: Sequence[str] = ()) -> None:
        self.url = ""
        self.secrets = {name: secrets.token_hex(20) for name in ("api-token", "client-secret", "refresh-token")}
        self._command = [str(python), "-m", "airflow_provider_pipedrive.sandbox", "--port", "0", "--deals", str(deals)]
        self._command += ["--client-id", "demo-app", *options]
        for name, value in self.secrets.items():
            self._command += [f"--{name}", value]
        self._environ = environ
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> LiveSandbox:
        with tempfile.TemporaryDirectory() as folder:
            port = Path(folder) / "port"
            self._process = subprocess.Popen(
                [*self._command, "--port-file", str(port)],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                # A session of its own: a Ctrl-C in the terminal does not reach it before Airflow has ended.
                start_new_session=True,
            )
            try:
                self.url = f"http://127.0.0.1:{self._wait_for(port)}"
            except BaseException:
                self.stop()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End it."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def connection(self) -> str:
        """An Airflow connection to it by API token, as the value of an ``AIRFLOW_CONN_...`` variable."""
        return json.dumps(
            {"conn_type": "pipedrive", "host": self.url, "extra": {"api_token": self.secrets["api-token"]}}
        )

    def oauth_connection(self) -> str:
        """The same by OAuth: the app's client id and secret, and a refresh token."""
        return json.dumps(
            {
                "conn_type": "pipedrive",
                "host": self.url,
                "login": "demo-app",
                "password": self.secrets["client-secret"],
                "extra": {"refresh_token": self.secrets["refresh-token"], "oauth_host": self.url},
            }
        )

    def fail_one_in(self, requests: int) -> None:
        """From now on let each so-many-th request fail, in turn in each of :data:`FAILURES`."""
        for turn, kind in enumerate(FAILURES, start=1):
            # Each kind has its own count; a negative skip lets it begin in the middle of its round.
            skip = requests * (turn - len(FAILURES))
            self._control(
                "POST", "faults", {"path": "*", "kind": kind, "every": requests * len(FAILURES), "skip": skip}
            )

    def counters(self) -> dict[str, Any]:
        """How many requests and API tokens there have been so far, failures on demand, and deliveries of webhooks."""
        found: dict[str, Any] = self._control("GET", "counters")
        return found

    def failures(self) -> dict[str, int]:
        """How many requests have failed on demand so far, by kind."""
        found: dict[str, int] = self.counters()["faults"]
        return found

    def requests(self) -> list[dict[str, Any]]:
        """The requests it has had, oldest first, with method, path, headers, body and the status of the answer."""
        found: list[dict[str, Any]] = self._control("GET", "requests?last=20000")
        return found

    def update(self, entity: str, record_id: int, fields: dict[str, Any]) -> None:
        """Edit a record, as somebody in the company does."""
        self._control("POST", "update", {"entity": entity, "id": record_id, "fields": fields})

    def wait_for_request(self, path: str, seconds: float, **query: str) -> None:
        """Wait until somebody has asked for a path, with these parameters among others.

        :raises TimeoutError: nobody has
        """
        end = time.monotonic() + seconds
        while not any(
            request["path"] == path and query.items() <= dict(request["query"]).items() for request in self.requests()
        ):
            if time.monotonic() > end:
                raise TimeoutError(f"Nobody has asked for {path} in {seconds:.0f} s.")
            time.sleep(0.5)

    def ids(self, entity: str) -> set[int]:
        """The ids of all records that a full read of an entity must give."""
        return set(self._control("GET", f"state?entity={entity}")["ids"])

    def _control(self, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
        request = Request(f"{self.url}/_sandbox/{what}", method=method, headers={"Content-Type": "application/json"})
        request.data = None if body is None else json.dumps(body).encode()
        with urlopen(request, timeout=30) as answer:
            return json.load(answer)["data"]

    def _wait_for(self, port: Path) -> int:
        started = time.monotonic()
        while not port.exists():
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError("The local Pipedrive ended while it was starting: its own words stand above.")
            if time.monotonic() - started > START_SECONDS:
                raise RuntimeError(f"The local Pipedrive did not start within {START_SECONDS} s.")
            time.sleep(0.05)
        return int(port.read_text())
