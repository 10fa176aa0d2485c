"""Requests that no action describes: any method and path of the connection's own host."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from airflow_provider_pipedrive.catalog.model import TimeFormat
from airflow_provider_pipedrive.client.hosts import origin_of, plain_url
from airflow_provider_pipedrive.client.parameters import query_text
from airflow_provider_pipedrive.client.prepared import PreparedRequest, json_bytes, with_body
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.values import InvalidValue, plain
from airflow_provider_pipedrive.errors import PipedriveParameterError

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class RawRequests:
    """Makes requests as a caller describes them.

    :param origin: reports the connection's own host, which may have to be asked for
    :param redact: takes secrets out of text that will be shown
    """

    def __init__(self, origin: Callable[[], str], redact: Callable[[str], str]) -> None:
        self._origin = origin
        self._redact = redact

    def prepare(
        self, method: str, path: str, params: Mapping[str, Any] | None, json: Any, action: str | None
    ) -> PreparedRequest:
        """A request to ``path``: ``/v1/...`` or ``/api/v2/...``, or a full URL of the connection's host.

        :param action: names the action that it stands for
        :raises PipedriveParameterError: the path leads elsewhere, or the request cannot be written
        """
        method = str(method).upper()
        if method not in _METHODS:
            raise PipedriveParameterError(f"The method must be one of {', '.join(_METHODS)}, not {method!r}.")
        target = self._own_target(str(path))
        path = target.split("?")[0]
        if params:
            target += ("&" if "?" in target else "?") + urlencode(_pairs(params, path))
        operation = Operation(method, path, action, search="earch" in path)
        return with_body(operation, target, json_bytes(operation, json))

    def _own_target(self, path: str) -> str:
        """Path and query of an address on the connection's own host."""
        if "://" in path.split("?")[0] or path.startswith("//"):
            named = _origin_or_none(path)
            own = self._origin()
            if named != own:
                raise PipedriveParameterError(
                    f"{named or 'That address'} is not the connection's own host ({own}): the credential is "
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
                f"The path must begin with /v1/ or /api/v2/ and stay below it, not {self._redact(path)!r}."
            )
        return path


def _origin_or_none(url: str) -> str | None:
    try:
        parts = plain_url(url.split("?")[0])
        return origin_of(f"{parts.scheme}://{parts.netloc}")
    except (PipedriveParameterError, ValueError):
        return None


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
