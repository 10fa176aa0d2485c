"""S3 and what speaks like it, through s3fs: one request for each thing that is asked.

Conditional writes: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, ClassVar

from airflow_provider_pipedrive.extraction.storage.store import (
    Call,
    FilePiece,
    FileStore,
    FoundFile,
    Version,
    conflict,
    each_sent,
    file_system,
    modified,
    pieces,
)

log = logging.getLogger(__name__)
_MOST_KEYS = 1000
"""Keys that one request removes. https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html"""


class S3Store(FileStore):
    """Buckets of S3. Without ``s3:ListBucket`` S3 says of a key that is not there that it may not be read.
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html"""

    rights: ClassVar[Mapping[Call, str]] = {
        "read": "s3:GetObject, and s3:ListBucket for a key that is not there",
        "write": "s3:PutObject",
        "list": "s3:ListBucket",
        "remove": "s3:DeleteObject",
    }

    def read(self, path: Any) -> tuple[bytes, Version]:
        """What a file holds, and its ETag."""
        from fsspec.asyn import sync

        fs = file_system(path)
        bucket, key, _ = fs.split_path(path.path)

        async def get() -> tuple[bytes, Version]:
            answer = await fs._call_s3("get_object", Bucket=bucket, Key=key)
            async with answer["Body"] as body:
                return await body.read(), answer["ETag"]

        found: tuple[bytes, Version] = sync(fs.loop, get)
        return found

    def replace(self, path: Any, content: bytes, version: Version) -> Version:
        """Replace a file that still has the ETag that was read."""
        condition = {"IfNoneMatch": "*"} if version is None else {"IfMatch": version}
        try:
            answer = file_system(path).pipe_file(path.path, content, **condition)
        except OSError as error:
            code = code_of(error)
            if code in ("PreconditionFailed", "ConditionalRequestConflict", "412", "409"):
                raise conflict(path) from error
            if code == "NoSuchKey":  # it was removed meanwhile
                raise conflict(path) from error
            if code != "NotImplemented":
                raise
            log.warning("%s: this storage knows no conditional writes: two runs at once may meet.", path)
            super().replace(path, content, version)
            return None
        return str(answer["ETag"]) if isinstance(answer, Mapping) else None

    def remove(self, paths: Sequence[Any]) -> None:
        """Remove files, a thousand a request."""
        if len(paths) < 2:
            super().remove(paths)
            return
        for start in range(0, len(paths), _MOST_KEYS):
            self._remove_many(paths[start : start + _MOST_KEYS])

    def _remove_many(self, paths: Sequence[Any]) -> None:
        from botocore.exceptions import ClientError  # type: ignore[import-untyped]
        from fsspec.asyn import sync
        from s3fs.errors import translate_boto_error  # type: ignore[import-untyped]

        fs = file_system(paths[0])
        bucket = fs.split_path(paths[0].path)[0]
        keys = [{"Key": fs.split_path(path.path)[1]} for path in paths]
        answer = sync(fs.loop, fs._call_s3, "delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
        for refused in answer.get("Errors", ()):
            raise translate_boto_error(ClientError({"Error": refused}, "DeleteObjects"))

    def try_place(self, path: Any) -> None:
        """Begin an upload in parts, and end it again."""
        from fsspec.asyn import sync

        fs = file_system(path)
        bucket, key, _ = fs.split_path(path.path)
        begun = sync(fs.loop, fs._call_s3, "create_multipart_upload", Bucket=bucket, Key=key)
        sync(fs.loop, fs._call_s3, "abort_multipart_upload", Bucket=bucket, Key=key, UploadId=begun["UploadId"])

    def upload(self, path: Any, source: BinaryIO, size: int) -> None:
        """Write a file in one request, or a longer one in pieces, read while they are sent. By s3fs's client itself:
        s3fs would send a request again without rewinding the file."""
        from fsspec.asyn import sync

        fs = file_system(path)
        sync(fs.loop, self._upload, fs, path.path, pieces(source, size))
        fs.invalidate_cache(path.path)

    async def _upload(self, fs: Any, name: str, parts: Sequence[FilePiece]) -> None:
        bucket, key, _ = fs.split_path(name)
        client = await fs.get_s3(bucket)
        to = {"Bucket": bucket, "Key": key}

        async def ask(method: Any, **asked: Any) -> Any:
            return await method(**fs._get_s3_method_kwargs(method, **to, **asked))

        if len(parts) < 2:
            await ask(client.put_object, Body=parts[0] if parts else b"")
            return
        begun = (await ask(client.create_multipart_upload))["UploadId"]

        async def send(number: int, piece: FilePiece) -> dict[str, Any]:
            sent = await ask(client.upload_part, UploadId=begun, PartNumber=number, Body=piece)
            return {"PartNumber": number, "ETag": sent["ETag"]}

        try:
            sent = await each_sent(send, parts)
            await ask(client.complete_multipart_upload, UploadId=begun, MultipartUpload={"Parts": sent})
        except BaseException:
            with suppress(Exception):  # what ended it is what counts
                await ask(client.abort_multipart_upload, UploadId=begun)
            raise

    def found(self, folder: Any, *, below: bool) -> list[FoundFile]:
        """The keys below a prefix, a thousand a request, never from a cache."""
        from fsspec.asyn import sync

        fs = file_system(folder)
        bucket, key, _ = fs.split_path(folder.path)
        begin = f"{key.strip('/')}/" if key.strip("/") else ""
        asked = {"Bucket": bucket, "Prefix": begin, **({} if below else {"Delimiter": "/"})}
        listed: list[Mapping[str, Any]] = []
        while True:
            page = sync(fs.loop, fs._call_s3, "list_objects_v2", **asked)
            listed += page.get("Contents", ())
            if not page.get("IsTruncated"):
                break
            asked["ContinuationToken"] = page["NextContinuationToken"]
        files = ((each["Key"].removeprefix(begin), each) for each in listed)
        return [FoundFile(name, modified(each)) for name, each in files if name and not name.endswith("/")]


def code_of(error: BaseException) -> str | None:
    """S3's own word for what went wrong, which s3fs keeps as the cause."""
    response = getattr(error.__cause__, "response", None) or getattr(error, "response", None) or {}
    code = response.get("Error", {}).get("Code")
    return None if code is None else str(code)
