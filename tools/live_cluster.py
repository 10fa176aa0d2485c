"""Airflow 3.3 as on several machines, on this one: Celery on Redis, PostgreSQL, FAB, nginx before two API servers.

    with LiveCluster(installed(), home, dags, environ, users={"admin": "Admin"}) as airflow:
        run = airflow.trigger("some_dag")

Two workers and two triggerers are machines of their own, as far as tasks can tell: each has its own host name and its
own temporary folder. They share the folder of logs and whatever files the DAGs name, as machines share a volume.

Needs Linux, and on the path initdb and pg_ctl of PostgreSQL, redis-server and nginx (Debian's packages postgresql,
redis-server and nginx). Everything listens on 127.0.0.1 and ends with it, also when it is interrupted.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path

from environment import NEWEST, ROOT, clean_environ, constraints
from live_airflow import START_SECONDS, LiveAirflow, Say, free_port
from live_parts import Part
from live_postgres import LivePostgres

INSTALLED = ROOT / ".venv-machines"
PACKAGES = (
    "apache-airflow-providers-celery",
    "apache-airflow-providers-redis",
    "apache-airflow-providers-fab",
    "apache-airflow-providers-postgres",
    # The provider's result backend imports what Celery 5.7 no longer has.
    "celery<5.6",
    "psycopg2-binary",
    "asyncpg",
)
PREFIX = "/team/airflow"
"""The path in ``[api] base_url``: that of the manual's examples."""
WORKERS = ("worker-1", "worker-2")
TRIGGERERS = ("triggerer-1", "triggerer-2")
API_SERVERS = ("api-server-1", "api-server-2")
SLOTS = 3
"""Tasks that a worker runs at the same time."""
DEAD_AFTER = 60
"""Seconds without a sign of life after which Airflow takes a task for dead; 300 by default."""


def installed() -> Path:
    """The Python of the environment that the cluster runs in, made if need be (once, some minutes)."""
    python = INSTALLED / "bin" / "python"
    made_of = f"{constraints(NEWEST).read_text()}{PACKAGES}{(ROOT / 'pyproject.toml').read_text()}"
    note = INSTALLED / "made-of"
    if note.exists() and note.read_text() == made_of:
        return python
    print(f"Installing Airflow {NEWEST} with Celery, FAB and this package into {INSTALLED.name} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", INSTALLED], env=clean_environ(), check=True)
    pip = [str(python), *["-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check", "-c"]]
    subprocess.run([*pip, str(constraints(NEWEST)), "-e", f"{ROOT}[demo]", *PACKAGES], env=clean_environ(), check=True)
    note.write_text(made_of)
    return python


class LiveCluster(LiveAirflow):
    """The processes of an Airflow on several machines.

    :param python: as :func:`installed` gives it
    :param users: FAB's roles of people who sign in, by name; with ``admin``, who starts runs
    :ivar parts: its own processes, by name, to be killed and started again
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
        for program in ("initdb", "redis-server", "nginx", "unshare"):
            if shutil.which(program) is None:
                sys.exit(f"{program} is not on the path: apt-get install postgresql redis-server nginx util-linux")
        self._postgres = LivePostgres(home.parent / "postgres")
        self._ports = {name: free_port() for name in ("nginx", "redis", *API_SERVERS)}
        super().__init__(python, home, dags, environ, say, users)
        self._log = home / "scheduler.log"
        self.url = f"http://127.0.0.1:{self._ports['nginx']}{PREFIX}"
        self._machines = home.parent / "machines"
        self.parts: dict[str, Part] = {}
        self._open = contextlib.ExitStack()

    def _settings(self, dags: Path) -> dict[str, str]:
        url = f"http://127.0.0.1:{self._ports['nginx']}{PREFIX}"
        broker = f"redis://127.0.0.1:{self._ports['redis']}/0"
        return super()._settings(dags) | {
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": self._postgres.url,
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CORE__PARALLELISM": "16",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{self._postgres.url}",
            "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(SLOTS),
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(32),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(DEAD_AFTER),
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
            # How long the triggers of a killed triggerer wait for another one; 30 s by default.
            "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "15",
        }

    def _sign_in_settings(self) -> dict[str, str]:
        return {"AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager"}

    def _declared(self) -> list[Part]:
        airflow = str(self._python.parent / "airflow")
        nginx = ["nginx", "-c", str(self.home / "nginx.conf"), "-e", "stderr"]
        redis = ["redis-server", "--bind", "127.0.0.1", "--port", str(self._ports["redis"]), "--save", ""]
        found = [
            Part("redis", redis, clean_environ(), self.home),
            Part("nginx", nginx, clean_environ(), self.home),
            Part("scheduler", [airflow, "scheduler", "--skip-serve-logs"], self.environ, self.home),
            Part("dag-processor", [airflow, "dag-processor"], self.environ, self.home),
        ]
        for name in API_SERVERS:
            command = [airflow, "api-server", "--port", str(self._ports[name])]
            found.append(Part(name, command, self._environ_of(name), self.home))
        for name in TRIGGERERS:
            found.append(self._machine(name, [airflow, "triggerer", "--skip-serve-logs"]))
        for name in WORKERS:
            command = [airflow, "celery", "worker", "--skip-serve-logs", "--pid", str(self.home / f"{name}.pid")]
            found.append(self._machine(name, command))
        return found

    def _machine(self, name: str, command: Sequence[str]) -> Part:
        """A process on a machine of that name."""
        own_name = ["unshare", "--uts", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
        script = 'hostname "$0" && exec "$@"'
        return Part(name, [*own_name, "sh", "-c", script, name, *command], self._environ_of(name), self.home)

    def _environ_of(self, name: str) -> dict[str, str]:
        return self.environ | {"TMPDIR": str(self._machines / name)}

    def __enter__(self) -> LiveCluster:
        self.home.mkdir(parents=True, exist_ok=True)
        try:
            self._open.enter_context(self._postgres)
            for name in (*API_SERVERS, *TRIGGERERS, *WORKERS):
                (self._machines / name).mkdir(parents=True)
            (self.home / "nginx.conf").write_text(self._nginx())
            self._prepare_database()
            self.parts = {part.name: part for part in self._declared()}
            for part in self.parts.values():
                self._open.callback(part.kill)
                part.start()
            self._wait("Airflow behind nginx", START_SECONDS, self._answers)
            self._token = self.sign_in("admin")
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End all of its processes."""
        self._open.close()

    def _prepare_database(self) -> None:
        airflow = str(self._python.parent / "airflow")
        self._say("making the database")
        users = [
            f"{airflow} users create -u {name} -p {name} -r {role} -f {name} -l {name} -e {name}@example.com"
            for name, role in self._users.items()
        ]
        for command in (f"{airflow} db migrate", *users):
            done = subprocess.run(
                command.split(), env=self.environ, cwd=self.home, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{command.partition(' -p ')[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")

    def _ended(self) -> str:
        return ", ".join(name for name, part in self.parts.items() if part.has_ended)

    def _last_words(self) -> str:
        shown = [part for part in self.parts.values() if part.has_ended] or list(self.parts.values())
        return "\n".join(f"{part.name}:\n" + "\n".join(_end_of(part.log, 8)) for part in shown)

    def _nginx(self) -> str:
        """A configuration around what the manual tells to put into one."""
        folder = self.home / "nginx"
        folder.mkdir()
        paths = "".join(
            f"    {kind}_temp_path {folder};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        servers = [f"127.0.0.1:{self._ports[name]}" for name in API_SERVERS]
        return (
            f"daemon off;\npid {folder}/pid;\n{'user root;' if os.geteuid() == 0 else ''}\nevents {{}}\n"
            f"http {{\n    access_log {folder}/access.log;\n{paths}"
            f"{manual_server(self._ports['nginx'], servers)}}}\n"
        )


def manual_server(port: int, servers: Sequence[str]) -> str:
    """The nginx configuration that the manual tells, with these addresses in place of its own, and without TLS.

    :param port: that nginx listens at
    :param servers: addresses of API servers, as many as the manual has
    :raises ValueError: the manual has something else than what is replaced here
    """
    whole = _block("connecting-in-the-browser.md")
    webhook = _block("webhooks.md").replace("location /pipedrive/webhook/", f"location {PREFIX}/pipedrive/webhook/")
    for address in servers:
        whole = _replaced(r"server airflow-\d:8080;", f"server {address};", whole)
    whole = _replaced(r"listen 443 ssl;", f"listen 127.0.0.1:{port};", whole)
    for name in ("ssl_certificate", "ssl_certificate_key"):
        whole = _replaced(rf"{name} \S+;", "", whole)
    if "airflow-" in whole.replace("http://airflow-api-servers", "").replace("upstream airflow-api-servers", ""):
        raise ValueError(f"The manual's nginx configuration has addresses that are not replaced:\n{whole}")
    return _replaced(r"\}\s*\Z", f"{webhook}}}\n", whole)


def _block(page: str) -> str:
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.DOTALL)
    return str(block)


def _replaced(pattern: str, text: str, given: str) -> str:
    done, count = re.subn(pattern, lambda _: text, given, count=1)
    if not count:
        raise ValueError(f"The manual's nginx configuration has no {pattern!r}:\n{given}")
    return done


def _end_of(log: Path, lines: int) -> list[str]:
    return log.read_text(errors="replace").splitlines()[-lines:] if log.exists() else []
