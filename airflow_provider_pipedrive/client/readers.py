"""What is made of a response: an envelope, a page in the caller's own types, or nothing where a file was saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from airflow_provider_pipedrive.client.responses import Operation, Response, raise_for_response, unreadable

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Redact = Callable[[str], str]


class ResponseReader(Protocol[T_co]):
    """Makes a result of a response, or raises the error that it stands for."""

    def read(self, operation: Operation, response: Response, windows_waited: int) -> T_co:
        """The result.

        :param windows_waited: full windows of the rate limit that were waited before the request was sent
        :raises PipedriveError: the response is not good
        """


class EnvelopeReader:
    """Parses Pipedrive's JSON.

    :param redact: takes secrets out of text that will be shown
    """

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def read(self, operation: Operation, response: Response, windows_waited: int) -> dict[str, Any]:
        """The parsed body."""
        return raise_for_response(operation, response, windows_waited=windows_waited, redact=self._redact)


class PageReader(Generic[T]):
    """Decodes a page as the caller wants it.

    :param decode: makes something of the body; a ``ValueError`` means that it cannot be read
    """

    def __init__(self, decode: Callable[[bytes], T], redact: Redact) -> None:
        self._decode = decode
        self._redact = redact

    def read(self, operation: Operation, response: Response, windows_waited: int) -> tuple[T, Mapping[str, str]]:
        """The page, and the response's headers (names in lower case)."""
        if response.status != 200:
            raise_for_response(operation, response, windows_waited=windows_waited, redact=self._redact)
        try:
            return self._decode(response.body), response.headers
        except ValueError as error:
            # A refusal and an empty body have errors of their own.
            raise_for_response(operation, response, windows_waited=windows_waited, redact=self._redact)
            raise unreadable(operation, response, str(error)) from None


class FileReader:
    """Sees whether a file was saved; its bytes are in the request's sink."""

    def __init__(self, redact: Redact) -> None:
        self._redact = redact

    def read(self, operation: Operation, response: Response, windows_waited: int) -> None:
        """Nothing."""
        if not 200 <= response.status < 300:
            raise_for_response(operation, response, windows_waited=windows_waited, redact=self._redact)
