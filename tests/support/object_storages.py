"""Places for files of every kind: a disk, memory, S3 in this process, Azure and Google where an emulator is running.

The emulators are started by tools/trials/object_storages.py, which says by the environment where they are.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest

AZURE = "AZURITE_CONNECTION_STRING"
GOOGLE = "FAKE_GCS_SERVER"
KINDS = ["disk", "memory", "s3", "azure", "google"]


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
    bucket = f"crm-{uuid.uuid4().hex[:8]}"
    fs = {"memory": _memory, "azure": _azure, "google": _google}[kind]()
    fs.mkdir(bucket)
    return Key(fs, f"{bucket}/crm")


def _memory() -> Any:
    from fsspec.implementations.memory import MemoryFileSystem

    return MemoryFileSystem()


def _azure() -> Any:
    if AZURE not in os.environ:
        pytest.skip("no Azurite is running")
    from adlfs import AzureBlobFileSystem

    return AzureBlobFileSystem(connection_string=os.environ[AZURE], account_name="devstoreaccount1")


def _google() -> Any:
    if GOOGLE not in os.environ:
        pytest.skip("no server that speaks Google's words is running")
    from gcsfs import GCSFileSystem

    return GCSFileSystem(endpoint_url=os.environ[GOOGLE], token="anon", project="test")
