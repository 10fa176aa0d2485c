"""What each kind of object storage says when it refuses something, and what that means."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveConnectionError, PipedriveParameterError, PipedriveStorageError
from airflow_provider_pipedrive.extraction.storage.refusals import refusals_told
from airflow_provider_pipedrive.extraction.storage.store import Call


class Path:
    """A key in a bucket."""

    class fs:  # noqa: N801 - a file system, as paths have it
        protocol = ("s3", "s3a")

    path = "bucket/crm/a.json"

    def __str__(self) -> str:
        return "s3://bucket/crm/a.json"


def amazon(code: str, status: int = 400, message: str = "") -> Any:
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    said = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return translate_boto_error(ClientError(said, "PutObject"))


def expired(code: str) -> Any:
    return amazon(code, 400, "The provided token has expired.")


class AzureError(Exception):
    """As azure-core's: with a code and a status."""

    def __init__(self, text: str, error_code: str | None = None, status_code: int | None = None) -> None:
        super().__init__(text)
        self.error_code = error_code
        self.status_code = status_code


class ServiceRequestError(AzureError):
    """As azure-core's: no connection."""


class ResourceNotFoundError(AzureError):
    """As azure-core's."""


class RefreshError(Exception):
    """As google-auth's."""


class HttpError(Exception):
    """As gcsfs'."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


def told(error: Exception, call: Call = "write", rights: dict[Call, str] | None = None) -> Exception:
    with pytest.raises(Exception) as raised, refusals_told(Path(), call, rights or {}):  # noqa: PT011 - whatever it is
        raise error
    return raised.value


@pytest.mark.parametrize(
    "error",
    [
        AzureError("Server failed to authenticate", "InvalidAuthenticationInfo"),
        AzureError("Signature not valid in the specified time frame: Start [Mon] - Expiry [Mon]"),
        AzureError("Lifetime validation failed. The token is expired."),
        RefreshError("('invalid_grant: Token has been expired or revoked.', ...)"),
        HttpError(401, "Invalid Credentials, 401"),
        RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."),
        *map(expired, ("ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken")),
    ],
)
def test_each_storages_words_for_expired_credentials_are_understood(error: Exception) -> None:
    wrapped = PermissionError("the storage refused it")
    wrapped.__cause__ = error
    for each in (error, wrapped):
        found = told(each)
        assert isinstance(found, PipedriveStorageError)
        assert found.retryable
        assert "s3://bucket/crm/a.json cannot be written to: the storage's credentials have expired" in str(found)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (amazon("AccessDenied", 403), "does not allow that to the credentials (AccessDenied)"),
        (AzureError("not authorized", "AuthorizationPermissionMismatch", 403), "(AuthorizationPermissionMismatch)"),
        (OSError("Forbidden: https://storage.googleapis.com/a\nno storage.objects.create"), "(OSError)"),
    ],
)
def test_what_is_not_allowed_is_told_with_the_right_that_is_missing_and_lasts(error: Exception, says: str) -> None:
    found = told(error, "write", {"write": "to.write"})
    assert isinstance(found, PipedriveStorageError)
    assert not found.retryable
    assert says in str(found)
    assert "They need the right to.write." in str(found)


@pytest.mark.parametrize(
    "error",
    [
        amazon("InvalidAccessKeyId", 403),
        amazon("SignatureDoesNotMatch", 403),
        AzureError("Server failed to authenticate the request", "AuthenticationFailed", 403),
    ],
)
def test_credentials_that_are_wrong_are_told_from_a_right_that_is_missing(error: Exception) -> None:
    found = told(error, "write", {"write": "to.write"})
    assert "does not know the credentials" in str(found)
    assert "to.write" not in str(found)


@pytest.mark.parametrize(
    "error",
    [
        amazon("SlowDown", 503),
        amazon("InternalError", 500),
        ServiceRequestError("Cannot connect to host"),
        AzureError("busy", "ServerBusy", 503),
        HttpError(429, "Too many requests"),
        ConnectionRefusedError("refused"),
        TimeoutError(),
    ],
)
def test_a_storage_that_is_down_is_a_temporary_error(error: Exception) -> None:
    found = told(error)
    assert isinstance(found, PipedriveStorageError)
    assert found.retryable
    assert "the storage does not answer now" in str(found)


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (amazon("NoSuchBucket", 404), "read"),
        (ResourceNotFoundError("no such container", "ContainerNotFound", 404), "read"),
        (FileNotFoundError("what gcsfs makes of a 404"), "write"),
        (FileNotFoundError("what gcsfs makes of a 404"), "list"),
    ],
)
def test_a_bucket_that_does_not_exist_is_told_by_its_name(error: Exception, call: Call) -> None:
    found = told(error, call)
    assert isinstance(found, PipedriveParameterError)
    assert "there is no bucket or container 'bucket'" in str(found)


@pytest.mark.parametrize(
    "error", [amazon("NoSuchKey", 404), ResourceNotFoundError("no such blob", "BlobNotFound", 404), FileNotFoundError()]
)
def test_a_file_that_is_not_there_is_just_that(error: Exception) -> None:
    assert isinstance(told(error, "read"), FileNotFoundError)


@pytest.mark.parametrize(
    "error", [ValueError("no JSON"), FileExistsError("a file is there"), PipedriveConnectionError("Pipedrive is away")]
)
def test_what_is_no_refusal_of_the_storages_stays_as_it_is(error: Exception) -> None:
    error.__cause__ = ConnectionError() if isinstance(error, PipedriveConnectionError) else None
    assert told(error) is error
