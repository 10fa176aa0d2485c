"""Kept connections, in the pools of requests' adapter: through which proxy, with which certificates, to which
addresses, and how long an answer may take."""

from __future__ import annotations

import http.client
import io
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from airflow_provider_pipedrive import __version__
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.hosts import is_loopback, is_public
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.settings import Settings
from airflow_provider_pipedrive.errors import PipedriveParameterError

_CONNECTIONS = 64
_LONG_BODY = 64 * 1024


class Connections:
    """Opens exchanges over kept connections.

    requests' session would look up proxies, certificates, cookies and pool for each request, which costs as much CPU as
    the exchange itself. Here that is done once for a host, by the same adapter, and there are no cookies at all.

    :param settings: timeout, TLS verification, proxies
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._adapter = _Adapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS, max_retries=0)
        self._timeout = urllib3.Timeout(connect=settings.timeout, read=settings.timeout)
        self._headers = {
            **requests.utils.default_headers(),
            "User-Agent": f"airflow-provider-pipedrive/{__version__}",
        }
        self._last: tuple[str, urllib3.HTTPConnectionPool] | None = None

    def close(self) -> None:
        """Close them."""
        self._adapter.close()

    def exchange(
        self, request: PreparedRequest, blocks: Iterator[bytes] | None = None
    ) -> Callable[[], urllib3.BaseHTTPResponse]:
        """What sends a request when it is called. No redirect is followed and nothing is sent again.

        :param request: its target is a whole URL
        :param blocks: its body, where that is read while it is sent
        :returns: it returns the answer, whose body has not been read; to be closed
        """
        method, url, body = request.operation.method, request.target, request.body
        if (last := self._last) is None or not url.startswith(f"{last[0]}/"):
            url, last = self._find(url)
        origin, pool = last
        for header in request.headers.items():
            requests.utils.check_header_validity(header)
        headers = {**self._headers, **request.headers}
        if body or method not in ("GET", "HEAD"):
            headers["Content-Length"] = str(len(body or b""))
        content: Any = blocks or body or None
        if isinstance(body, bytes) and len(body) > _LONG_BODY:
            # As a stream: the timeout then bounds each block that is sent, not an upload as a whole.
            content = io.BytesIO(body)
        return partial(
            pool.urlopen,
            method,
            url[len(origin) :],
            content,
            headers,
            retries=False,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
            preload_content=False,
            decode_content=False,
        )

    def _find(self, url: str) -> tuple[str, tuple[str, urllib3.HTTPConnectionPool]]:
        """A URL in the form in which it is sent, and its origin with the pool for it, which are kept for the next.

        Plain HTTP is for this machine only, and goes through no proxy: so no request has to name the whole URL.
        """
        request = requests.PreparedRequest()
        request.prepare_url(url, None)
        verify = self._verify()
        pool: Any = self._adapter.get_connection_with_tls_context(request, verify, self._proxies(url))
        self._adapter.cert_verify(pool, request.url, verify, None)  # type: ignore[no-untyped-call]
        parts = urlsplit(str(request.url))
        self._last = f"{parts.scheme}://{parts.netloc}", pool
        return str(request.url), self._last

    def _verify(self) -> bool | str:
        verify = self._settings.verify
        if isinstance(verify, str) and not Path(verify).exists():
            raise PipedriveParameterError(
                f"The connection's verify must be true, false, or the path of a CA bundle that exists here, "
                f"not {verify!r}."
            )
        if verify is not True:
            return verify
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def _proxies(self, url: str) -> dict[str, str]:
        if is_loopback(urlsplit(url).hostname):
            return {}
        if self._settings.proxies is not None:
            return dict(self._settings.proxies)
        return dict(requests.utils.get_environ_proxies(url, no_proxy=None))


_deadline: ContextVar[tuple[Clock, float] | None] = ContextVar("deadline", default=None)


@contextmanager
def whole_within(clock: Clock, seconds: float) -> Iterator[None]:
    """Let nothing more be received in this thread after so many seconds."""
    token = _deadline.set((clock, clock.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


class _Late(TimeoutError):
    """The whole answer took too long."""


def came_late(kinds: Sequence[type[BaseException]]) -> bool:
    """Whether a fault was that the whole answer took too long.

    :param kinds: of an exception and of what it was made of
    """
    return _Late in kinds


class _Received(io.RawIOBase):
    """What comes from a socket, each single receipt held against the deadline: the timeout alone would let a server
    that sends a byte now and then, be it of the headers, hold a worker for days."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        held = _deadline.get()
        if held is not None and held[0].monotonic() > held[1]:
            raise _Late
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedResponse(http.client.HTTPResponse):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_Received(self.fp.detach()))


_public_only: ContextVar[bool] = ContextVar("public_only", default=False)


@contextmanager
def only_public_addresses(demanded: bool) -> Iterator[None]:
    """Let this thread open no connection to this machine or a private network."""
    token = _public_only.set(demanded)
    try:
        yield
    finally:
        _public_only.reset(token)


class _NotPublic(OSError):
    """A name led to an address that no file is fetched from."""


def led_inside(kinds: Sequence[type[BaseException]]) -> bool:
    """Whether a fault was that a name led to this machine or a private network.

    :param kinds: of an exception and of what it was made of
    """
    return _NotPublic in kinds


def _judged(opened: socket.socket, *, proxied: bool) -> socket.socket:
    """A socket, if what it is connected to may be: judged on the address itself, which no name can change any more."""
    if _public_only.get() and not proxied and not is_public(str(opened.getpeername()[0])):
        opened.close()
        raise _NotPublic
    return opened


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        return _judged(super()._new_conn(), proxied=self.proxy is not None)


class _TlsConnection(urllib3.connection.HTTPSConnection):
    response_class = _BoundedResponse

    def _new_conn(self) -> socket.socket:
        return _judged(super()._new_conn(), proxied=self.proxy is not None)


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """requests' adapter, over connections whose answers keep the deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # SOCKS has connection classes of its own
            manager.pool_classes_by_scheme = _POOLS
        return manager


_POOLS = {"http": _Pool, "https": _TlsPool}
