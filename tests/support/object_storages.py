"""Places for files of every kind: a disk, memory, S3 in this process, Azure and Google where an emulator is running.

The emulators are started by tools/trials/object_storages.py, which says by the environment where they are.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest
from storage_servers import ACCOUNT, azure_connection

from tests.support.s3_server import KEYS

SERVERS = {"azure": "AZURITE", "google": "FAKE_GCS_SERVER"}
"""The variables that say where they are."""
KINDS = ["disk", "memory", "s3", "azure", "google"]
IN_OBJECT_STORAGE = KINDS[2:]


class Key:
    """A path by its file system and its key, whatever characters are in it."""

    def __init__(self, fs: Any, path: str) -> None:
        self.fs = fs
        self.path = path

    def __truediv__(self, name: str) -> Key:
        return Key(self.fs, f"{self.path}/{name}")

    def __str__(self) -> str:
        return f"{self.fs.protocol}://{self.path}"

    @property
    def parent(self) -> Key:
        return Key(self.fs, self.path.rpartition("/")[0])

    @property
    def name(self) -> str:
        return self.path.rpartition("/")[2]


def folder_in(kind: str, request: pytest.FixtureRequest) -> Any:
    """An empty folder in a place of that kind, in a bucket of its own."""
    if kind == "disk":
        tmp_path: Path = request.getfixturevalue("tmp_path")
        return tmp_path / "crm"
    if kind == "s3":
        storage = request.getfixturevalue("s3")
        return Key(storage.fs, f"{storage.bucket}/crm")
    return folder_at(kind, "" if kind == "memory" else server_of(kind, request))


def server_of(kind: str, request: pytest.FixtureRequest) -> str:
    """The address of a server for that kind of object storage; the test is skipped where none is running."""
    if kind == "s3":
        return str(request.getfixturevalue("s3_server"))
    if SERVERS[kind] not in os.environ:
        pytest.skip(f"no server for {kind} is running")
    return os.environ[SERVERS[kind]]


def folder_at(kind: str, url: str, bucket: str | None = None) -> Any:
    """A folder in object storage at that address: an empty one in a bucket of its own, or one in that bucket."""
    fs = file_system_at(kind, url)
    if bucket is None:
        bucket = f"crm-{uuid.uuid4().hex[:8]}"
        fs.mkdir(bucket)
    return Key(fs, f"{bucket}/crm")


def file_system_at(kind: str, url: str) -> Any:
    """A file system of its own that speaks with the server at that address."""
    if kind == "memory":
        from fsspec.implementations.memory import MemoryFileSystem

        return MemoryFileSystem()
    if kind == "s3":
        from s3fs import S3FileSystem

        return S3FileSystem(endpoint_url=url, skip_instance_cache=True, **KEYS)
    if kind == "azure":
        from adlfs import AzureBlobFileSystem

        return AzureBlobFileSystem(
            connection_string=azure_connection(url), account_name=ACCOUNT, skip_instance_cache=True
        )
    from gcsfs import GCSFileSystem

    return GCSFileSystem(endpoint_url=url, token="anon", project="test", skip_instance_cache=True)
