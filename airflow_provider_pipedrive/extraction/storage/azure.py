"""Azure Blob Storage, through adlfs: one request for each thing that is asked.

Conditional writes:
https://learn.microsoft.com/rest/api/storageservices/specifying-conditional-headers-for-blob-service-operations
"""

from __future__ import annotations

import errno
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, ClassVar

from airflow_provider_pipedrive.extraction.storage.store import (
    AT_ONCE,
    Call,
    FilePiece,
    FileStore,
    FoundFile,
    Version,
    conflict,
    each_sent,
    file_system,
    pieces,
)

_BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"


class AzureStore(FileStore):
    """Containers of Azure's. The role *Storage Blob Data Contributor* has all of these rights.
    https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage"""

    rights: ClassVar[Mapping[Call, str]] = {
        "read": f"{_BLOBS}/read",
        "write": f"{_BLOBS}/write",
        "list": f"{_BLOBS}/read",
        "remove": f"{_BLOBS}/delete",
    }

    def read(self, path: Any) -> tuple[bytes, Version]:
        """What a file holds, and its ETag."""
        from fsspec.asyn import sync

        fs = file_system(path)
        container, key, _ = fs.split_path(path.path)

        async def get() -> tuple[bytes, Version]:
            async with fs.service_client.get_blob_client(container=container, blob=key) as blob:
                stream = await blob.download_blob()
                return await stream.readall(), stream.properties.etag

        found: tuple[bytes, Version] = sync(fs.loop, get)
        return found

    def write(self, path: Any, content: bytes) -> None:
        """Write a file in one request."""
        self._put(path, content, overwrite=True)

    def replace(self, path: Any, content: bytes, version: Version) -> Version:
        """Replace a file that still has the ETag that was read."""
        condition: dict[str, Any] = {"overwrite": False}
        if version is not None:
            from azure.core import MatchConditions

            condition = {"overwrite": True, "etag": version, "match_condition": MatchConditions.IfNotModified}
        try:
            return self._put(path, content, **condition)
        except Exception as error:
            if type(error).__name__ in ("ResourceModifiedError", "ResourceExistsError"):
                raise conflict(path) from error
            raise

    def _put(self, path: Any, content: bytes, **condition: Any) -> Version:
        """Not by adlfs itself, which takes brackets in a name for an address of IPv6."""
        from fsspec.asyn import sync

        fs = file_system(path)
        container, key, _ = fs.split_path(path.path)

        async def put() -> Version:
            async with fs.service_client.get_blob_client(container=container, blob=key) as blob:
                return str((await blob.upload_blob(content, **condition))["etag"])

        etag: Version = sync(fs.loop, put)
        fs.dircache.clear()
        return etag

    def remove(self, paths: Sequence[Any]) -> None:
        """Remove files, some side by side: a batch's request is not known to every server that speaks Azure's words."""
        for start in range(0, len(paths), AT_ONCE):
            self._remove_some(paths[start : start + AT_ONCE])

    def _remove_some(self, paths: Sequence[Any]) -> None:
        import asyncio  # a plain script that extracts to its disk needs none of its 40 modules

        from fsspec.asyn import sync

        fs = file_system(paths[0])
        container = fs.split_path(paths[0].path)[0]

        async def delete() -> list[Any]:
            async with fs.service_client.get_container_client(container=container) as client:
                removals = [client.delete_blob(fs.split_path(path.path)[1]) for path in paths]
                return await asyncio.gather(*removals, return_exceptions=True)

        for answer in sync(fs.loop, delete):
            if isinstance(answer, BaseException) and getattr(answer, "error_code", None) != "BlobNotFound":
                raise answer

    def copy(self, source: Any, target: Any) -> None:
        """Let Azure copy it, within an account at once as a rule.
        https://learn.microsoft.com/rest/api/storageservices/copy-blob"""
        import asyncio

        from fsspec.asyn import sync

        fs = file_system(target)
        container, key, _ = fs.split_path(target.path)
        from_container, from_key, _ = fs.split_path(source.path)

        async def begin() -> None:
            async with (
                fs.service_client.get_blob_client(container=from_container, blob=from_key) as old,
                fs.service_client.get_blob_client(container=container, blob=key) as new,
            ):
                status = (await new.start_copy_from_url(old.url))["copy_status"]
                while status == "pending":
                    await asyncio.sleep(1)
                    status = (await new.get_blob_properties()).copy.status
                if status != "success":
                    raise OSError(errno.EIO, f"the copy has ended: {status}", str(target))

        sync(fs.loop, begin)
        fs.dircache.clear()

    def try_place(self, path: Any) -> None:
        """Put down a block that no blob is made of: it changes none, and is dropped after a week.
        https://learn.microsoft.com/rest/api/storageservices/put-block"""
        from fsspec.asyn import sync

        fs = file_system(path)
        container, key, _ = fs.split_path(path.path)

        async def put() -> None:
            async with fs.service_client.get_blob_client(container=container, blob=key) as blob:
                await blob.stage_block(block_id=uuid.uuid4().hex, data=b"-")

        sync(fs.loop, put)

    def upload(self, path: Any, source: BinaryIO, size: int) -> None:
        """Write a file as a block, or a longer one in several, read while they are sent."""
        from azure.storage.blob import BlobBlock
        from fsspec.asyn import sync

        fs = file_system(path)
        container, key, _ = fs.split_path(path.path)

        async def put() -> None:
            async with fs.service_client.get_blob_client(container=container, blob=key) as blob:

                async def send(_: int, piece: FilePiece) -> BlobBlock:
                    block = uuid.uuid4().hex
                    await blob.stage_block(block_id=block, data=piece, length=len(piece))
                    return BlobBlock(block_id=block)

                await blob.commit_block_list(await each_sent(send, pieces(source, size)))

        sync(fs.loop, put)
        fs.dircache.clear()

    def found(self, folder: Any, *, below: bool) -> list[FoundFile]:
        """The keys below a prefix, 5,000 a request, never from a cache."""
        from fsspec.asyn import sync

        fs = file_system(folder)
        container, key, _ = fs.split_path(folder.path)
        begin = f"{key.strip('/')}/" if key.strip("/") else ""

        async def listed() -> list[tuple[str, float | None]]:
            async with fs.service_client.get_container_client(container=container) as client:
                found = client.list_blobs(begin) if below else client.walk_blobs(begin, delimiter="/")
                return [(each.name, _modified(each)) async for each in found]

        names = ((name.removeprefix(begin), moment) for name, moment in sync(fs.loop, listed))
        return [FoundFile(name, moment) for name, moment in names if name and not name.endswith("/")]


def _modified(blob: Any) -> float | None:
    moment = getattr(blob, "last_modified", None)  # a prefix has none
    return moment.timestamp() if moment else None
