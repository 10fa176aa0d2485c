"""The tree of errors: as it is drawn, through pickling and copying, and around whatever the HTTP libraries raise."""

from __future__ import annotations

import copy
import http.client
import inspect
import pickle
import re
import ssl

import pytest
import requests
import urllib3
from pytest_mock import MockerFixture

from airflow_provider_pipedrive import errors
from airflow_provider_pipedrive.client import settings_from
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.errors import (
    PipedriveConnectionError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveResponseError,
)

CLASSES = [kind for _name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, PipedriveError)]


def test_the_tree_drawn_in_the_docstring_is_the_classes() -> None:
    drawn = re.findall(r"^( +)(Pipedrive\w+Error|PipedriveError)\b", errors.__doc__ or "", re.MULTILINE)
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for indent, name in drawn:
        above = [(depth, other) for depth, other in above if depth < len(indent)]
        if above:
            parents[name] = above[-1][1]
        above.append((len(indent), name))
    assert parents == {kind.__name__: kind.__bases__[0].__name__ for kind in CLASSES if kind is not PipedriveError}


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_every_error_survives_pickling_and_copying_whole(kind: type[PipedriveError], again: object) -> None:
    error = kind("text", action="getDeals", status=418, reason="No.", retryable=True, retry_after=2.5)
    error.add_note("a note")
    twin = again(error)  # type: ignore[operator]
    assert type(twin) is kind
    assert str(twin) == "text"
    assert vars(twin) == vars(error)
    assert (twin.action, twin.status, twin.reason, twin.retryable, twin.retry_after) == (
        "getDeals",
        418,
        "No.",
        True,
        2.5,
    )


def test_that_nothing_was_sent_survives_pickling() -> None:
    error = PipedriveConnectionError("refused")
    error.nothing_sent = True
    assert pickle.loads(pickle.dumps(error)).nothing_sent is True


def test_a_wrong_parameter_is_a_value_error_too() -> None:
    assert issubclass(PipedriveParameterError, ValueError)


SECRET = "SecretInAForeignText"
POOL = urllib3.HTTPConnectionPool("127.0.0.1")
REFUSED = urllib3.exceptions.NewConnectionError(urllib3.connection.HTTPConnection("127.0.0.1"), SECRET)
UNTRUSTED = ssl.SSLCertVerificationError(SECRET)
URLLIB3 = urllib3.exceptions
REQUESTS = requests.exceptions
CUT, WRONG, UNREADABLE = PipedriveConnectionError, PipedriveParameterError, PipedriveResponseError


def public_classes(module: object, root: type) -> set[type]:
    found = {kind for _name, kind in inspect.getmembers(module, inspect.isclass) if issubclass(kind, root)}
    return {kind for kind in found if not issubclass(kind, Warning)}


def raised(kind: type) -> BaseException:
    """An instance with a secret in its text, whatever the class wants to be made of."""
    error: BaseException = kind.__new__(kind)
    error.args = (SECRET,)
    return error


def through_the_transport(mocker: MockerFixture, error: BaseException, method: str = "GET") -> PipedriveError:
    transport = Transport(settings_from(host="http://127.0.0.1:1", extra={"api_token": "t"}), SystemClock())
    mocker.patch.object(urllib3.HTTPConnectionPool, "urlopen", side_effect=error)
    with pytest.raises(PipedriveError) as mapped:
        transport.send(PreparedRequest(Operation(method, "/v1/x"), "http://127.0.0.1:1/v1/x"))
    return mapped.value


@pytest.mark.parametrize(
    "kind",
    sorted(
        public_classes(requests.exceptions, requests.RequestException)
        | public_classes(urllib3.exceptions, urllib3.exceptions.HTTPError)
        | public_classes(http.client, http.client.HTTPException)
        | {OSError, ConnectionResetError, BrokenPipeError, TimeoutError, ssl.SSLError, ssl.SSLEOFError},
        key=lambda kind: f"{kind.__module__}.{kind.__qualname__}",
    ),
)
def test_whatever_the_http_libraries_raise_becomes_an_error_of_ours_without_a_word_of_theirs(
    mocker: MockerFixture, kind: type
) -> None:
    error = through_the_transport(mocker, raised(kind))
    assert isinstance(error, CUT | WRONG | UNREADABLE)
    assert SECRET not in str(error)
    assert error.__context__ is None
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("foreign", "kind", "nothing_sent", "write_repeatable"),
    [
        (requests.ConnectionError(URLLIB3.MaxRetryError(POOL, "/", REFUSED)), CUT, True, True),
        (requests.ConnectTimeout(SECRET), CUT, True, True),
        (REQUESTS.ProxyError(URLLIB3.ProxyError(SECRET, OSError("407"))), CUT, True, True),
        (requests.ReadTimeout(SECRET), CUT, False, False),
        (URLLIB3.ReadTimeoutError(POOL, "/", SECRET), CUT, False, False),
        (requests.ConnectionError(URLLIB3.ProtocolError(SECRET, ConnectionResetError())), CUT, False, False),
        (URLLIB3.ProtocolError(SECRET, http.client.IncompleteRead(b"", 5)), CUT, False, False),
        (REQUESTS.SSLError(URLLIB3.MaxRetryError(POOL, "/", URLLIB3.SSLError(UNTRUSTED))), CUT, True, False),
        (URLLIB3.SSLError(ssl.SSLEOFError(SECRET)), CUT, False, False),
        (URLLIB3.DecodeError(SECRET), UNREADABLE, None, False),
        (REQUESTS.InvalidProxyURL(SECRET), WRONG, None, False),
        (REQUESTS.InvalidSchema(SECRET), WRONG, None, False),
        (REQUESTS.InvalidHeader(SECRET), WRONG, None, False),
    ],
)
def test_what_kind_of_fault_it_was_and_whether_pipedrive_can_have_seen_the_request(
    mocker: MockerFixture, foreign: BaseException, kind: type, nothing_sent: bool | None, write_repeatable: bool
) -> None:
    error = through_the_transport(mocker, foreign, "POST")
    assert type(error) is kind
    assert getattr(error, "nothing_sent", None) is nothing_sent
    assert error.retryable is write_repeatable
