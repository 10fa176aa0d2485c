"""The one place that touches sockets: sends one request, reads one answer, follows nothing by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from airflow_provider_pipedrive import __version__
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.hosts import is_loopback
from airflow_provider_pipedrive.client.settings import Settings
from airflow_provider_pipedrive.client.verdicts import Answer, Call, unreadable
from airflow_provider_pipedrive.errors import PipedriveConnectionError, PipedriveResponseError

if TYPE_CHECKING:
    from typing import BinaryIO

WHOLE_ANSWER = 10
"""A whole JSON answer has this many times ``timeout``."""
_CHUNK = 64 * 1024
_CONNECTIONS = 16
_MOST_HOPS = 5
_REDIRECTS = (301, 302, 303, 307, 308)


class Transport:
    """Sends requests over kept-alive connections.

    :param settings: timeout, TLS verification, proxies
    :param clock: measures the time that an answer takes
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._session = requests.Session()
        # The environment's .netrc would replace our header; proxies and CA bundle are read from it by hand below.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers["User-Agent"] = f"airflow-provider-pipedrive/{__version__}"
        adapter = HTTPAdapter(pool_connections=_CONNECTIONS, pool_maxsize=_CONNECTIONS, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def close(self) -> None:
        """Close the kept connections."""
        self._session.close()

    def send(self, call: Call, url: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and read the whole answer.

        :raises PipedriveConnectionError: no whole answer came in time
        """
        with self._faults(call), self._open(call.method, url, headers, body) as response:
            content = b"".join(self._chunks(response, self._clock.monotonic() + self._settings.timeout * WHOLE_ANSWER))
            return _answer(response, content)

    def download(self, call: Call, url: str, headers: Mapping[str, str], sink: BinaryIO) -> Answer:
        """Read a file into ``sink``, following redirects without the credential.

        Pipedrive may send the bytes itself or point to a storage host, which must not see the credential.

        :returns: an answer without body when the file is in ``sink``, else the answer to be judged
        :raises PipedriveConnectionError: the file did not come whole
        :raises PipedriveResponseError: a redirect leads where a file must not be fetched from
        """
        try:
            return self._follow(call, url, headers, sink)
        except _SinkFailed as failed:
            raise failed.cause from None

    def _follow(self, call: Call, url: str, headers: Mapping[str, str], sink: BinaryIO) -> Answer:
        carried: Mapping[str, str] = headers
        for _hop in range(_MOST_HOPS):
            with self._faults(call), self._open("GET", url, carried, None) as response:
                target = response.headers.get("location")
                if response.status_code in _REDIRECTS and target:
                    url = self._redirect(call, url, target)
                    carried = {}
                    continue
                if not 200 <= response.status_code < 300:
                    return _answer(response, b"".join(self._chunks(response, None)))
                for chunk in self._chunks(response, None):
                    _write(sink, chunk)
                return _answer(response, b"")
        raise PipedriveResponseError(f"{call}: more than {_MOST_HOPS} redirects lead to the file.", action=call.key)

    def _redirect(self, call: Call, url: str, target: str) -> str:
        """The address to go on with: https, or plain http on this machine where the connection is there too."""
        following = urljoin(url, target)
        parts = urlsplit(following)
        local = is_loopback(parts.hostname) and is_loopback(urlsplit(url).hostname)
        if parts.scheme == "https" or (parts.scheme == "http" and local):
            return following
        raise PipedriveResponseError(
            f"{call}: Pipedrive redirects to {parts.scheme}://{parts.hostname}, from where no file is fetched: only "
            "https is followed.",
            action=call.key,
        )

    def _open(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> requests.Response:
        return self._session.request(
            method,
            url,
            data=body,
            headers=dict(headers),
            stream=True,
            allow_redirects=False,
            timeout=self._settings.timeout,
            verify=self._verify(),
            proxies=self._proxies(url),
        )

    def _verify(self) -> bool | str:
        if self._settings.verify is not True:
            return self._settings.verify
        return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True

    def _proxies(self, url: str) -> dict[str, str]:
        if is_loopback(urlsplit(url).hostname):
            return {}
        if self._settings.proxies is not None:
            return dict(self._settings.proxies)
        return dict(requests.utils.get_environ_proxies(url, no_proxy=None))

    def _chunks(self, response: requests.Response, deadline: float | None) -> Iterator[bytes]:
        """The body as it comes in: each silence is bounded by the timeout, the whole by ``deadline``."""
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            if deadline is not None and self._clock.monotonic() > deadline:
                raise _Late
            yield chunk

    @contextmanager
    def _faults(self, call: Call) -> Iterator[None]:
        """Turns whatever the libraries underneath raise into our errors. Their texts can hold URLs and proxies'
        passwords, so only the kind of fault is told."""
        try:
            yield
        except _Late:
            seconds = self._settings.timeout * WHOLE_ANSWER
            raise self._fault(call, f"the answer was not complete after {seconds:g} s", sent=True) from None
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            connecting = isinstance(error, requests.ConnectTimeout)
            what = "no connection" if connecting else "no answer"
            text = f"{what} within {self._settings.timeout:g} s (the connection's timeout)"
            raise self._fault(call, text, sent=not connecting) from None
        except (requests.exceptions.SSLError, urllib3.exceptions.SSLError) as error:
            text = f"the TLS connection failed ({_kind(error)}): check the certificates, or verify in the connection"
            raise self._fault(call, text, sent=False, retryable=False) from None
        except requests.exceptions.ProxyError as error:
            raise self._fault(call, f"the proxy failed ({_kind(error)})", sent=True) from None
        except (requests.ConnectionError, urllib3.exceptions.ProtocolError) as error:
            text = f"the connection failed ({_kind(error)})"
            raise self._fault(call, text, sent=not _never_connected(error)) from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise unreadable(call, Answer(0, {}), f"{_kind(error)} while reading it") from None
        except OSError as error:
            raise self._fault(call, f"the connection failed ({_kind(error)})", sent=True) from None

    def _fault(self, call: Call, what: str, *, sent: bool, retryable: bool = True) -> PipedriveConnectionError:
        harmless = call.is_read or not sent
        unknown = "" if harmless else " Whether it was carried out is unknown: look in Pipedrive before you repeat it."
        error = PipedriveConnectionError(
            f"{call}: {what}, talking to {self._settings.origin or 'Pipedrive'}.{unknown}",
            action=call.key,
            retryable=retryable and (harmless or call.idempotent),
        )
        error.nothing_sent = not sent
        return error


class _Late(Exception):
    """The whole answer took too long."""


class _SinkFailed(Exception):
    """What the file is written to failed (a full disk): no fault of the connection's."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def _write(sink: BinaryIO, chunk: bytes) -> None:
    try:
        sink.write(chunk)
    except OSError as error:
        raise _SinkFailed(error) from error


def _answer(response: requests.Response, content: bytes) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, content)


def _never_connected(error: BaseException) -> bool:
    """Whether the fault came before anything could be sent."""
    return any(isinstance(cause, urllib3.exceptions.NewConnectionError) for cause in _causes(error))


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


def _kind(error: BaseException) -> str:
    """The innermost reason, by name."""
    names = [type(cause).__name__ for cause in _causes(error) if isinstance(cause, OSError)]
    inner = [name for name in names if name not in ("ConnectionError", "RequestException")]
    return inner[-1] if inner else type(error).__name__
