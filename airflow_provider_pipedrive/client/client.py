"""The client: one action in, records out."""

from __future__ import annotations

import io
import itertools
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any, BinaryIO, TypeVar
from urllib.parse import unquote, urlencode, urlsplit

from airflow_provider_pipedrive.catalog import UnknownActionError, get_action
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.catalog.model import Action, TimeFormat
from airflow_provider_pipedrive.client.auth import (
    ApiTokenAuth,
    Auth,
    NoRefreshTokenStore,
    OAuthTokenAuth,
    RefreshTokenStore,
    basic,
)
from airflow_provider_pipedrive.client.clock import Clock, SystemClock
from airflow_provider_pipedrive.client.costs import cost_of
from airflow_provider_pipedrive.client.hosts import origin_of, plain_url
from airflow_provider_pipedrive.client.limits import limits_of
from airflow_provider_pipedrive.client.named_fields import NamedFields
from airflow_provider_pipedrive.client.paging import Position, look_at, records_in, walk_pages
from airflow_provider_pipedrive.client.parameters import NOTHING, Request, as_dict, bind, query_text
from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.client.responses import (
    Operation,
    Response,
    call_of,
    is_gone_already,
    may_have_happened,
    raise_for_response,
    unreadable,
)
from airflow_provider_pipedrive.client.retries import with_retries
from airflow_provider_pipedrive.client.settings import ApiToken, Settings
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.client.uploads import multipart
from airflow_provider_pipedrive.client.values import InvalidValue, plain
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveEndpointRemovedError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveTokenCapError,
    PipedriveValidationError,
)

log = logging.getLogger(__name__)
T = TypeVar("T")
DOWNLOAD_IN_MEMORY = 50 * 1024 * 1024
"""Bytes of a download that are returned without ``save_to``."""
_PROGRESS_EVERY = 10.0
_GONE: dict[str, Any] = {}
"""Stands for the answer to a deletion that had been carried out before."""
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@dataclass
class Usage:
    """What a client has done: ``requests`` sent, ``pages`` and ``records`` read, API ``tokens`` counted, ``seconds``
    spent in requests and waits."""

    requests: int = 0
    pages: int = 0
    records: int = 0
    tokens: int = 0
    seconds: float = 0.0


class PipedriveClient:
    """Talks to one Pipedrive account.

    :param settings: host, credential and limits, see :func:`settings_from`
    :param clock: time; another one in tests
    :param on_secret: is told every secret that comes up (renewed tokens), to have it masked elsewhere too
    :ivar token_cap: API tokens of :attr:`usage` that may not be exceeded, None for no cap
    :ivar tokens_left: API tokens that the company has left today, where Pipedrive says so
    :param token_store: keeps a refresh token that Pipedrive hands out in place of the connection's
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        on_secret: Callable[[str], None] = lambda secret: None,
        token_store: RefreshTokenStore | None = None,
    ) -> None:
        self.settings = settings
        self.usage = Usage()
        self.token_cap: int | None = None
        self.tokens_left: int | None = None
        self._counting = threading.Lock()
        self._dated = ("", 0.0)
        self._clock = clock or SystemClock()
        self._transport = Transport(settings, self._clock)
        self._limits = limits_of(settings)
        self._on_secret = on_secret
        self._token_store = token_store or NoRefreshTokenStore()
        self.redact = Redactor()
        for secret in secrets_of(settings):
            self._learn(secret)
        self._signer = self._make_signer()
        self._named_fields = NamedFields(self, self._clock)

    def close(self) -> None:
        """Close the kept connections."""
        self._transport.close()

    def __enter__(self) -> PipedriveClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def origin(self) -> str:
        """The origin that requests go to, such as ``https://acme.pipedrive.com``."""
        return self._signer.origin()

    @property
    def server_ahead(self) -> float | None:
        """Seconds by which Pipedrive's clock is ahead of this machine's, by the last answer; ``None`` before the first.

        Pipedrive tells its time in whole seconds, and an answer travels: differences below 2 s mean nothing.
        """
        date, read_at = self._dated
        try:
            return parsedate_to_datetime(date).timestamp() - read_at
        except ValueError:
            return None

    @property
    def burst_limit(self) -> int:
        """Requests that Pipedrive takes within 2 seconds from this credential, as far as known."""
        return self._limits.burst_limit

    @property
    def room(self) -> int:
        """Requests that the rate limit lets start at once."""
        return self._limits.room(self._clock.monotonic())

    # ---- actions

    def run(
        self,
        action: str,
        parameters: Mapping[str, Any] | None = None,
        *,
        already_tried: bool = False,
        readable: bool = False,
    ) -> Any:
        """Do one action and return the envelope's ``data``.

        A list action walks through all pages and returns the records as a list; with ``cursor`` or ``start`` it
        reads that page only. A download returns its bytes, up to 50 MB. A deletion that is repeated, since no clear
        answer came, and finds nothing is done.

        :param action: key in the catalog, such as ``getDeals``
        :param parameters: path, query and body parameters in one flat dict, named as Pipedrive names them; a write's
            ``custom_fields`` may name fields and options as people do: ``{"Deal size": "Large"}``
        :param already_tried: the same may have been sent before, such as by an earlier try of the task: a deletion that
            finds nothing is done then, with a warning
        :param readable: of a read, custom fields come under their names, options as labels
        :raises PipedriveParameterError: found before anything was sent
        :raises PipedriveError: everything else, see :mod:`airflow_provider_pipedrive.errors`
        """
        found = self._action(action)
        given = as_dict(action, parameters)
        if found.adapter == "any_request":
            return self._raw(found, given, already_tried=already_tried)
        if found.adapter == "numeric_field_id":
            given = self._with_field_code(given)
        if found.result == "binary":
            sink = _Bounded(DOWNLOAD_IN_MEMORY, found.key)
            self.download(action, given, sink)
            return sink.getvalue()
        given = self._named_fields.to_keys(found, given)
        request = bind(found, _with_limit(found, given))
        if found.result == "options":
            return self.options(found.key, **given)
        if not _is_list(found):
            envelope = self._written(found, request, given, already_tried=already_tried)
            if envelope is _GONE:
                return _deleted(found, given)
            record = _data(found, envelope)
            return self._named_fields.to_names(found, record) if readable else record
        pages = self._pages(found, request)
        records = _joined(found, [next(pages)] if _position(dict(request.query)) else pages)
        if readable and isinstance(records, list):
            return [self._named_fields.to_names(found, record) for record in records]
        return records

    def iterate(
        self,
        action: str,
        parameters: Mapping[str, Any] | None = None,
        max_records: int | None = None,
        *,
        readable: bool = False,
    ) -> Iterator[Any]:
        """A lazy iterator over the records of all pages; memory does not grow with their number.

        :param max_records: stop after so many
        :param readable: custom fields come under their names, options as labels
        :raises PipedriveParameterError: at once, before the first record is asked for
        """
        found = self._action(action)
        if not _is_list(found):
            raise PipedriveParameterError(
                f"{found.key} does not answer a list of records: use run().", action=found.key
            )
        if max_records is not None and (type(max_records) is not int or max_records < 1):
            raise PipedriveParameterError(
                f"max_records must be a whole number from 1 on, not {max_records!r}.", action=found.key
            )
        request = bind(found, _with_limit(found, as_dict(action, parameters), max_records))
        records = self._records(found, request, max_records)
        return (self._named_fields.to_names(found, record) for record in records) if readable else records

    def download(self, action: str, parameters: Mapping[str, Any] | None, sink: BinaryIO) -> int:
        """Write a file of Pipedrive's into ``sink`` and return its length in bytes.

        :param sink: a binary file object; it must be seekable, so that a broken download can begin again
        :raises OSError: ``sink`` cannot be written to
        """
        found = self._action(action)
        if found.result != "binary":
            raise PipedriveParameterError(f"{found.key} does not answer a file: use run().", action=found.key)
        request = bind(found, as_dict(action, parameters))
        if isinstance(sink, io.TextIOBase) or not sink.seekable():
            raise PipedriveParameterError(
                f"{found.key}: a file is written to a binary file object that can be rewound: open it with 'wb', and "
                "give a pipe or a remote file a temporary file in between.",
                action=found.key,
            )
        call = call_of(found, request.path)
        begin = sink.tell()

        def attempt(windows_waited: int) -> int:
            sink.seek(begin)
            sink.truncate()
            answer = self._signed(call, lambda url, headers: self._transport.download(call, url, headers, sink))
            if not 200 <= answer.status < 300:
                self._raise_for_response(call, answer, windows_waited)
            return sink.tell() - begin

        return self._repeating(call, attempt)

    def options(self, source: str, *, term: str | None = None, **parameters: Any) -> list[dict[str, str]]:
        """Records to choose from, as ``[{"key": "1", "label": "..."}]``.

        :param source: see :data:`airflow_provider_pipedrive.client.options.SOURCES`
        :param term: only what a search for this text finds (deals, organizations and persons)
        :param parameters: narrow the list down, as the list action's parameters
        """
        from airflow_provider_pipedrive.client.options import options

        return options(self, source, term, parameters)

    def request(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = NOTHING,
        *,
        action: str | None = None,
        already_tried: bool = False,
    ) -> dict[str, Any]:
        """Send any request to the connection's own host and return the parsed JSON body.

        :param path: ``/v1/...`` or ``/api/v2/...``, or a full URL of the connection's host
        :param params: query parameters
        :param json: JSON body
        :param already_tried: as in :meth:`run`
        :raises PipedriveParameterError: the path leads elsewhere
        """
        method = str(method).upper()
        if method not in _METHODS:
            raise PipedriveParameterError(f"The method must be one of {', '.join(_METHODS)}, not {method!r}.")
        target = self._own_target(str(path))
        path = target.split("?")[0]
        if params:
            target += ("&" if "?" in target else "?") + urlencode(_pairs(params, path))
        call = Operation(method, path, action, search="earch" in path)
        body = _json_bytes(call, json)
        return dict(self._exchange(call, target, body, "application/json", already_tried=already_tried))

    def page(
        self, action: str, parameters: Mapping[str, Any] | None, decode: Callable[[bytes], T]
    ) -> tuple[T, Mapping[str, str]]:
        """One page of a list, decoded as the caller wants it, and the answer's headers (names in lower case).

        For readers that ask for many pages at once; it may be called from several threads.

        :param parameters: all of them, ``limit`` and ``cursor`` or ``start`` included
        :param decode: makes something of the body; a ``ValueError`` means that it cannot be read
        :raises PipedriveError: see :mod:`airflow_provider_pipedrive.errors`
        """
        found = self._action(action)
        request = bind(found, as_dict(action, parameters))
        call = call_of(found, request.path)
        target = request.target()

        def send(url: str, headers: dict[str, str]) -> Response:
            headers["Accept"] = "application/json"
            return self._transport.send(call, url, headers, None)

        def attempt(windows_waited: int) -> tuple[T, Mapping[str, str]]:
            answer = self._signed(call, send, target)
            if answer.status != 200:
                self._raise_for_response(call, answer, windows_waited)
            try:
                return decode(answer.body), answer.headers
            except ValueError as error:
                self._raise_for_response(call, answer, windows_waited)  # which knows a refusal and an empty body
                raise unreadable(call, answer, str(error)) from None

        return self._repeating(call, attempt)

    def _written(self, action: Action, request: Request, given: dict[str, Any], *, already_tried: bool) -> Any:
        """The envelope of an action that lists nothing.

        A refusal has written nothing: with custom fields in it, the write is sent once more where their definitions
        tell how.
        """
        is_gone = partial(self._options_are_gone, action, request)
        try:
            return self._send_action(action, request, already_tried=already_tried, is_gone=is_gone)
        except PipedriveValidationError as error:
            if error.status != 400:
                raise
            better = self._named_fields.corrected(action, given, error)
            return self._send_action(action, bind(action, better))

    # ---- pages

    def _records(self, action: Action, request: Request, max_records: int | None) -> Iterator[Any]:
        records = (record for _, fresh in self._pages(action, request) for record in fresh)
        return itertools.islice(records, max_records)

    def _pages(self, action: Action, request: Request) -> Iterator[tuple[dict[str, Any], list[Any]]]:
        """The envelopes of a list, one after the other, each with those of its records that have not come before."""
        given = dict(request.query)
        progress = _PageProgress(self._clock, action.key)

        def read(position: Position) -> dict[str, Any]:
            envelope = self._send_action(action, request, position)
            self.usage.pages += 1
            return envelope

        pages = walk_pages(
            action,
            int(given["limit"]) if "limit" in given else None,
            read,
            lambda envelope: look_at(action, envelope),
            position=_position(given),
            by_id=given.get("sort", "").split(" ")[0] == "id",
        )
        for envelope, places in pages:
            records = records_in(action, envelope)
            self.usage.records += len(places)
            yield envelope, [records[at] for at in places]
            progress.report(self.usage)

    def _send_action(
        self,
        action: Action,
        request: Request,
        position: Position | None = None,
        *,
        already_tried: bool = False,
        is_gone: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        call = call_of(action, request.path)
        target = request.target(**(position or {}))
        if request.file is not None:
            body, content_type = multipart(action.key, request.form or (), *request.file)
            return self._exchange(call, target, body, content_type)
        if request.form is not None:
            return self._exchange(call, target, urlencode(request.form).encode(), "application/x-www-form-urlencoded")
        json_body = _json_bytes(call, request.json)
        return self._exchange(call, target, json_body, "application/json", already_tried=already_tried, is_gone=is_gone)

    # ---- one exchange, repeated where that is harmless

    def _exchange(
        self,
        call: Operation,
        target: str,
        body: bytes | None,
        content_type: str,
        *,
        already_tried: bool = False,
        is_gone: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Send, and repeat where that is harmless.

        :param already_tried: the same may have been sent before
        :param is_gone: looks whether what a repeat was refused to delete is there at all
        """
        may_be_done = already_tried

        def attempt(windows_waited: int) -> dict[str, Any]:
            def send(url: str, headers: dict[str, str]) -> Response:
                headers["Accept"] = "application/json"
                if body is not None:
                    headers["Content-Type"] = content_type
                return self._transport.send(call, url, headers, body)

            nonlocal may_be_done
            try:
                return self._raise_for_response(call, self._signed(call, send, target), windows_waited)
            except PipedriveError as error:
                refused = call.is_delete and isinstance(error, PipedriveValidationError)
                if may_be_done and (is_gone_already(call, error) or (refused and is_gone())):
                    log.warning("%s: there is nothing left to delete: an earlier try has done it. (%s)", call, error)
                    return _GONE
                may_be_done = may_be_done or may_have_happened(error)
                raise

        return self._repeating(call, attempt)

    def _signed(
        self, call: Operation, send: Callable[[str, dict[str, str]], Response], target: str | None = None
    ) -> Response:
        """Send with the credential; again with a renewed one where Pipedrive answers 401, twice at most."""

        def signed() -> tuple[dict[str, str], Response]:
            credential = self._signer.headers()
            return credential, self._paced(call, lambda: send(self._url(call, target), dict(credential)))

        credential, answer = signed()
        for again in (False, True):
            if answer.status != 401 or not self._signer.renew(credential, again=again):
                break
            credential, answer = signed()
        return answer

    def _url(self, call: Operation, target: str | None) -> str:
        return self._signer.origin() + (target or call.path)

    def _paced(self, call: Operation, send: Callable[[], Response]) -> Response:
        tokens = cost_of(call)
        with self._counting:
            self._refuse_above_cap(tokens, call)
        self._limits.spend(tokens, self._clock.time(), self.settings.daily_token_budget, call.key)
        now = self._clock.monotonic()
        start = self._limits.reserve(now, search=call.search)
        if start > now:
            self._clock.sleep(start - now)
        with self._counting:
            self._refuse_above_cap(tokens, call)
            self.usage.tokens += tokens
            self.usage.requests += 1
        answer = send()
        self._limits.settle(start, answer.began, search=call.search)
        if not call.search:  # searches have a limit of their own, which their headers may tell instead
            self._limits.learn(answer.headers)
        left = answer.headers.get("x-daily-ratelimit-token-remaining", "")
        if left.isdigit():
            self.tokens_left = int(left)
        if "date" in answer.headers:
            self._dated = answer.headers["date"], self._clock.time()
        return answer

    def _refuse_above_cap(self, tokens: int, call: Operation) -> None:
        if self.token_cap is not None and self.usage.tokens + tokens > self.token_cap:
            raise PipedriveTokenCapError(
                f"{call} costs {counted(tokens, 'API token')}, more than is left of the run's max_tokens. What was "
                "read so far is kept: run it again, with a higher max_tokens or on another day, and it continues "
                "there.",
                action=call.key,
                retryable=True,
            )

    def _raise_for_response(self, call: Operation, answer: Response, windows_waited: int) -> dict[str, Any]:
        return raise_for_response(call, answer, windows_waited=windows_waited, redact=self.redact)

    def _repeating(self, call: Operation, attempt: Callable[[int], T]) -> T:
        """:meth:`_repeated`, its time added to :attr:`usage`."""
        began = self._clock.monotonic()
        try:
            return self._repeated(call, attempt)
        finally:
            with self._counting:
                self.usage.seconds += self._clock.monotonic() - began

    def _repeated(self, call: Operation, attempt: Callable[[int], T]) -> T:
        return with_retries(
            call, attempt, max_attempts=self.settings.max_attempts, limits=self._limits, clock=self._clock
        )

    # ---- credential

    def _make_signer(self) -> Auth:
        credential = self.settings.credential
        if isinstance(credential, ApiToken):
            return ApiTokenAuth(self.settings, credential)
        return OAuthTokenAuth(
            self.settings, credential, self._token_request, self._clock, self._learn, self._token_store
        )

    def _learn(self, secret: str) -> None:
        self.redact.add(secret)
        for form in self.redact.forms:
            self._on_secret(form)

    def _token_request(self, url: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
        # Repeated after passing faults: unlike a create, a second renewal does no harm.
        call = Operation("POST", "/oauth/token", safe=True)

        def attempt(windows_waited: int) -> dict[str, Any]:
            return self._raise_for_response(call, self._transport.send(call, url, headers, body), windows_waited)

        try:
            return self._repeated(call, attempt)
        except (PipedriveValidationError, PipedriveAuthError) as error:
            raise PipedriveAuthError(
                "Pipedrive does not renew the connection's OAuth authorization "
                f"({error.reason or f'status {error.status}'}). The refresh_token was revoked, replaced, or unused "
                "for 60 days, or client id (login) and secret (password) are not those of its app. Authorize the app "
                "again and store the new refresh_token.",
                status=error.status,
                reason=error.reason,
            ) from None

    # ---- actions with a way of their own

    def _action(self, key: str) -> Action:
        try:
            action = get_action(key)
        except UnknownActionError as error:
            raise PipedriveParameterError(str(error)) from None
        if action.lifecycle == "removed":
            raise PipedriveEndpointRemovedError(action.removed_message(), action=key)
        return action

    def _options_are_gone(self, action: Action, request: Request) -> bool:
        """Whether a field has none of the options that it was asked to delete: Pipedrive answers 400 then, not 404."""
        if not action.body_is_array:
            return False
        field = self.request("GET", request.path.removesuffix("/options")).get("data") or {}
        left = {str(option.get("id")) for option in field.get("options") or []}
        return left.isdisjoint(str(option.get("id")) for option in request.json)

    def _raw(self, action: Action, given: dict[str, Any], *, already_tried: bool) -> Any:
        bind(action, given)
        envelope = self.request(
            given["method"],
            given["path"],
            given.get("query"),
            given.get("body", NOTHING),
            action=action.key,
            already_tried=already_tried,
        )
        return _data(action, envelope)

    def _with_field_code(self, given: dict[str, Any]) -> dict[str, Any]:
        """v2 knows fields by field code only; v1 tells which one a numeric id has."""
        name = "id" if "id" in given else "field_code"
        if re.fullmatch(r"\d{1,18}", str(given.get(name, "")).strip()):  # a field code is longer
            field = self.run("getPersonFieldV1", {"id": given[name]})
            return {key: value for key, value in given.items() if key != name} | {"field_code": field["key"]}
        return given

    def _own_target(self, path: str) -> str:
        if "://" in path.split("?")[0] or path.startswith("//"):
            origin = _origin_or_none(path)
            if origin != self.origin:
                raise PipedriveParameterError(
                    f"{origin or 'That address'} is not the connection's own host ({self.origin}): the credential is "
                    "sent nowhere else."
                )
            parts = urlsplit(path)
            path = parts.path + (f"?{parts.query}" if parts.query else "")
        if path.startswith("/api/v1/"):
            path = path.removeprefix("/api")
        # The libraries underneath take %2e for a dot and go up with it.
        inside = unquote(path.split("?")[0])
        goes_up = ".." in (segment.partition(";")[0] for segment in re.split(r"[/\\]", inside))
        is_plain = path.split("?")[0].isascii() and not re.search(r"[\\#\x00-\x1f\x7f]", path + inside)
        if not path.startswith(("/v1/", "/api/v2/")) or goes_up or not is_plain:
            raise PipedriveParameterError(
                f"The path must begin with /v1/ or /api/v2/ and stay below it, not {self.redact(path)!r}."
            )
        return path


class _Bounded(io.BytesIO):
    """Bytes in memory, up to a limit."""

    def __init__(self, limit: int, action: str) -> None:
        super().__init__()
        self._limit = limit
        self._action = action

    def write(self, chunk: Any) -> int:
        if self.tell() + len(chunk) > self._limit:
            raise PipedriveParameterError(
                f"{self._action}: the file is larger than {self._limit // 1024**2} MB: give save_to, a path or a "
                "file object to write it to.",
                action=self._action,
            )
        return super().write(chunk)


class _PageProgress:
    """A line in the log every 10 seconds of a long walk."""

    def __init__(self, clock: Clock, action: str) -> None:
        self._clock = clock
        self._action = action
        self._began = self._last = clock.monotonic()

    def report(self, usage: Usage) -> None:
        now = self._clock.monotonic()
        if now - self._last >= _PROGRESS_EVERY:
            self._last = now
            log.info(
                "%s: %s, %s, %s after %.0f s",
                self._action,
                counted(usage.records, "record"),
                counted(usage.pages, "page"),
                counted(usage.tokens, "API token"),
                now - self._began,
            )


def secrets_of(settings: Settings) -> list[str]:
    """Everything in the settings that must never be shown."""
    credential = settings.credential
    if isinstance(credential, ApiToken):
        found = [credential.token]
    else:
        found = [credential.client_secret, credential.refresh_token or "", credential.access_token or ""]
        found.append(basic(credential))
    proxies = [urlsplit(url).password or "" for url in (settings.proxies or {}).values()]
    found += [*proxies, *map(unquote, proxies)]
    return [secret for secret in found if secret]


def _is_list(action: Action) -> bool:
    return action.result == "records" and action.is_read


def _with_limit(action: Action, given: dict[str, Any], max_records: int | None = None) -> dict[str, Any]:
    """The largest page unless the caller says otherwise: a request costs the same whatever its page size."""
    if action.paging is None or "limit" not in action.by_name or given.get("limit") is not None:
        return given
    return given | {"limit": min(action.paging.max_limit, max_records or action.paging.max_limit)}


def _position(query: Mapping[str, str]) -> Position:
    if "cursor" in query:
        return {"cursor": query["cursor"]}
    return {"start": int(query["start"])} if "start" in query else {}


def _data(action: Action, envelope: dict[str, Any]) -> Any:
    """The envelope's ``data``; a record without an envelope (permission sets) as it is."""
    if "data" in envelope or action.result == "nothing":
        return envelope.get("data")
    rest = {key: value for key, value in envelope.items() if key not in ("success", "additional_data")}
    return rest or None


def _deleted(action: Action, given: Mapping[str, Any]) -> Any:
    """What a deletion that found nothing any more returns: like Pipedrive's answers, what is gone.

    That is named by the list of a body or query where there is one, else by the last part of the path.
    """
    if action.result == "nothing":
        return None
    if action.body_is_array:
        return given["body"]
    named = [parameter for parameter in action.parameters if parameter.name in given or parameter.also in given]
    last = next((one for one in named if one.name == "ids"), None) or next(
        one for one in reversed(named) if one.place == "path"
    )
    value = given.get(last.name, given.get(last.also or ""))
    as_named = {"field_code": "field_code"} | (
        {"ids": "ids", "follower_id": "user_id"} if action.version == "v2" else {}
    )
    return {as_named.get(last.name, "id"): value}


def _joined(action: Action, pages: Iterable[tuple[dict[str, Any], list[Any]]]) -> Any:
    """All records of the pages as a list.

    Where Pipedrive says something beside the records (``related_items`` of a search), the whole ``data`` with its lists
    joined; where it answers one object instead of a list, that object.
    """
    records: list[Any] = []
    beside: dict[str, list[Any]] = {}
    for page, fresh in pages:
        data = page.get("data")
        if isinstance(data, Mapping) and action.records_path is None:
            return data
        records += fresh
        if isinstance(data, Mapping):
            for name, value in data.items():
                if name != action.records_path and value:
                    beside.setdefault(name, []).extend(value if isinstance(value, list) else [value])
    return {action.records_path: records, **beside} if beside else records


def _pairs(params: Any, path: str) -> list[tuple[str, str]]:
    """The query of a raw request: lists comma separated, timestamps as the path's version wants them."""
    version: TimeFormat = "v2" if path.startswith("/api/v2/") else "v1"
    try:
        values = plain(params, version)
    except InvalidValue as invalid:
        raise PipedriveParameterError(f"The query parameters must be {invalid}.") from None
    if not isinstance(values, dict):
        raise PipedriveParameterError(f"The query parameters must be a dict, not a {type(params).__name__}.")
    return [(name, query_text(value)) for name, value in values.items() if value is not None]


def _json_bytes(call: Operation, value: Any) -> bytes | None:
    if value is NOTHING or (value is None and call.method == "GET"):
        return None
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PipedriveParameterError(f"{call}: the body is not JSON: {error}.", action=call.key) from None


def _origin_or_none(url: str) -> str | None:
    try:
        parts = plain_url(url.split("?")[0])
        return origin_of(f"{parts.scheme}://{parts.netloc}")
    except (PipedriveParameterError, ValueError):
        return None
