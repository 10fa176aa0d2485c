"""The kinds of fault, and how each comes about: in the sandbox's answers, or on this machine before a request goes out.

The latter need a request to open a connection: then it looks the host up, and that is where they happen.
"""

from __future__ import annotations

import itertools
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, tzinfo
from types import SimpleNamespace
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import SECRETS
from tests.support.scripted_server import FakeClock, ScriptedServer

ANSWERED = (
    "429", "429-daily", "500", "502", "503", "504", "401", "403", "410", "html403", "redirect", "reset", "reset-after",
    "truncate", "slow", "empty", "not-json", "nan", "bad-utf8", "null-data", "huge",
)  # fmt: skip
"""The sandbox's, but for those of pages, which are in the tests of paging."""
ON_THIS_MACHINE = ("dns", "refused", "expired", "revoked", "clock-forward", "clock-back")
KINDS = ANSWERED + ON_THIS_MACHINE
WITH_OAUTH = ("expired", "revoked", "clock-forward", "clock-back")
"""Kinds that a connection with an API token has no part in, or less."""
DAY = 86_400.0
_PRODUCT, _SANDBOX = "airflow_provider_pipedrive.", "airflow_provider_pipedrive.sandbox."
_time, _getaddrinfo = time.time, socket.getaddrinfo


class StormClock(FakeClock):
    """The client's clock: waits take no time, and the time of day, else the machine's, may jump.

    :cvar ahead: seconds that it has jumped
    """

    ahead = 0.0

    def time(self) -> float:
        return _time() + StormClock.ahead


class _PlainDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


class _JumpingDatetime(datetime, metaclass=_PlainDatetime):
    """What the package's modules see in place of ``datetime`` while the clock jumps."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Any:
        return datetime.fromtimestamp(time.time(), tz)


class Faults:
    """Lets faults meet requests.

    :ivar hits: how many requests met each kind that comes about on this machine
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self.hits: Counter[str] = Counter()
        self.elsewhere = ScriptedServer()
        """Where redirects lead: it hangs up on everybody, and knows what it was sent."""
        self._sandbox = sandbox
        self._port = urlsplit(sandbox.url).port
        self._nobody = socket.socket()  # bound, so that nobody else listens there
        self._nobody.bind(("127.0.0.1", 0))

    def close(self) -> None:
        """Free the ports."""
        self.elsewhere.stop()
        self._nobody.close()

    def secrets_elsewhere(self) -> list[str]:
        """The secrets, and the headers for secrets, that have come to where redirects lead."""
        sent = repr(self.elsewhere.requests).lower()
        return [secret for secret in (*SECRETS, "authorization", "x-api-token") if secret.lower() in sent]

    def answer(self, kind: str, **aimed: Any) -> None:
        """Let the sandbox answer so from now on."""
        headers = {"location": f"{self.elsewhere.url}/sign-in"} if kind == "redirect" else {}
        self._sandbox.fault("*", kind, seconds=0.01, headers=headers, **aimed)

    @contextmanager
    def meeting(self, kind: str, skip: int, count: int | None) -> Iterator[None]:
        """Within the block, ``count`` requests meet the fault after the first ``skip`` of them."""
        if kind in ANSWERED:
            self.answer(kind, skip=skip, count=count)
            yield
            return
        self._sandbox.fault("*", "slow", seconds=0, count=None, headers={"connection": "close"})
        turns = range(skip, sys.maxsize if count is None else skip + count)
        requests = itertools.count()

        def look_up(host: Any, port: Any, *more: Any, **options: Any) -> Any:
            if port == self._port and next(requests) in turns:
                self.hits[kind] += 1
                port = self._happen(kind, port)
            return _getaddrinfo(host, port, *more, **options)

        with ExitStack() as patches:
            patches.enter_context(mock.patch("socket.getaddrinfo", look_up))
            if kind.startswith("clock"):
                patches.enter_context(_jumping_clocks())
            yield

    def _happen(self, kind: str, port: int) -> int:
        """Let it happen; the port that the request then goes to."""
        if kind == "dns":
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        if kind == "refused":
            return int(self._nobody.getsockname()[1])
        if kind == "expired":
            self._sandbox.expire_access_tokens()
        elif kind == "revoked":
            self._sandbox.uninstall(f"http://127.0.0.1:{self._nobody.getsockname()[1]}/")
        else:
            StormClock.ahead += DAY if kind == "clock-forward" else -DAY
        return port


def _jumped_time() -> float:
    return _time() + StormClock.ahead


@contextmanager
def _jumping_clocks() -> Iterator[None]:
    """Let the machine's time of day be the storm's, for everything but the sandbox."""
    seen = [
        module
        for name, module in list(sys.modules.items())
        if name.startswith(_PRODUCT) and not name.startswith(_SANDBOX) and vars(module).get("datetime") is datetime
    ]
    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(StormClock, "ahead", 0.0))
        patches.enter_context(mock.patch("time.time", _jumped_time))
        patches.enter_context(mock.patch(f"{_SANDBOX}state.clock.time", SimpleNamespace(time=_time)))
        for module in seen:
            patches.enter_context(mock.patch.object(module, "datetime", _JumpingDatetime))
        yield
