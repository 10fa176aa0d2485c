"""A request that is ready to be sent: one value with all that is needed to price, pace, send and repeat it.

A call has these forms on its way: the row of the catalog (:class:`~airflow_provider_pipedrive.catalog.Action`); its
parameters, each in path, query or body (:class:`~airflow_provider_pipedrive.client.parameters.Request`); what it does,
by which its answer is judged (:class:`~airflow_provider_pipedrive.client.responses.Operation`); and what is sent, with
headers and bytes (:class:`PreparedRequest`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.costs import cost_of
from airflow_provider_pipedrive.client.downloads import DownloadSink
from airflow_provider_pipedrive.client.paging import Position
from airflow_provider_pipedrive.client.parameters import NOTHING, Request
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.uploads import Upload
from airflow_provider_pipedrive.errors import PipedriveParameterError


@dataclass(frozen=True)
class PreparedRequest:
    """What is sent.

    :param target: path and query; a whole URL once the request is signed
    :param headers: those that belong to the body and the answer; the credential's once the request is signed
    :param cost: API tokens that Pipedrive counts for it
    :param sink: takes a file that is downloaded
    :param before_body: called when an answer's head has come: its body is read when that returns
    """

    operation: Operation
    target: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | Upload | None = field(default=None, repr=False)
    cost: int = 0
    sink: DownloadSink | None = None
    before_body: Callable[[], object] | None = field(default=None, repr=False)

    def signed(self, origin: str, credential: Mapping[str, str]) -> PreparedRequest:
        """The same for a host, with the headers that carry a credential."""
        return replace(self, target=origin + self.target, headers={**credential, **self.headers})


def prepare(action: Action, request: Request, position: Position | None = None) -> PreparedRequest:
    """The request of an action.

    :param position: the page that is asked for
    :raises PipedriveParameterError: the body cannot be written, or there is no file to be read
    """
    operation = Operation.of(action, request.path)
    target = request.target(**(position or {}))
    if request.file is not None:
        upload = Upload(action.key, request.form or (), *request.file)
        return with_body(operation, target, upload, upload.content_type)
    if request.form is not None:
        body = urlencode(request.form).encode()
        return with_body(operation, target, body, "application/x-www-form-urlencoded")
    return with_body(operation, target, json_bytes(operation, request.json))


def prepare_download(action: Action, request: Request, sink: DownloadSink) -> PreparedRequest:
    """The request for a file, whatever its type."""
    operation = Operation.of(action, request.path)
    return PreparedRequest(operation, request.target(), cost=cost_of(operation), sink=sink)


def with_body(
    operation: Operation, target: str, body: bytes | Upload | None, content_type: str = "application/json"
) -> PreparedRequest:
    """A request that is answered in JSON."""
    headers = {"Accept": "application/json"}
    if body is not None:
        headers["Content-Type"] = content_type
    return PreparedRequest(operation, target, headers, body, cost_of(operation))


def json_bytes(operation: Operation, value: Any) -> bytes | None:
    """A JSON body; ``None`` where there is none.

    :raises PipedriveParameterError: JSON cannot say it
    """
    if value is NOTHING or (value is None and operation.method == "GET"):
        return None
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise PipedriveParameterError(f"{operation}: the body is not JSON: {error}.", action=operation.key) from None
