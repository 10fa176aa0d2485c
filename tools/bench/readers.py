"""One reader's run in a process of its own: what it took, as a line of JSON.

python tools/bench/readers.py READER URL TOKEN FOLDER [--concurrency N] [--burst-limit N]

Two readers are other ways to read such lists: pip install apache-airflow-providers-http 'dlt[filesystem]'
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Everything that a reader imports is there before its clock starts.
import requests

import airflow_provider_pipedrive.extraction.rows.system_columns  # noqa: F401
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction.reading.memory import share_freed

with contextlib.suppress(ImportError):
    from airflow.providers.http.operators.http import HttpOperator
with contextlib.suppress(ImportError):
    import dlt
    from dlt.sources.helpers.rest_client import RESTClient
    from dlt.sources.helpers.rest_client.auth import APIKeyAuth
    from dlt.sources.helpers.rest_client.paginators import JSONResponseCursorPaginator


def bare(options: argparse.Namespace) -> int:
    """What anybody would write: a loop over the pages, a line for each record."""
    session = requests.Session()
    session.headers["x-api-token"] = options.token
    parameters: dict[str, str | int] = {"limit": 500}
    rows = 0
    with (Path(options.folder) / "deals.jsonl").open("w") as file:
        while True:
            answer = session.get(f"{options.url}/api/v2/deals", params=parameters, timeout=60)
            if answer.status_code == 429:
                time.sleep(1)
                continue
            answer.raise_for_status()
            page = answer.json()
            for record in page["data"]:
                file.write(json.dumps(record) + "\n")
            rows += len(page["data"])
            cursor = page["additional_data"].get("next_cursor")
            if not cursor:
                return rows
            parameters["cursor"] = cursor


def ours(options: argparse.Namespace) -> int:
    """Records as Pipedrive sends them."""
    return _extract(options, "raw")


def names(options: argparse.Namespace) -> int:
    """Readable columns and labels."""
    return _extract(options, "readable")


def names_csv(options: argparse.Namespace) -> int:
    """The same as CSV."""
    return _extract(options, "readable", "csv")


def names_parquet(options: argparse.Namespace) -> int:
    """The same as Parquet."""
    return _extract(options, "readable", "parquet")


def http_operator(options: argparse.Namespace) -> int:
    """Airflow's HttpOperator with its pagination, and a line for each record."""
    connection = {"conn_type": "http", "host": options.url, "extra": {"x-api-token": options.token}}
    os.environ["AIRFLOW_CONN_HTTP_DEFAULT"] = json.dumps(connection)

    def following(answer: requests.Response) -> dict[str, Any] | None:
        cursor = answer.json()["additional_data"].get("next_cursor")
        return {"data": {"limit": 500, "cursor": cursor}} if cursor else None

    pages = HttpOperator(
        task_id="deals", method="GET", endpoint="/api/v2/deals", data={"limit": 500}, pagination_function=following
    ).execute({})
    rows = 0
    with (Path(options.folder) / "deals.jsonl").open("w") as file:
        for page in pages:
            for record in json.loads(page)["data"]:
                file.write(json.dumps(record) + "\n")
                rows += 1
    return rows


def dlt_pipeline(options: argparse.Namespace) -> int:
    """dlt's REST client and its pipeline into files of JSON lines."""
    client = RESTClient(
        base_url=options.url,
        auth=APIKeyAuth(name="x-api-token", api_key=options.token),
        paginator=JSONResponseCursorPaginator("additional_data.next_cursor", cursor_param="cursor"),
        data_selector="data",
    )
    os.environ |= {
        "NORMALIZE__DATA_WRITER__DISABLE_COMPRESSION": "true",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "PROVIDERS__ENABLE_AIRFLOW_SECRETS": "false",  # it would ask Airflow's database for each setting
    }
    pipeline = dlt.pipeline(
        "deals", pipelines_dir=f"{options.folder}/work", destination=dlt.destinations.filesystem(options.folder)
    )
    deals = dlt.resource(client.paginate("/api/v2/deals", params={"limit": 500}), name="deals", max_table_nesting=0)
    pipeline.run(deals, loader_file_format="jsonl", dataset_name="landed")
    return int(pipeline.last_trace.last_normalize_info.row_counts["deals"])


def _extract(options: argparse.Namespace, how: str, form: str = "jsonl") -> int:
    extra = {"api_token": options.token, "burst_limit": options.burst_limit or 1000}
    with PipedriveClient(settings_from(host=options.url, extra=extra)) as client:
        job = ExtractionJob(["deals"], columns=how, format=form, concurrency=options.concurrency)
        return int(extract(client, Path(options.folder), job)["rows"])


READERS: dict[str, Callable[[argparse.Namespace], int]] = {
    "bare": bare,
    "ours": ours,
    "names": names,
    "csv": names_csv,
    "parquet": names_parquet,
    "http-operator": http_operator,
    "dlt": dlt_pipeline,
}


def main() -> None:
    """Run one reader."""
    parser = argparse.ArgumentParser()
    parser.add_argument("reader", choices=READERS)
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("folder")
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--burst-limit", type=int, default=0)
    options = parser.parse_args()
    share_freed()  # as a run does before it imports pyarrow
    import airflow_provider_pipedrive.extraction.output.parquet  # noqa: F401

    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.perf_counter()
    rows = READERS[options.reader](options)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(json.dumps({"rows": rows, "wall": wall, "cpu": cpu, "mb": (after.ru_maxrss - before.ru_maxrss) / 1024}))


if __name__ == "__main__":
    main()
