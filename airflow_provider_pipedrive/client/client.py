"""The client: one action in, records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO, TypeVar

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.auth import RefreshTokenStore
from airflow_provider_pipedrive.client.clock import Clock, SystemClock
from airflow_provider_pipedrive.client.downloads import DOWNLOAD_IN_MEMORY, BoundedBytes, DownloadSink
from airflow_provider_pipedrive.client.lists import ListReader, is_list
from airflow_provider_pipedrive.client.metrics import Metrics
from airflow_provider_pipedrive.client.named_fields import NamedFields
from airflow_provider_pipedrive.client.options import Option, options
from airflow_provider_pipedrive.client.parameters import NOTHING, as_dict, bind
from airflow_provider_pipedrive.client.prepared import prepare, prepare_download
from airflow_provider_pipedrive.client.raw_requests import RawRequests
from airflow_provider_pipedrive.client.readers import FileReader, PageReader
from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.client.results import joined
from airflow_provider_pipedrive.client.settings import Settings
from airflow_provider_pipedrive.client.single_requests import SingleRequests
from airflow_provider_pipedrive.client.spending import Spender
from airflow_provider_pipedrive.client.stack import SendStack
from airflow_provider_pipedrive.client.usage import Usage
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveEndpointRemovedError, PipedriveParameterError

T = TypeVar("T")


class PipedriveClient:
    """Talks to one Pipedrive account.

    :param settings: host, credential and limits, see :func:`settings_from`
    :param clock: time; another one in tests
    :param on_secret: is told every secret that comes up (renewed tokens), to have it masked elsewhere too
    :param token_store: keeps a refresh token that Pipedrive hands out in place of the connection's
    :param metrics: is told of what is counted, see :mod:`.metrics`
    :param spender: who spends the API tokens, for the account's ledger
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        on_secret: Callable[[str], None] = lambda secret: None,
        token_store: RefreshTokenStore | None = None,
        metrics: Metrics | None = None,
        spender: Spender | None = None,
    ) -> None:
        self.settings = settings
        self._stack = SendStack(settings, clock or SystemClock(), on_secret, token_store, metrics, spender or Spender())
        self._raw_requests = RawRequests(self._stack.auth.origin, self.redact)
        self._named_fields = NamedFields(self, self._stack.clock)
        self._single = SingleRequests(self._stack, self._raw_requests, self._named_fields)

    def close(self) -> None:
        """Close the kept connections."""
        self._stack.close()

    def __enter__(self) -> PipedriveClient:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def redact(self) -> Redactor:
        """Takes this client's secrets out of text."""
        return self._stack.redact

    @property
    def usage(self) -> Usage:
        """What this client has done so far."""
        return self._stack.meter.usage

    @property
    def metrics(self) -> Metrics:
        """Where this client's counts go, for those that count more by it."""
        return self._stack.meter.metrics

    @property
    def token_cap(self) -> int | None:
        """API tokens of :attr:`usage` that may not be exceeded, ``None`` for no cap."""
        return self._stack.meter.token_cap

    @token_cap.setter
    def token_cap(self, tokens: int | None) -> None:
        self._stack.meter.token_cap = tokens

    @property
    def tokens_left(self) -> int | None:
        """API tokens that the company has left today, where Pipedrive says so."""
        return self._stack.meter.tokens_left

    @property
    def origin(self) -> str:
        """The origin that requests go to, such as ``https://acme.pipedrive.com``."""
        return self._stack.auth.origin()

    @property
    def server_ahead(self) -> float | None:
        """Seconds by which Pipedrive's clock is ahead of this machine's, by the last answer; ``None`` before the first.

        Pipedrive tells its time in whole seconds, and an answer travels: differences below 2 s mean nothing.
        """
        return self._stack.meter.server_ahead

    @property
    def burst_limit(self) -> int:
        """Requests that Pipedrive takes within 2 seconds from this credential, as far as known."""
        return self._stack.limits.burst_limit

    @property
    def room(self) -> int:
        """Requests that the rate limit lets start at once."""
        return self._stack.limits.room(self._stack.clock.monotonic())

    @property
    def latency(self) -> float | None:
        """Seconds from a request to its answer, at the quickest; ``None`` before the first."""
        return self._stack.limits.quickest

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
        found = _known(action)
        given = as_dict(action, parameters)
        if found.adapter == "any_request":
            return self._single.run_raw(found, given, already_tried=already_tried)
        if found.result == "binary":
            return self._downloaded(found, given)
        given = self._named_fields.to_keys(found, given)
        if found.result == "options":
            bind(found, given)
            return self.options(found.key, **given)
        if is_list(found):
            result = joined(found, ListReader(self._stack, found, given).asked_pages())
        else:
            result = self._single.run(found, given, already_tried=already_tried)
        return self._named_fields.to_names(found, result) if readable else result

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
        found = _known(action)
        if not is_list(found):
            raise PipedriveParameterError(
                f"{found.key} does not answer a list of records: use run().", action=found.key
            )
        if max_records is not None:
            check_count("max_records", max_records, action=found.key)
        reader = ListReader(self._stack, found, as_dict(action, parameters), max_records)
        records = islice(reader.records(), max_records)
        return (self._named_fields.to_names(found, record) for record in records) if readable else records

    def learn_fields(self, action: str) -> None:
        """Read the definitions of fields that ``readable=True`` of an action needs, if they are not known: for whoever
        has something else to wait for at the same time.

        :raises PipedriveError: they cannot be read
        """
        self._named_fields.learn(_known(action))

    def download(self, action: str, parameters: Mapping[str, Any] | None, sink: BinaryIO) -> int:
        """Write a file of Pipedrive's into ``sink`` and return its length in bytes.

        :param sink: a binary file object; it must be seekable, so that a broken download can begin again
        :raises OSError: ``sink`` cannot be written to
        """
        found = _known(action)
        if found.result != "binary":
            raise PipedriveParameterError(f"{found.key} does not answer a file: use run().", action=found.key)
        request = bind(found, as_dict(action, parameters))
        destination = DownloadSink(sink, found.key)
        self._stack.sender.send(prepare_download(found, request, destination), FileReader(self.redact))
        return destination.length

    def _downloaded(self, action: Action, given: dict[str, Any]) -> bytes:
        file = BoundedBytes(DOWNLOAD_IN_MEMORY, action.key)
        self.download(action.key, given, file)
        return file.getvalue()

    def options(self, source: str, *, term: str | None = None, **parameters: Any) -> list[Option]:
        """Records to choose from, as ``[{"key": "1", "label": "..."}]``.

        :param source: see :data:`airflow_provider_pipedrive.client.options.SOURCES`
        :param term: only what a search for this text finds (deals, organizations and persons)
        :param parameters: narrow the list down, as the list action's parameters
        """
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
        request = self._raw_requests.prepare(method, path, params, json, action)
        return self._single.send(request, already_tried=already_tried)

    def page(
        self,
        action: str,
        parameters: Mapping[str, Any] | None,
        decode: Callable[[bytes], T],
        *,
        before_body: Callable[[], object] | None = None,
    ) -> tuple[T, Mapping[str, str]]:
        """One page of a list, decoded as the caller wants it, and the answer's headers (names in lower case).

        For readers that ask for many pages at once; it may be called from several threads.

        :param parameters: all of them, ``limit`` and ``cursor`` or ``start`` included
        :param decode: makes something of the body; a ``ValueError`` means that it cannot be read
        :param before_body: waits until there is memory for an answer whose head has come; called again where it is
            asked for again
        :raises PipedriveError: see :mod:`airflow_provider_pipedrive.errors`
        """
        found = _known(action)
        request = prepare(found, bind(found, as_dict(action, parameters)))
        return self._stack.sender.send(replace(request, before_body=before_body), PageReader(decode, self.redact))


def _known(key: str) -> Action:
    action = get_action(key)
    if action.lifecycle == "removed":
        raise PipedriveEndpointRemovedError(action.removed_message(), action=key)
    return action
