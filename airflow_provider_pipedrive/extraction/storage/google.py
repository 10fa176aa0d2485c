"""Google Cloud Storage, through gcsfs: one request for each thing that is asked.

Conditional writes: https://cloud.google.com/storage/docs/request-preconditions
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, BinaryIO, ClassVar
from urllib.parse import quote

import msgspec

from airflow_provider_pipedrive.extraction.storage.store import (
    Call,
    FileStore,
    FoundFile,
    Version,
    conflict,
    file_system,
    modified,
    pieces,
)

_BYTES = "application/octet-stream"
_LARGEST_PIECE = 256 * 1024 * 1024
"""Pieces come one after another, so there are few. A piece that fails is sent again."""
_MOST_KEYS = 100
"""Keys that one request removes. https://cloud.google.com/storage/docs/batch"""


class GoogleStore(FileStore):
    """Buckets of Google's. Who may create objects may not replace them: that needs the right to delete, too.
    https://cloud.google.com/storage/docs/access-control/iam-json"""

    rights: ClassVar[Mapping[Call, str]] = {
        "read": "storage.objects.get",
        "write": "storage.objects.create, and storage.objects.delete to replace one",
        "list": "storage.objects.list",
        "remove": "storage.objects.delete",
    }

    def read(self, path: Any) -> tuple[bytes, Version]:
        """What a file holds, and its generation."""
        from fsspec.asyn import sync

        fs = file_system(path)
        headers, content = sync(fs.loop, fs._call, "GET", fs.url(path.path))
        return content, str(headers["x-goog-generation"])

    def write(self, path: Any, content: bytes) -> None:
        """Write a file in one request."""
        self._put(path, content, {})

    def replace(self, path: Any, content: bytes, version: Version) -> Version:
        """Replace a file that still has the generation that was read."""
        try:
            return self._put(path, content, {"ifGenerationMatch": version or "0"})
        except FileExistsError as error:  # what gcsfs makes of a failed precondition
            raise conflict(path) from error

    def _put(self, path: Any, content: bytes, condition: Mapping[str, str]) -> Version:
        from fsspec.asyn import sync

        fs = file_system(path)
        bucket, key, _ = fs.split_path(path.path)
        boundary = uuid.uuid4().hex
        parts = (("application/json; charset=UTF-8", msgspec.json.encode({"name": key})), (_BYTES, content))
        lines = [
            b"--%b\r\nContent-Type: %b\r\n\r\n%b\r\n" % (boundary.encode(), kind.encode(), part) for kind, part in parts
        ]
        made = sync(
            fs.loop,
            fs._call,
            "POST",
            f"{fs._location}/upload/storage/v1/b/{quote(bucket)}/o",
            uploadType="multipart",
            **condition,
            headers={"Content-Type": f"multipart/related; boundary={boundary}"},
            data=b"".join([*lines, b"--%b--" % boundary.encode()]),
            json_out=True,
        )
        fs.invalidate_cache(path.parent.path)
        return str(made["generation"])

    def remove(self, paths: Sequence[Any]) -> None:
        """Remove files, a hundred a request; emulators know no such request."""
        from fsspec.asyn import sync

        if not paths:
            return
        fs = file_system(paths[0])
        keys = [path.path for path in paths]
        if len(keys) < 2 or not fs.on_google:
            super().remove(paths)
            return
        for start in range(0, len(keys), _MOST_KEYS):
            for each in sync(fs.loop, fs._rm_files, keys[start : start + _MOST_KEYS]):
                if isinstance(each, Exception) and "No such object" not in str(each):
                    raise each

    def upload(self, path: Any, source: BinaryIO, size: int) -> None:
        """Write a file in one piece, or a longer one in several, one after another, read while they are sent."""
        from fsspec.asyn import sync

        if not size:
            self.write(path, b"")
            return
        fs, place, start = file_system(path), self._begun(path), 0
        for piece in pieces(source, size, _LARGEST_PIECE):
            end = start + len(piece)
            length = {"Content-Length": str(len(piece)), "Content-Range": f"bytes {start}-{end - 1}/{size}"}
            sync(fs.loop, fs._call, "PUT", place, headers=length, data=piece)
            start = end
        fs.invalidate_cache(path.parent.path)

    def try_place(self, path: Any) -> None:
        """Begin an upload in parts, and end it again."""
        from fsspec.asyn import sync

        fs, place = file_system(path), self._begun(path)
        with suppress(Exception):  # 499 is the answer of one that is ended; it would be dropped after a week, too
            sync(fs.loop, fs._call, "DELETE", place)

    @staticmethod
    def _begun(path: Any) -> str:
        """Where an upload in parts that is begun continues.
        https://cloud.google.com/storage/docs/performing-resumable-uploads"""
        from fsspec.asyn import sync

        fs = file_system(path)
        bucket, key, _ = fs.split_path(path.path)
        place = f"{fs._location}/upload/storage/v1/b/{quote(bucket)}/o"
        headers, _ = sync(fs.loop, fs._call, "POST", place, uploadType="resumable", name=key)
        return str(headers["Location"])

    def found(self, folder: Any, *, below: bool) -> list[FoundFile]:
        """The keys below a prefix, a thousand a request, never from a cache."""
        from fsspec.asyn import sync

        fs = file_system(folder)
        bucket, key, _ = fs.split_path(folder.path)
        begin = f"{key.strip('/')}/" if key.strip("/") else ""
        asked = {"prefix": begin, **({} if below else {"delimiter": "/"})}
        listed: list[Mapping[str, Any]] = []
        while True:
            page = sync(fs.loop, fs._call, "GET", "b/{}/o", bucket, json_out=True, **asked)
            listed += page.get("items", ())
            if not page.get("nextPageToken"):
                break
            asked["pageToken"] = page["nextPageToken"]
        files = ((each["name"].removeprefix(begin), each) for each in listed)
        return [FoundFile(name, modified(each)) for name, each in files if name and not name.endswith("/")]
