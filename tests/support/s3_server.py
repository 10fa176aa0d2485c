"""Object storage for tests: moto's S3 server, in this process, and what is sent to it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

KEYS = {"key": "an-id", "secret": "a-secret"}


class Storage:
    """An empty bucket on a server that speaks S3.

    :ivar url: of the server
    :ivar bucket: its name
    :ivar requests: what was sent since the bucket was made, by S3's own words
    """

    def __init__(self, url: str) -> None:
        import fsspec

        self.url = url
        self.bucket = f"crm-{uuid.uuid4().hex[:8]}"
        self.requests: Counter[str] = Counter()
        # fsspec keeps one file system for the same options, so that paths below a path count too; the bucket's name
        # makes them this storage's own.
        named = {"user_agent_extra": self.bucket}
        self._options = {"endpoint_url": url, "use_listings_cache": False, "config_kwargs": named, **KEYS}
        self.fs = fsspec.filesystem("s3", **self._options)
        self.fs.call_s3("create_bucket", Bucket=self.bucket)
        self.fs.s3.meta.events.register("before-call.s3", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        from botocore import xform_name

        self.requests[xform_name(model.name)] += 1

    @property
    def buckets(self) -> list[str]:
        return [each["Name"] for each in self.fs.call_s3("list_buckets")["Buckets"]]

    def path(self, key: str, bucket: str | None = None) -> Any:
        """A path that needs no Airflow."""
        from upath import UPath

        return UPath(f"s3://{bucket or self.bucket}/{key}", **self._options)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server").ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(s3_server: str) -> Storage:
    return Storage(s3_server)
