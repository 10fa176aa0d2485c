"""What each storage refuses in its own words is told with the call and the right, whatever was being done."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from storage_proxy import REFUSAL, Asked, StorageProxy, proxy_to

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveStorageError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.storage.files import (
    below,
    files,
    read,
    remove,
    remove_all,
    try_place,
    upload,
    write,
)
from tests.support.object_storages import IN_OBJECT_STORAGE, folder_at, server_of
from tests.support.s3_server import s3_server as s3_server

DENIED = {
    "s3": (403, "AccessDenied", "User: crm is not authorized to perform this action"),
    "azure": (403, "AuthorizationPermissionMismatch", "This request is not authorized to perform this operation"),
    "google": (403, "forbidden", "crm does not have access to the Google Cloud Storage object"),
}
EXPIRED = {
    "s3": (400, "ExpiredToken", "The provided token has expired."),
    "azure": (401, "InvalidAuthenticationInfo", "Lifetime validation failed. The token is expired."),
    "google": (401, "authError", "Invalid Credentials"),
}
WRONG = {
    "s3": (403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    "azure": (403, "AuthenticationFailed", "Server failed to authenticate the request."),
}
RIGHTS = {
    "s3": {"read": "s3:GetObject", "write": "s3:PutObject", "list": "s3:ListBucket", "remove": "s3:DeleteObject"},
    "azure": {"read": "blobs/read", "write": "blobs/write", "list": "blobs/read", "remove": "blobs/delete"},
    "google": {
        "read": "storage.objects.get",
        "write": "storage.objects.create, and storage.objects.delete to replace one",
        "list": "storage.objects.list",
        "remove": "storage.objects.delete",
    },
}


def _upload(path: Any) -> None:
    with tempfile.TemporaryFile() as source:
        source.write(b"x")
        upload(path, source)


CALLS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("read", "read", lambda folder: read(folder / "a.json")),
    ("write", "written to", lambda folder: write(folder / "b.json", b"x")),
    ("write", "written to", lambda folder: _upload(folder / "b.json")),
    ("write", "written to", lambda folder: try_place(folder / "b.json")),
    ("list", "listed", below),
    ("list", "listed", files),
    ("remove", "removed from", lambda folder: remove(folder / "a.json")),
    ("remove", "removed from", lambda folder: remove_all([folder / "a.json", folder / "b.json"])),
]


@dataclass
class Storage:
    kind: str
    folder: Any
    proxy: StorageProxy

    def refuse(self, answer: tuple[int, str, str], kind: str | None = None) -> None:
        """Refuse requests of that kind, or all, with that answer."""
        whole = REFUSAL[self.kind](*answer)
        self.proxy.refuses = lambda asked: whole if kind in (None, asked.kind) else None


@pytest.fixture(params=IN_OBJECT_STORAGE)
def storage(request: pytest.FixtureRequest) -> Iterator[Storage]:
    """A storage behind a proxy, with a file ``a.json``."""
    kind = request.param
    with proxy_to(server_of(kind, request)) as proxy:
        folder = folder_at(kind, proxy.url)
        write(folder / "a.json", b"{}")
        yield Storage(kind, folder, proxy)


def test_a_call_without_its_right_is_a_lasting_error_that_names_the_call_and_the_right(storage: Storage) -> None:
    for call, cannot, do in CALLS:
        storage.refuse(DENIED[storage.kind], call)
        with pytest.raises(PipedriveStorageError, match=f"cannot be {cannot}: the storage does not allow") as caught:
            do(storage.folder)
        assert f"They need the right {''.join(RIGHTS[storage.kind][call])}" in _short(caught.value)
        assert not caught.value.retryable


def test_an_extraction_without_a_right_says_which_one(client: PipedriveClient, storage: Storage) -> None:
    job = ExtractionJob(["stages"], keep_previous=0)
    extract(client, storage.folder, job)
    for call in ("read", "write", "list", "remove"):
        storage.refuse(DENIED[storage.kind], call)
        with pytest.raises(PipedriveStorageError) as caught:
            extract(client, storage.folder, job)
        assert f"They need the right {''.join(RIGHTS[storage.kind][call])}" in _short(caught.value)
    storage.proxy.refuses = lambda asked: None
    assert extract(client, storage.folder, job)["rows"] == len(client.run("getStages"))


def test_nothing_more_is_asked_of_a_storage_whose_credentials_have_expired_while_a_run_lasts(
    client: PipedriveClient, storage: Storage
) -> None:
    job = ExtractionJob(["stages"], keep_previous=0)
    extract(client, storage.folder, job, owner="nightly")
    expired = REFUSAL[storage.kind](*EXPIRED[storage.kind])
    refused: set[str] = set()

    def refuses(asked: Asked) -> bytes | None:
        replaces_manifest = "_manifest.json" in asked.target or "ifGenerationMatch" in asked.target
        if refused or (asked.kind == "write" and replaces_manifest):
            refused.add(asked.target)
        return expired if refused else None

    storage.proxy.refuses = refuses
    with pytest.raises(PipedriveStorageError, match="credentials have expired"):
        extract(client, storage.folder, job, owner="nightly")
    assert len(refused) == 1
    storage.proxy.refuses = lambda asked: None
    assert extract(client, storage.folder, job, owner="nightly")["rows"] == len(client.run("getStages"))


def test_credentials_that_have_expired_are_a_passing_error_of_every_call(storage: Storage) -> None:
    storage.refuse(EXPIRED[storage.kind])
    for _, cannot, do in CALLS:
        with pytest.raises(PipedriveStorageError, match=f"cannot be {cannot}: .*credentials have expired") as caught:
            do(storage.folder)
        assert caught.value.retryable


def test_credentials_that_are_wrong_are_a_lasting_error_of_every_call(storage: Storage) -> None:
    if storage.kind not in WRONG:
        pytest.skip("Google says the same of wrong credentials as of expired ones")
    storage.refuse(WRONG[storage.kind])
    for _, cannot, do in CALLS:
        with pytest.raises(PipedriveStorageError, match=f"cannot be {cannot}: .*does not know the creden") as caught:
            do(storage.folder)
        assert not caught.value.retryable


def _short(error: Exception) -> str:
    return str(error).replace("Microsoft.Storage/storageAccounts/blobServices/containers/", "")
