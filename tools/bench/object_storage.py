"""What a snapshot costs in object storage: requests and seconds, each request taking 50 ms.

    python tools/bench/object_storage.py                            # this checkout
    python tools/bench/object_storage.py /path/to/another/checkout  # that one too, in turns

The storage is moto's S3 server in this process, behind a counter that waits; the company is the sandbox. Each checkout
extracts in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox

HERE = Path(__file__).resolve().parents[2]
TOKEN = "ApiTokenOfTheBenchmark0123456789"
RUN = """
import json, sys, time
from upath import UPath
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction import ExtractionJob, extract

host, token, storage, folder, entities, mode = sys.argv[1:]
client = PipedriveClient(settings_from(host=host, extra={"api_token": token}))
path = UPath(folder, endpoint_url=storage, key="k", secret="s")
began = time.monotonic()
receipt = extract(client, path, ExtractionJob(entities.split(","), mode, format="parquet"), owner="benchmark")
print(json.dumps({"seconds": time.monotonic() - began, "rows": receipt["rows"]}))
"""
CASES = (
    ("a small list", "stages", "snapshot"),
    ("the CRM", "deals,persons,organizations,stages", "snapshot"),
    ("the CRM again", "deals,persons,organizations,stages", "snapshot"),
    ("changes, first", "deals,persons", "changes"),
    ("changes, none", "deals,persons", "changes"),
)


class Counted:
    """A WSGI application that counts what it is asked, and takes its time."""

    def __init__(self, app: Callable[..., Iterable[bytes]], seconds: float) -> None:
        self._app = app
        self._seconds = seconds
        self.seen: Counter[str] = Counter()

    def __call__(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        """Answer."""
        method = environ["REQUEST_METHOD"]
        copied = method == "PUT" and "HTTP_X_AMZ_COPY_SOURCE" in environ
        listed = method == "GET" and "list-type" in environ["QUERY_STRING"]
        self.seen["COPY" if copied else "LIST" if listed else method] += 1
        time.sleep(self._seconds)
        return self._app(environ, start)


@contextmanager
def storage(seconds: float) -> Iterator[tuple[str, Counted]]:
    """An S3 server with a bucket ``crm``, its address, and its counter."""
    import boto3
    from moto.server import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import make_server

    app = Counted(DomainDispatcherApplication(create_backend_app), seconds)
    server = make_server("127.0.0.1", 0, app, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    keys = {"aws_access_key_id": "k", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=url, **keys).create_bucket(Bucket="crm")
    try:
        yield url, app
    finally:
        server.shutdown()


def main() -> None:
    """Measure, and print a line a case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("others", nargs="*", type=Path, help="checkouts to compare with")
    parser.add_argument("--latency", type=int, default=50, metavar="MS")
    parser.add_argument("--deals", type=int, default=20_000)
    options = parser.parse_args()
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # it has a line for each request
    checkouts = [HERE, *options.others]
    print(f"{'case':<16} {'checkout':<20} {'rows':>7} {'seconds':>8} {'requests':>9}  of which")
    with (
        Sandbox(deals=options.deals, seed=2, api_token=TOKEN) as company,
        storage(options.latency / 1000) as (url, app),
    ):
        for name, entities, mode in CASES:
            for checkout in checkouts:
                app.seen.clear()
                folder = f"s3://crm/{checkout.name}-{checkouts.index(checkout)}/{mode}"
                arguments = [company.url, TOKEN, url, folder, entities, mode]
                environment = {**os.environ, "PYTHONPATH": str(checkout)}
                done = subprocess.run(
                    [sys.executable, "-c", RUN, *arguments],
                    env=environment,
                    cwd=checkout,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                    timeout=600,
                )
                told = json.loads(done.stdout.splitlines()[-1])
                kinds = ", ".join(f"{kind} {count}" for kind, count in app.seen.most_common())
                total = sum(app.seen.values())
                print(
                    f"{name:<16} {checkout.name:<20} {told['rows']:>7} {told['seconds']:>8.1f} {total:>9}  {kinds}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
