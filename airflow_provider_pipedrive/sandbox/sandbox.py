"""The sandbox as an object: a server in a thread, and a test's hands in its world."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any, Self

import uvicorn

from airflow_provider_pipedrive.sandbox.app import App
from airflow_provider_pipedrive.sandbox.control import marketplace, operations
from airflow_provider_pipedrive.sandbox.control.world import LoggedRequest, World
from airflow_provider_pipedrive.sandbox.server.wire import Protocol
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from airflow_provider_pipedrive.sandbox.state.store import Id, Record

START_SECONDS = 10.0
STOP_SECONDS = 10.0


def server_for(world: World) -> uvicorn.Server:
    """A uvicorn server for a world, not started."""
    config = uvicorn.Config(
        App(world),
        http=Protocol,
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,  # the sandbox's clock writes it
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener


class Sandbox:
    """A sandbox on 127.0.0.1 and a free port, from ``with`` to the end of its block.

    The keyword arguments are those of :class:`~airflow_provider_pipedrive.sandbox.state.settings.Settings`.

    :raises TypeError: an argument is unknown
    """

    def __init__(self, *, port: int = 0, **settings: Any) -> None:
        self._port = port
        self._world = World(Settings(**settings))
        self._thread: threading.Thread | None = None
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> Self:
        listener = listen("127.0.0.1", self._port)
        self._world.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self._server = server_for(self._world)
        started = threading.Event()
        arguments = (self._server, listener, started)
        self._thread = threading.Thread(target=_serve, args=arguments, name="sandbox", daemon=True)
        self._thread.start()
        if not started.wait(START_SECONDS):
            raise RuntimeError(f"The sandbox did not start within {START_SECONDS:g} s.")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._thread.join(STOP_SECONDS)
        self._world.schedule.clear()
        self._world.webhooks.stop()

    # What a client needs

    @property
    def url(self) -> str:
        """The origin, e.g. ``http://127.0.0.1:40123``; API, OAuth host and storage all stand on it."""
        return self._world.url

    @property
    def api_token(self) -> str:
        """The token of the company's administrator."""
        return self._world.settings.api_token

    @property
    def client_id(self) -> str:
        """The OAuth app's id."""
        return self._world.settings.client_id

    @property
    def client_secret(self) -> str:
        """The OAuth app's secret."""
        return self._world.settings.client_secret

    @property
    def refresh_token(self) -> str:
        """A refresh token that is authorized already."""
        return self._world.settings.refresh_token

    def access_token(self, scopes: tuple[str, ...] | None = None) -> str:
        """An access token of a new grant; ``None`` gives it the sandbox's scopes."""
        with self._world.lock:
            return self._world.oauth.issue(scopes)

    def expire_access_tokens(self) -> None:
        """Let every access token be expired: the next request with one gets 401."""
        with self._world.lock:
            self._world.oauth.expire_access_tokens()

    # What a test does to it

    def reset(self) -> None:
        """Back to the beginning: records, limits, faults, scheduled actions, tokens, log and clock."""
        self._world.reset()

    def fault(self, path: str = "*", kind: str = "500", **options: Any) -> None:
        """Let requests fail; see :class:`~airflow_provider_pipedrive.sandbox.control.faults.Fault`.

        :raises ValueError: the kind is unknown
        """
        with self._world.lock:
            self._world.faults.add(path=path, kind=kind, **options)

    def clear_faults(self) -> None:
        """Let no more requests fail."""
        with self._world.lock:
            self._world.faults.clear()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock on: tokens expire, windows pass, webhooks are tried again."""
        operations.advance(self._world, seconds)

    def uninstall(self, redirect_uri: str | None = None) -> int | None:
        """Uninstall the app, as a user would in Pipedrive; see :mod:`.control.marketplace`.

        :raises ValueError: there is no callback URL on this machine to tell
        """
        with self._world.lock:
            return marketplace.uninstall(self._world, redirect_uri)

    def move_deal(self, deal_id: int, stage_id: int) -> Record:
        """Move a deal to a stage, as a person would in Pipedrive's web interface.

        :raises LookupError: there is no such deal
        """
        with self._world.lock:
            return operations.move_deal(self._world, deal_id, stage_id)

    def add_file(self, name: str = "file.txt", content: bytes = b"content", **links: Any) -> Record:
        """Add a file; ``links`` are ``deal_id``, ``person_id``, ``org_id``, ``product_id``, ``lead_id``, ..."""
        with self._world.lock:
            return operations.add_file(self._world, name, content, **links)

    def update(self, entity: str, key: Id, **fields: Any) -> Record:
        """Change fields of a record, with all that follows from it.

        :raises LookupError: there is no such record
        """
        with self._world.lock:
            return operations.update(self._world, entity, key, fields)

    def delete(self, entity: str, key: Id) -> None:
        """Delete a record, as a person would in Pipedrive's web interface.

        :raises LookupError: there is no such record
        """
        with self._world.lock:
            operations.delete(self._world, entity, key)

    def merge(self, entity: str, key: Id, into: Id) -> Record:
        """Merge a deal, person or organization into another, as a person would in Pipedrive's web interface.

        :raises LookupError: there is no such record
        """
        with self._world.lock:
            return operations.merge(self._world, entity, key, into)

    def plan(
        self,
        do: str,
        *,
        after_reads: int | None = None,
        after_seconds: float | None = None,
        path: str = "*",
        **options: Any,
    ) -> None:
        """Let something happen later; see :class:`.control.schedule.ScheduledAction`.

        :raises LookupError: ``do`` is not known
        :raises ValueError: neither reads nor time is given, or both
        """
        with self._world.lock:
            operations.schedule(self._world, do, options, after_reads, after_seconds, path)

    def repeat_deliveries(self, count: int) -> None:
        """Deliver each of the next so many webhook events twice, as Pipedrive does where the answer comes too late."""
        self._world.webhooks.repeat(count)

    def settle(self, seconds: float = 10.0) -> None:
        """Wait until every webhook delivery that is due has been answered or has failed.

        :raises TimeoutError: that took longer than so many seconds
        """
        if not self._world.webhooks.settle(seconds):
            raise TimeoutError(f"The sandbox's webhooks were not delivered within {seconds:g} s.")

    # What a test sees

    @property
    def requests(self) -> list[LoggedRequest]:
        """Every request since the last reset, the oldest first (at most 20,000)."""
        with self._world.lock:
            return list(self._world.log)

    def counters(self) -> dict[str, Any]:
        """Numbers since the reset: ``requests``, ``tokens``, ``refreshes``, ``faults``, ``webhooks``, statuses."""
        with self._world.lock:
            return operations.counters(self._world)

    def records(self, entity: str) -> dict[Id, Record]:
        """The stored records of a table by id. A copy; the records themselves are not to be changed.

        :raises LookupError: there is no such table
        """
        with self._world.lock:
            return dict(operations.table(self._world, entity).records)


def _serve(server: uvicorn.Server, listener: socket.socket, started: threading.Event) -> None:
    async def main() -> None:
        serving = asyncio.ensure_future(server.serve(sockets=[listener]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.001)
        started.set()
        await serving

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(main())


def loop_factory() -> Any:
    """uvloop's where it is installed (it does not exist for Windows), else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
