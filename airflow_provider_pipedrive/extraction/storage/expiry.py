"""Whether a storage refused a request because the credentials have expired.

Then the next try, which asks for new ones, may succeed. The libraries tell that from a lack of rights in ways of their
own, and s3fs makes a ``PermissionError`` of both:

- Amazon by an error code, kept in ``response``: ``ExpiredToken``, ``RequestExpired`` and others
  (https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html), and botocore by errors of its own;
- Azure by ``error_code`` or by its words: *Signature not valid in the specified time frame* of a signature,
  *Lifetime validation failed. The token is expired* of a token
  (https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes);
- Google by ``RefreshError`` (*Token has been expired or revoked*), or a 401 with *Invalid Credentials*
  (https://cloud.google.com/storage/docs/json_api/v1/status-codes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_CODES = frozenset(
    {
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        *("ExpiredAuthenticationToken", "InvalidAuthenticationInfo"),
    }
)
_KINDS = frozenset({"UnauthorizedSSOTokenError", "SSOTokenLoadError", "LoginRefreshRequired", "TokenRetrievalError"})
_WORDS = re.compile(
    r"\bexpired\b|not valid in the specified time frame|lifetime validation failed|invalid credentials", re.IGNORECASE
)


def have_expired(error: BaseException) -> bool:
    """Whether an error, or what caused it, says that credentials have expired."""
    return any(
        _code(each) in _CODES or type(each).__name__ in _KINDS or bool(_WORDS.search(str(each)))
        for each in _causes(error)
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            waiting += [each.__cause__, each.__context__]


def _code(error: BaseException) -> str | None:
    response = getattr(error, "response", None)
    told = response.get("Error") if isinstance(response, Mapping) else None
    code = told.get("Code") if isinstance(told, Mapping) else getattr(error, "error_code", None)
    return None if code is None else str(getattr(code, "value", code))  # Azure's codes are an enumeration
