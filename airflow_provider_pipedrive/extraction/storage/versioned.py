"""A JSON file that several runs replace: each only the version that it has read (compare and swap).

On a disk it is replaced under a lock. In object storage the store itself compares, in the request that writes:

- S3 by ``If-Match`` and ``If-None-Match``
  (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html),
- Google by ``ifGenerationMatch`` (https://cloud.google.com/storage/docs/request-preconditions),
- Azure by the same headers as S3
  (https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations).

Any other storage, or an S3 that does not know these headers, is read once more before it is written: that leaves a
moment in which another machine can come between.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import logging
import os
import threading
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.extraction.storage.files import (
    bucket_must_exist,
    decoded,
    encoded,
    file_system,
    make_folder,
    protocols,
    read,
    remove,
    write,
)

log = logging.getLogger(__name__)
Version = str | None
"""What a file was when it was read; None where there was none."""
_WRITE = "write"
"""Tells what one call has written in object storage from what any other has, though it be alike."""
_IN_THIS_PROCESS = threading.Lock()


class _Conflict(OSError):
    """Somebody else was faster."""


def read_versioned(path: Any) -> tuple[dict[str, Any] | None, Version]:
    """The JSON object in a file, and its version; ``(None, None)`` where there is no file."""
    try:
        content, version = _store(path).read(path)
    except FileNotFoundError:
        return None, None
    value = decoded(path, content)
    value.pop(_WRITE, None)
    return value, version


def replace_versioned(path: Any, value: Mapping[str, Any], version: Version) -> bool:
    """Replace a file, if it is still what it was when it was read.

    :param version: as :func:`read_versioned` gave it; None makes a new file
    :returns: whether it was replaced; if not, somebody else was faster: read again, and decide again
    :raises PipedriveParameterError: its bucket does not exist
    """
    is_on_disk = file_system(path) is None
    # A request whose answer is lost is sent again by the storage's client, and then meets what it has written itself.
    content = encoded(value if is_on_disk else {**value, _WRITE: uuid.uuid4().hex})
    try:
        with bucket_must_exist(path):
            _store(path).replace(path, content, version)
    except _Conflict:
        return not is_on_disk and _holds(path, content)
    return True


def _holds(path: Any, content: bytes) -> bool:
    try:
        return read(path) == content
    except FileNotFoundError:
        return False


def _conflict(path: Any) -> _Conflict:
    return _Conflict(errno.EBUSY, "somebody else has replaced it meanwhile", str(path))


class _Compared:
    """A file that is read once more before it is written."""

    def read(self, path: Any) -> tuple[bytes, Version]:
        content = read(path)
        return content, hashlib.sha256(content).hexdigest()

    def replace(self, path: Any, content: bytes, version: Version) -> None:
        with self._alone(path):
            try:
                _, present = self.read(path)
            except FileNotFoundError:
                present = None
            if present != version:
                raise _conflict(path)
            write(path, content)

    @contextmanager
    def _alone(self, path: Any) -> Iterator[None]:
        with _IN_THIS_PROCESS:
            yield


class _OnDisk(_Compared):
    @contextmanager
    def _alone(self, path: Path) -> Iterator[None]:
        make_folder(path.parent)
        name = path.parent / f".{path.name}.lock"
        while True:
            with name.open("ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)  # given back when the file is closed, by a killed process too
                if _is_still(name, lock):
                    try:
                        yield
                    finally:
                        remove(name)
                    return


def _is_still(name: Path, file: Any) -> bool:
    """Whether a file that was locked still has its name: whoever held it before removes it, and another may be made."""
    try:
        return os.path.samestat(name.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


class _S3(_Compared):
    def read(self, path: Any) -> tuple[bytes, Version]:
        from fsspec.asyn import sync

        fs = file_system(path)
        bucket, key, _ = fs.split_path(path.path)

        async def get() -> tuple[bytes, Version]:
            answer = await fs._call_s3("get_object", Bucket=bucket, Key=key)
            async with answer["Body"] as body:
                return await body.read(), answer["ETag"]

        found: tuple[bytes, Version] = sync(fs.loop, get)
        return found

    def replace(self, path: Any, content: bytes, version: Version) -> None:
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            file_system(path).pipe_file(path.path, content, **condition)
        except OSError as error:
            code = _code(error)
            if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                raise _conflict(path) from error
            if code == "NoSuchKey":  # it was removed meanwhile
                raise _conflict(path) from error
            if code != "NotImplemented":
                raise
            log.warning("%s: this storage knows no conditional writes: two runs at once may meet.", path)
            super().replace(path, content, version)


class _Google(_Compared):
    def read(self, path: Any) -> tuple[bytes, Version]:
        from fsspec.asyn import sync

        fs = file_system(path)
        headers, content = sync(fs.loop, fs._call, "GET", fs.url(path.path))
        return content, str(headers["x-goog-generation"])

    def replace(self, path: Any, content: bytes, version: Version) -> None:
        from urllib.parse import quote

        from fsspec.asyn import sync

        fs = file_system(path)
        bucket, key, _ = fs.split_path(path.path)
        try:
            sync(
                fs.loop,
                fs._call,
                "POST",
                f"{fs._location}/upload/storage/v1/b/{quote(bucket)}/o",
                uploadType="media",
                name=key,
                ifGenerationMatch=version or "0",
                headers={"Content-Type": "application/json"},
                data=content,
                json_out=True,
            )
        except FileExistsError as error:  # what gcsfs makes of a failed precondition
            raise _conflict(path) from error
        fs.invalidate_cache(path.parent.path)


class _Azure(_Compared):
    def read(self, path: Any) -> tuple[bytes, Version]:
        from fsspec.asyn import sync

        fs = file_system(path)
        container, key, _ = fs.split_path(path.path)

        async def get() -> tuple[bytes, Version]:
            async with fs.service_client.get_blob_client(container=container, blob=key) as blob:
                stream = await blob.download_blob()
                return await stream.readall(), stream.properties.etag

        try:
            found: tuple[bytes, Version] = sync(fs.loop, get)
        except Exception as error:
            if type(error).__name__ == "ResourceNotFoundError":
                raise FileNotFoundError(errno.ENOENT, "no such blob", str(path)) from error
            raise
        return found

    def replace(self, path: Any, content: bytes, version: Version) -> None:
        fs = file_system(path)
        try:
            if version is None:
                fs.pipe_file(path.path, content, overwrite=False)
            else:
                from azure.core import MatchConditions

                fs.pipe_file(path.path, content, etag=version, match_condition=MatchConditions.IfNotModified)
        except FileExistsError as error:
            raise _conflict(path) from error
        except Exception as error:
            if type(error).__name__ in ("ResourceModifiedError", "ResourceExistsError"):
                raise _conflict(path) from error
            raise


def _store(path: Any) -> _Compared:
    fs = file_system(path)
    if fs is None:
        return _OnDisk()
    names = protocols(fs)
    for kind, known in ((_S3, {"s3", "s3a"}), (_Google, {"gs", "gcs"}), (_Azure, {"abfs", "abfss", "az", "adl"})):
        if names & known:
            return kind()
    return _Compared()


def _code(error: BaseException) -> str | None:
    """S3's own word for what went wrong, which s3fs keeps as the cause."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return None if code is None else str(code)
