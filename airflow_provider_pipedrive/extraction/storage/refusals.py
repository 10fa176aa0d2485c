"""What object storage refused, and why: one place for the errors of botocore, azure-core and Google's libraries.

Each library has words of its own, and s3fs, adlfs and gcsfs make others of some of them. They are told apart by an
error code, by a status, by the name of the error's class and, where there is nothing else, by its text:

- Amazon: a code, kept in ``response`` (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and
  botocore's own errors;
- Azure: ``error_code`` and ``status_code``
  (https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes), or words: *Signature not valid in
  the specified time frame*, *Lifetime validation failed. The token is expired*;
- Google: ``code``, ``RefreshError``, or a 401 with *Invalid Credentials*
  (https://cloud.google.com/storage/docs/json_api/v1/status-codes). Of a 403 gcsfs keeps *Forbidden* alone.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveStorageError
from airflow_provider_pipedrive.extraction.storage.store import Call, ConflictError, file_system, has_folders

_NOT_DONE: Mapping[Call, str] = {"read": "read", "write": "written to", "list": "listed", "remove": "removed from"}

_EXPIRED_CODES = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        *("ExpiredAuthenticationToken", "InvalidAuthenticationInfo"),
    }
)
_EXPIRED_CLASSES = frozenset(
    {"UnauthorizedSSOTokenError", "SSOTokenLoadError", "LoginRefreshRequired", "TokenRetrievalError"}
)
_EXPIRED_WORDS = re.compile(
    r"\bexpired\b|not valid in the specified time frame|lifetime validation failed|invalid credentials", re.IGNORECASE
)
_DOWN_CODES = frozenset(
    {
        *("SlowDown", "ServiceUnavailable", "InternalError", "RequestTimeout", "RequestTimeTooSkewed"),
        *("ServerBusy", "OperationTimedOut", "503 Service Unavailable"),
    }
)
_DOWN_CLASSES = frozenset(
    {
        *("ConnectionError", "TimeoutError", "HTTPClientError", "CredentialRetrievalError"),
        *("ClientConnectionError", "ClientPayloadError", "ServiceRequestError", "ServiceResponseError"),
        *("TransportError", "RequestException"),
    }
)
"""Of the libraries' errors and of those that they derive from: no whole answer came."""
_REFUSED_STATUS = (401, 403)
_NO_CREDENTIALS = frozenset({"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"})
_WRONG_CREDENTIALS = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "NoAuthenticationInformation"}
)
_MISSING_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})


@contextmanager
def refusals_told(path: Any, call: Call, rights: Mapping[Call, str]) -> Iterator[None]:
    """Turn what object storage raises into what it means; a disk's errors stay as they are.

    :param rights: which right each call needs
    :raises FileNotFoundError: there is no such file
    :raises PipedriveParameterError: there is no such bucket
    :raises PipedriveStorageError: it does not allow the call, or cannot answer now
    """
    try:
        yield
    except (PipedriveError, ConflictError):
        raise
    except Exception as error:
        fs = file_system(path)
        told = None if fs is None or has_folders(fs) else _told(error, path, call, rights)
        if told is None:
            raise
        raise told from error


def _told(error: Exception, path: Any, call: Call, rights: Mapping[Call, str]) -> Exception | None:
    known = _Known(error)
    if known.is_missing(call):
        return _missing_bucket(path)
    if known.is_not_there:
        return FileNotFoundError(errno.ENOENT, "there is no such file", str(path))
    cannot = f"{path} cannot be {_NOT_DONE[call]}"
    if known.has_expired:
        return PipedriveStorageError(
            f"{cannot}: the storage's credentials have expired ({known.why}). Another try asks for new ones.",
            retryable=True,
        )
    if known.is_refused:
        return PipedriveStorageError(f"{cannot}: {_refused(known, call, rights)}")
    if known.is_down:
        return PipedriveStorageError(f"{cannot}: the storage does not answer now ({known.why}).", retryable=True)
    return None


def _refused(known: _Known, call: Call, rights: Mapping[Call, str]) -> str:
    if known.names & _NO_CREDENTIALS:
        return f"there are no credentials for the storage ({known.why}). Give the connection some."
    if known.code in _WRONG_CREDENTIALS or known.status == 401:
        return f"the storage does not know the credentials ({known.why}). Correct those of the connection."
    right = f" They need the right {rights[call]}." if call in rights else ""
    return f"the storage does not allow that to the credentials ({known.why}).{right}"


def _missing_bucket(path: Any) -> PipedriveParameterError:
    bucket = path.path.lstrip("/").split("/")[0]
    return PipedriveParameterError(
        f"path: there is no bucket or container {bucket!r} for {path}. Nothing is created in object storage but "
        "files: correct the name, or create it."
    )


class _Known:
    """What an error says, or what caused it.

    :ivar code: the storage's own word
    :ivar status: the status of its answer
    :ivar names: of its classes, and of those that they derive from
    """

    def __init__(self, error: Exception) -> None:
        self._errors = list(_causes(error))
        self.code = next(filter(None, map(_code, self._errors)), None)
        self.status = next(filter(None, map(_status, self._errors)), None)
        self.names = {kind.__name__ for each in self._errors for kind in type(each).__mro__}

    @property
    def why(self) -> str:
        """In the storage's own word, or the error's class."""
        return self.code or (f"status {self.status}" if self.status else type(self._errors[-1]).__name__)

    def is_missing(self, call: Call) -> bool:
        """Whether there is no bucket: nothing else is needed for a key to be written, or a folder to be listed."""
        return self.code in _MISSING_BUCKET or (self.is_not_there and call in ("write", "list"))

    @property
    def is_not_there(self) -> bool:
        """Whether there is no such thing."""
        error = self._errors[0]
        return isinstance(error, FileNotFoundError) or type(error).__name__ == "ResourceNotFoundError"

    @property
    def has_expired(self) -> bool:
        """Whether credentials have expired: the next try, which asks for new ones, may succeed."""
        if self.code in _EXPIRED_CODES or self.names & _EXPIRED_CLASSES:
            return True
        return any(_EXPIRED_WORDS.search(str(each)) for each in self._errors)

    @property
    def is_refused(self) -> bool:
        """Whether something is not allowed."""
        if self.names & {"PermissionError", "ClientAuthenticationError", *_NO_CREDENTIALS}:
            return True
        return self.status in _REFUSED_STATUS or any(str(each).startswith("Forbidden: ") for each in self._errors)

    @property
    def is_down(self) -> bool:
        """Whether no whole answer came, or one that says that there will be one later."""
        busy = any(isinstance(each, OSError) and each.errno == errno.EBUSY for each in self._errors)
        too_many = self.status is not None and (self.status == 429 or self.status >= 500)
        return busy or too_many or self.code in _DOWN_CODES or bool(self.names & _DOWN_CLASSES)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _code(error: BaseException) -> str | None:
    response = getattr(error, "response", None)
    told = response.get("Error") if isinstance(response, Mapping) else None
    code = told.get("Code") if isinstance(told, Mapping) else getattr(error, "error_code", None)
    return None if code is None else str(getattr(code, "value", code))  # Azure's codes are an enumeration


def _status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    about = response.get("ResponseMetadata") if isinstance(response, Mapping) else None
    status = about.get("HTTPStatusCode") if isinstance(about, Mapping) else getattr(error, "status_code", None)
    code = getattr(error, "code", None)  # Google's
    found = status if status is not None else code
    return int(found) if isinstance(found, int) or (isinstance(found, str) and found.isdigit()) else None
