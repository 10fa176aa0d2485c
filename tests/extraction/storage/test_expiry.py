"""Each storage's words for credentials that have expired."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.extraction.storage.expiry import have_expired


def expired(code: str) -> Any:
    from botocore.exceptions import ClientError
    from s3fs.errors import translate_boto_error

    told = {"Error": {"Code": code, "Message": "The provided token has expired."}}
    return translate_boto_error(ClientError(told, "PutObject"))


class AzureError(Exception):
    """As azure-core's: with a code."""

    def __init__(self, text: str, error_code: str | None = None) -> None:
        super().__init__(text)
        self.error_code = error_code


class RefreshError(Exception):
    """As google-auth's."""


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (AzureError("Server failed to authenticate", "InvalidAuthenticationInfo"), True),
        (AzureError("Signature not valid in the specified time frame: Start [Mon] - Expiry [Mon]"), True),
        (AzureError("Lifetime validation failed. The token is expired."), True),
        (RefreshError("('invalid_grant: Token has been expired or revoked.', ...)"), True),
        (Exception("Invalid Credentials, 401"), True),
        (RuntimeError("Credentials were refreshed, but the refreshed credentials are still expired."), True),
        (AzureError("This request is not authorized to perform this operation.", "AuthorizationFailure"), False),
        (PermissionError(13, "Access Denied"), False),
        (FileExistsError("a file is there"), False),
    ],
)
def test_each_storages_words_for_expired_credentials_are_understood(error: Exception, passes: bool) -> None:
    assert have_expired(error) is passes
    wrapped = PermissionError("the storage refused it")
    wrapped.__cause__ = error
    assert have_expired(wrapped) is passes
