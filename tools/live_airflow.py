"""A real Airflow 3 for a demo or a test: its four processes on SQLite. Standard library only.

    with LiveAirflow(python, home, dags, environ) as airflow:
        run = airflow.trigger("some_dag", conf={})
        airflow.wait_for_run(run)

Everything it starts ends with it, also when it is interrupted.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

START_SECONDS = 240
"""Five processes import Airflow at the same time: on a busy machine that takes a minute or two."""
STOP_SECONDS = 5
"""A triggerer of 3.0 or 3.1 that was asked to end does not; nothing here needs its end to be in order."""
ANSWER_SECONDS = 120
"""The web server shares the machine with all that it is asked about: a busy one has been seen to take over 30 s."""
WAITING = ("deferred", "up_for_reschedule", "awaiting_input")
"""The states of tasks that wait without a worker."""

Say = Callable[[str], None]


class LiveAirflowError(Exception):
    """Airflow did not start, or a run did not succeed. The text has what Airflow wrote about it."""


@dataclass(frozen=True)
class Run:
    """One run of a DAG."""

    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Its address below the REST API."""
        return f"/api/v2/dags/{self.dag_id}/dagRuns/{quote(self.run_id, safe='')}"


class LiveAirflow:
    """Airflow as its own ``airflow standalone`` starts it.

    :param python: the Python of the environment that Airflow is installed in
    :param home: an empty or missing folder for database, configuration and logs
    :param dags: the folder with the DAGs
    :param environ: the environment of all its processes, tasks included
    :param say: told what is being waited for
    :param users: the roles of people who sign in, by name; with ``admin``, who starts runs. Without, everybody is one
    """

    def __init__(
        self,
        python: Path,
        home: Path,
        dags: Path,
        environ: dict[str, str],
        say: Say = lambda _: None,
        users: Mapping[str, str] | None = None,
    ) -> None:
        self.home = home
        self._log = home / "standalone.log"
        self._users = users or {}
        self.url = f"http://127.0.0.1:{free_port()}"
        self._python = python
        self.environ = environ | self._settings(dags)
        self._say = say
        self._token = ""
        self._process: subprocess.Popen[bytes] | None = None

    def _settings(self, dags: Path) -> dict[str, str]:
        return {
            "AIRFLOW_HOME": str(self.home),
            # `airflow standalone` starts its parts by the name `airflow`.
            "PATH": f"{self._python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            # Its processes write to one SQLite file; on a busy machine the usual 5 s pass before one has its turn.
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}?timeout={ANSWER_SECONDS}",
            # A task whose first report is not answered in 5 s, five times, is failed without a word in its log.
            "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": str(ANSWER_SECONDS),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            **self._sign_in_settings(),
            # Each slot is an idle process of its own.
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": self.url.rpartition(":")[2],
            "AIRFLOW__API__WORKERS": "1",
            # The generated secret is shorter than its algorithm wants, which is warned of at each start.
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
        }

    def _sign_in_settings(self) -> dict[str, str]:
        if not self._users:  # nobody signs in: it listens on this machine only, and ends with the demo
            return {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True"}
        return {
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{self._users[name]}" for name in self._users),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
        }

    def __enter__(self) -> LiveAirflow:
        self.home.mkdir(parents=True, exist_ok=True)
        if self._users:
            (self.home / "passwords.json").write_text(json.dumps({name: name for name in self._users}))
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._python.parent / "airflow", "standalone"],
                env=self.environ,
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A session of its own: a Ctrl-C in the terminal reaches us alone, and we stop it in order.
                start_new_session=True,
            )
        try:
            self._wait("Airflow's web server", START_SECONDS, self._answers)
            self._token = self.sign_in("admin") if self._users else self._get("/auth/token")["access_token"]
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all of its processes.

        SIGINT to the parent lets it end its parts (SIGTERM would leave them running); what is left after that is killed
        with the whole group.
        """
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def trigger(self, dag_id: str, conf: dict[str, Any] | None = None, seconds: float = START_SECONDS) -> Run:
        """Start a run as the button in the UI does.

        :param conf: values for the DAG's params
        :param seconds: how long to wait for Airflow to have read the DAG
        :raises LiveAirflowError: the DAG does not appear; the text has its import errors
        """
        self.wait_for_dag(dag_id, seconds)
        started = self.post(f"/api/v2/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf or {}})
        return Run(dag_id, started["dag_run_id"])

    @property
    def pid(self) -> int:
        """Of the process that all its others descend from."""
        assert self._process is not None  # it runs
        return self._process.pid

    def sign_in(self, name: str) -> str:
        """The token of one of its users, whose passwords are their names."""
        return str(self.post("/auth/token", {"username": name, "password": name})["access_token"])

    def wait_for_question(self, run: Run, task_id: str, seconds: float = START_SECONDS) -> dict[str, Any]:
        """What a task asks people, as soon as the scheduler knows that it waits for the answer (3.1 and later).

        :raises LiveAirflowError: it does not ask
        """

        def asked() -> dict[str, Any]:
            states = {task["task_id"]: task["state"] for task in self.tasks(run)}
            if states.get(task_id) not in WAITING or task_id not in self._let_go(run):
                return {}
            return self._get(f"{run.path}/taskInstances/{task_id}/-1/hitlDetails")

        found: dict[str, Any] = self._wait(lambda: f"{task_id}: {self._progress(run)}", seconds, asked)
        return found

    def answer(self, name: str, run: Run, task_id: str, option: str, **values: Any) -> int:
        """The status of Airflow's answer to a user who answers a task's question, as its page does it.

        :param values: what is filled in
        """
        body = json.dumps({"chosen_options": [option], "params_input": values}).encode()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.sign_in(name)}"}
        address = f"{self.url}{run.path}/taskInstances/{task_id}/-1/hitlDetails"
        try:
            with urlopen(Request(address, body, headers, method="PATCH"), timeout=ANSWER_SECONDS) as answer:
                return int(answer.status)
        except HTTPError as error:
            return error.code

    def wait_for_dag(self, dag_id: str, seconds: float = START_SECONDS) -> None:
        """Wait until Airflow has read a DAG.

        :raises LiveAirflowError: it does not appear; the text has its import errors
        """
        try:
            self._wait(f"the DAG {dag_id}", seconds, lambda: self._exists(f"/api/v2/dags/{dag_id}"))
        except LiveAirflowError as error:
            raise LiveAirflowError(f"{error}\n{self.import_errors()}") from None

    def asset_events(self) -> list[dict[str, Any]]:
        """All asset events that are stored."""
        found: list[dict[str, Any]] = []
        while True:
            page = self._get(f"/api/v2/assets/events?limit=100&offset={len(found)}&order_by=timestamp")
            found += page["asset_events"]
            if not page["asset_events"]:
                return found

    def unpause(self, dag_id: str, seconds: float = START_SECONDS) -> None:
        """Let a DAG run that is paused when it is created.

        :raises LiveAirflowError: the DAG does not appear
        """
        self._wait(f"the DAG {dag_id}", seconds, lambda: self._exists(f"/api/v2/dags/{dag_id}"))
        body = json.dumps({"is_paused": False}).encode()
        headers = {"Content-Type": "application/json"}
        self._call(Request(f"{self.url}/api/v2/dags/{dag_id}", body, headers, method="PATCH"))

    def wait_for_run(self, run: Run, seconds: float = 300) -> None:
        """Wait until a run has succeeded.

        :raises LiveAirflowError: it failed or took too long; the text has the ends of the failed tasks' logs
        """

        def ended() -> str:
            state = str(self._get(run.path)["state"])
            return state if state in ("success", "failed") else ""

        try:
            state = self._wait(lambda: f"{run.dag_id}: {self._progress(run)}", seconds, ended)
        except LiveAirflowError as error:
            raise LiveAirflowError(f"{error}\n{self.failures(run)}") from None
        if state != "success":
            raise LiveAirflowError(f"The run of {run.dag_id} ended as {state}.\n{self.failures(run)}")

    def wait_for_a_run_of(self, dag_id: str, seconds: float = 180) -> Run:
        """Wait until something else has started a run of a DAG, and return the first one.

        :raises LiveAirflowError: nothing has
        """
        found = self._wait(
            f"a run of {dag_id}", seconds, lambda: self._get(f"/api/v2/dags/{dag_id}/dagRuns")["dag_runs"]
        )
        return Run(dag_id, found[0]["dag_run_id"])

    def wait_for_runs(self, dag_id: str, run_type: str, count: int, seconds: float = 180) -> list[str]:
        """Wait until a DAG has so many runs of a type, and return their ids.

        :raises LiveAirflowError: it has not
        """

        def found() -> list[str]:
            runs = self._get(f"/api/v2/dags/{dag_id}/dagRuns?limit=100")["dag_runs"]
            ids = [run["dag_run_id"] for run in runs if run["run_type"] == run_type]
            return ids if len(ids) >= count else []

        ids: list[str] = self._wait(f"{count} runs of {dag_id}", seconds, found)
        return ids

    def wait_for_states(self, run: Run, wanted: Mapping[str, str], seconds: float = 240) -> None:
        """Wait until tasks are in these states, and the scheduler has heard of those that wait without a worker.

        A scheduler that hears of it only when the task is queued again takes the task for one that was killed.

        :param wanted: the state of each task, by its id
        :raises LiveAirflowError: they do not come to be so
        """
        let_go = {task for task, state in wanted.items() if state in WAITING}

        def reached() -> bool:
            states = {task["task_id"]: task["state"] for task in self.tasks(run)}
            return wanted.items() <= states.items() and let_go <= self._let_go(run)

        self._wait(lambda: f"{', '.join(sorted(wanted))}: {self._progress(run)}", seconds, reached)

    def _let_go(self, run: Run) -> set[str]:
        """The run's tasks of which the scheduler has heard that they wait without a worker."""
        of_run = rf"Finished: dag_id={run.dag_id}, task_id=(\w+), run_id={re.escape(run.run_id)},"
        told = re.compile(f"{of_run}.* state=(?:{'|'.join(WAITING)}),")
        return set(told.findall(self._log.read_text(errors="replace")))

    def jobs(self, kind: str) -> list[str]:
        """The states of all of Airflow's processes of a kind that there have been, such as ``TriggererJob``."""
        return [job["state"] for job in self._get(f"/api/v2/jobs?job_type={kind}")["jobs"]]

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        """The run's task instances, as the REST API reports them."""
        found: list[dict[str, Any]] = self._get(f"{run.path}/taskInstances")["task_instances"]
        return found

    def xcom(self, run: Run, task_id: str) -> Any:
        """What a task has returned."""
        return self._get(f"{run.path}/taskInstances/{task_id}/xcomEntries/return_value")["value"]

    def links(self, run: Run, task_id: str) -> dict[str, str]:
        """The links that a task offers in the user interface, by name."""
        found: dict[str, str] = self._get(f"{run.path}/taskInstances/{task_id}/links")["extra_links"]
        return found

    def import_errors(self) -> str:
        """Why DAG files could not be read."""
        errors = self._get("/api/v2/importErrors")["import_errors"]
        return "\n".join(f"{error['filename']}:\n{error['stack_trace']}" for error in errors)

    def log_folder(self, run: Run) -> Path:
        """Where the logs of a run's tasks are."""
        return self.home / "logs" / f"dag_id={run.dag_id}" / f"run_id={run.run_id}"

    def log_files(self, run: Run) -> list[Path]:
        """The log files of a run's tasks."""
        return sorted(self.log_folder(run).rglob("*.log"))

    def failures(self, run: Run) -> str:
        """The last lines of the logs of tasks that did not succeed, two of them at most."""
        bad = {task["task_id"] for task in self.tasks(run) if task["state"] not in ("success", "skipped")}
        logs = [path for path in self.log_files(run) if {part.removeprefix("task_id=") for part in path.parts} & bad]
        shown = [f"{path}:\n" + "\n".join(_readable(path)[-12:]) for path in logs[:2]]
        if len(logs) > len(shown):
            shown.append(f"... and {len(logs) - len(shown)} more in {self.log_folder(run)}")
        return "\n".join(shown)

    def _progress(self, run: Run) -> str:
        states = [task["state"] or "waiting" for task in self.tasks(run)]
        counts = {state: states.count(state) for state in sorted(set(states))}
        return f"{len(states)} tasks, " + ", ".join(f"{count} {state}" for state, count in counts.items())

    def _wait(self, what: str | Callable[[], str], seconds: float, done: Callable[[], Any]) -> Any:
        """Wait until ``done`` gives a true value, and return it."""
        started = time.monotonic()
        told = 0
        while True:
            if found := done():
                return found
            passed = time.monotonic() - started
            text = what if isinstance(what, str) else what()
            if ended := self._ended():
                raise LiveAirflowError(f"{ended} ended while it was waited for {text}.\n{self._last_words()}")
            if passed > seconds:
                words = "" if self._token else f"\n{self._last_words()}"
                raise LiveAirflowError(f"Waited for {text}, but {seconds:.0f} s have passed.{words}")
            if passed >= told:
                self._say(f"{passed:4.0f} s  waiting for {text}")
                told += 5
            time.sleep(0.5)

    def _ended(self) -> str:
        """Which of its processes has ended unasked; empty if none has."""
        return "Airflow" if self._process is None or self._process.poll() is not None else ""

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(lines[-15:])

    def _answers(self) -> bool:
        # Any other path answers 200 as well, with the user interface's page.
        with contextlib.suppress(URLError, ConnectionError, TimeoutError):
            return bool(self._get("/api/v2/version")["version"])
        return False

    def _exists(self, path: str) -> bool:
        try:
            self._get(path)
        except HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def _get(self, path: str) -> dict[str, Any]:
        return self._call(Request(self.url + path))

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """A request that changes something, to the REST API."""
        return self._call(
            Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"}, method="POST")
        )

    def _call(self, request: Request) -> dict[str, Any]:
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                with urlopen(request, timeout=ANSWER_SECONDS) as answer:
                    found: dict[str, Any] = json.load(answer)
                    return found
            except HTTPError as error:
                # SQLite was locked by another process of this Airflow, and nothing was changed.
                if error.code != 503 or time.monotonic() > deadline:
                    raise
            time.sleep(1)


def _readable(log: Path) -> list[str]:
    """A task's log, which is JSON lines, as a person reads it."""
    lines = []
    for line in log.read_text(errors="replace").splitlines():
        entry: dict[str, Any] = json.loads(line) if line.startswith("{") else {"event": line}
        if not str(entry.get("event")).startswith("::"):
            lines.append(f"  {entry.get('level', '')}: {entry.get('event', '')}")
        lines += [f"    {error.get('exc_type')}: {error.get('exc_value')}" for error in entry.get("error_detail") or ()]
    return lines


def free_port() -> int:
    """A port of this machine that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
