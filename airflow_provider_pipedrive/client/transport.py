"""The one place that touches sockets: sends one request, reads one answer, follows nothing by itself."""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.connections import (
    Connections,
    came_late,
    led_inside,
    only_public_addresses,
    whole_within,
)
from airflow_provider_pipedrive.client.downloads import DownloadSink
from airflow_provider_pipedrive.client.hosts import SHARED_ORIGIN, is_loopback, is_public, plain_url
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.responses import Operation, Response, outcome_unknown
from airflow_provider_pipedrive.client.settings import Settings
from airflow_provider_pipedrive.client.uploads import Upload
from airflow_provider_pipedrive.errors import (
    PipedriveConnectionError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveResponseError,
)

WHOLE_ANSWER = 10
"""A whole JSON answer has this many times ``timeout``."""
LARGEST_ANSWER = 128 * 1024 * 1024
"""Bytes of a whole JSON answer, unpacked. A page of 500 deals with a hundred fields has 3 MB."""
_CHUNK = 64 * 1024
_MOST_HOPS = 5
_NO_FILE: AbstractContextManager[None] = nullcontext()
_REDIRECTS = (301, 302, 303, 307, 308)
_AS_STORED = {"Accept-Encoding": "identity"}
"""A file is wanted as it is stored: unpacking on the way would not notice a packed one that was cut short."""


class Transport:
    """Sends requests over kept-alive connections.

    :param settings: timeout, TLS verification, proxies
    :param clock: measures the time that an answer takes
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._connections = Connections(settings)

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()

    def send(self, request: PreparedRequest) -> Response:
        """Send one request and read the whole answer, into the request's sink where it has one.

        :param request: its target is a whole URL
        :raises PipedriveConnectionError: no whole answer came in time
        """
        if request.sink is not None:
            return self._download(request, request.sink)
        body = request.body
        try:
            with (
                body.opened() if isinstance(body, Upload) else _NO_FILE as blocks,
                whole_within(self._clock, self._settings.timeout * WHOLE_ANSWER),
                self._connections.exchange(request, blocks)() as response,
            ):
                began = self._clock.monotonic()
                if request.before_body is not None:
                    request.before_body()
                return _answer(response, _whole(response), began)
        except _FOREIGN as error:
            fault = self._fault(request.operation, error)
        # Raised here, the error does not have the library's own as its context: that can hold URLs and passwords.
        raise fault

    def _download(self, request: PreparedRequest, sink: DownloadSink) -> Response:
        """Read a file into ``sink``, following redirects without the credential.

        Pipedrive may send the bytes itself or point to a storage host, which must not see the credential, and which is
        on the internet: an address of this machine or of a private network, be it that a name leads there, is taken
        only where the connection's own host is on this machine too. Through a proxy, which looks names up itself, the
        address in the URL is all that can be judged.

        :returns: an answer without body when the file is in ``sink``, else the answer to be judged
        :raises PipedriveConnectionError: the file did not come whole
        :raises PipedriveResponseError: a redirect leads where a file must not be fetched from, or to no file
        :raises OSError: ``sink`` cannot be written to, such as a full disk
        """
        sink.rewind()
        operation = request.operation
        request = replace(request, headers={**request.headers, **_AS_STORED})
        own_is_here = is_loopback(urlsplit(request.target).hostname)
        for hop in range(_MOST_HOPS):
            with only_public_addresses(hop > 0 and not own_is_here):
                answer = self._fetch(request, sink)
            target = answer.headers.get("location")
            if answer.status in _REDIRECTS and target:
                following = redirect_target(operation, request.target, target)
                request = replace(request, target=following, headers=_AS_STORED)
            elif hop and not 200 <= answer.status < 300:
                raise PipedriveResponseError(
                    f"{operation}: the storage host that Pipedrive points to answered {answer.status} instead of the "
                    "file.",
                    action=operation.key,
                    status=answer.status,
                    retryable=True,
                )
            else:
                return answer
        raise PipedriveResponseError(
            f"{operation}: more than {_MOST_HOPS} redirects lead to the file.", action=operation.key
        )

    def _fetch(self, request: PreparedRequest, sink: DownloadSink) -> Response:
        try:
            with self._connections.exchange(request)() as response:
                began = self._clock.monotonic()
                if not 200 <= response.status < 300:
                    return _answer(response, _whole(response), began)
                for chunk in _chunks(response):
                    sink.write(chunk)
                return _answer(response, b"", began)
        except _FOREIGN as error:
            fault = error if error is sink.failure else self._fault(request.operation, error)
        raise fault

    def _fault(self, call: Operation, error: BaseException) -> PipedriveError:
        """What a library's exception means.

        Its text can hold URLs and proxies' passwords, so only the kind of fault is told.
        """
        kinds = tuple(type(cause) for cause in _causes(error))
        if led_inside(kinds):
            return PipedriveResponseError(
                f"{call}: Pipedrive redirects to a host whose address is on this machine or in a private network, from "
                "where no file is fetched.",
                action=call.key,
            )
        if isinstance(error, _TooLong):
            return PipedriveResponseError(
                f"{call}: Pipedrive's answer is larger than {LARGEST_ANSWER // 2**20} MiB: nothing more of it was "
                "read. Where it is a list, ask for fewer records at once (limit)."
                + ("" if call.is_read else f" {outcome_unknown(call)}"),
                action=call.key,
                retryable=call.may_be_run_again,
            )
        if isinstance(error, _MISCONFIGURED):
            return PipedriveParameterError(
                f"{call}: the request cannot be sent ({type(error).__name__}): check host and proxies of the "
                "connection, and the proxies of the environment.",
                action=call.key,
            )
        if isinstance(error, _UNREADABLE):
            return PipedriveResponseError(
                f"{call}: Pipedrive's answer cannot be read: {_kind(error)}."
                + ("" if call.is_read else f" {outcome_unknown(call)}"),
                action=call.key,
                retryable=call.may_be_run_again,
            )
        return self._broken_off(call, error, kinds)

    def _broken_off(
        self, call: Operation, error: BaseException, kinds: Sequence[type[BaseException]]
    ) -> PipedriveConnectionError:
        """What an exception of the connection's means.

        :param kinds: of the exception and of what it was made of
        """
        seconds = self._settings.timeout
        if came_late(kinds):
            return self._cut(call, f"the answer was not complete after {seconds * WHOLE_ANSWER:g} s", sent=True)
        never_connected = any(issubclass(kind, urllib3.exceptions.NewConnectionError) for kind in kinds)
        if isinstance(error, _TIMEOUTS) and not never_connected:
            connecting = isinstance(error, requests.ConnectTimeout | urllib3.exceptions.ConnectTimeoutError)
            what = "no connection" if connecting else "no answer"
            return self._cut(call, f"{what} within {seconds:g} s (the connection's timeout)", sent=not connecting)
        if ssl.SSLCertVerificationError in kinds:
            text = "the server's TLS certificate is not trusted: check the machine's certificates, or verify in the "
            return self._cut(call, f"{text}connection", sent=False, retryable=False)
        if isinstance(error, requests.exceptions.ProxyError | urllib3.exceptions.ProxyError):
            # Only said while the way through the proxy is being opened.
            return self._cut(call, f"the proxy failed ({_kind(error)})", sent=False)
        if socket.gaierror in kinds:
            advice = "check the connection's host, and this machine's network"
            return self._cut(call, f"the name in {self._place} cannot be resolved: {advice}", sent=False)
        if ConnectionRefusedError in kinds:
            text = f"nothing listens at {self._place}: check the connection's host and port"
            return self._cut(call, text, sent=False)
        return self._cut(call, f"the connection failed ({_kind(error)})", sent=not never_connected)

    @property
    def _place(self) -> str:
        return self._settings.origin or SHARED_ORIGIN

    def _cut(self, call: Operation, what: str, *, sent: bool, retryable: bool = True) -> PipedriveConnectionError:
        harmless = call.is_read or not sent
        error = PipedriveConnectionError(
            f"{call}: {what}{'' if self._place in what else f', talking to {self._place}'}."
            + ("" if harmless else f" {outcome_unknown(call)}"),
            action=call.key,
            retryable=retryable and (harmless or call.may_be_run_again),
        )
        error.nothing_sent = not sent
        return error


def redirect_target(operation: Operation, url: str, location: str) -> str:
    """The address to continue with: https, or this machine in plain http too where ``url`` is there as well.

    :raises PipedriveResponseError: no file is fetched from there
    """
    try:
        following = urljoin(url, location)
        parts = urlsplit(following)
        host = plain_url(f"{parts.scheme}://{parts.netloc}").hostname or ""
    except ValueError:
        raise PipedriveResponseError(
            f"{operation}: Pipedrive redirects to an address that cannot be read.", action=operation.key
        ) from None
    here, there = is_loopback(urlsplit(url).hostname), is_loopback(host)
    is_private = there or (_is_address(host) and not is_public(host))
    if (parts.scheme == "https" and (here or not is_private)) or (parts.scheme == "http" and here and there):
        return following
    raise PipedriveResponseError(
        f"{operation}: Pipedrive redirects to {parts.scheme}://{host}, from where no file is fetched: only https to a "
        "host on the internet is followed.",
        action=operation.key,
    )


_TIMEOUTS = (requests.Timeout, urllib3.exceptions.TimeoutError)
_MISCONFIGURED = (
    requests.exceptions.InvalidHeader,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.URLRequired,
    urllib3.exceptions.LocationValueError,
    urllib3.exceptions.URLSchemeUnknown,
)
_UNREADABLE = (
    requests.exceptions.ContentDecodingError,
    requests.exceptions.InvalidJSONError,
    urllib3.exceptions.BodyNotHttplibCompatible,
    urllib3.exceptions.DecodeError,
    urllib3.exceptions.InvalidHeader,
    urllib3.exceptions.ResponseNotChunked,
)
_FOREIGN = (requests.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)
"""Everything that the libraries raise; what else comes out of an exchange is a fault of this package's."""


class _TooLong(OSError):
    """The answer is larger than any that Pipedrive gives."""


def _whole(response: urllib3.BaseHTTPResponse) -> bytes:
    """The body, unpacked: read at once where its length is known, which takes less time and memory than joining it.

    :raises _TooLong: it is larger than an answer can be, as what is packed may be that comes with a few bytes
    """
    declared = response.length_remaining
    if declared is not None and declared > LARGEST_ANSWER:
        raise _TooLong
    if declared is not None and not response.headers.get("content-encoding"):
        content: bytes = response.read()
        return content
    chunks: list[bytes] = []
    size = 0
    for chunk in _chunks(response):
        size += len(chunk)
        if size > LARGEST_ANSWER:
            raise _TooLong
        chunks.append(chunk)
    return b"".join(chunks)


def _chunks(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """The body as it comes in, unpacked."""
    while chunk := response.read1(_CHUNK, decode_content=True):
        yield chunk


def _answer(response: urllib3.BaseHTTPResponse, content: bytes, began: float) -> Response:
    headers = {name.lower(): value for name, value in response.headers.itermerged()}
    return Response(response.status, headers, content, began)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was made of: requests and urllib3 wrap one another in args, reason and cause."""
    queue: list[Any] = [error]
    seen: set[int] = set()
    while queue:
        item = queue.pop()
        if isinstance(item, BaseException) and id(item) not in seen:
            seen.add(id(item))
            yield item
            queue += [*item.args, getattr(item, "reason", None), item.__cause__, item.__context__]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _kind(error: BaseException) -> str:
    """The innermost reason, by name."""
    names = [type(cause).__name__ for cause in _causes(error) if isinstance(cause, OSError)]
    inner = [name for name in names if name not in ("ConnectionError", "RequestException")]
    return inner[-1] if inner else type(error).__name__
