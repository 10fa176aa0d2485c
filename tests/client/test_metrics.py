"""What a client counts, seen by somebody who watches it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.metrics import COUNTED
from airflow_provider_pipedrive.errors import PipedriveRejectedRowsError
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool
from airflow_provider_pipedrive.files.listing import files_of
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN
from tests.support.scripted_server import FakeClock


class Watch:
    """Somebody who watches."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def count(self, name: str, number: float = 1) -> None:
        assert name in COUNTED
        self.counts[name] += number  # type: ignore[assignment]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def client(sandbox: Sandbox, watch: Watch) -> Iterator[PipedriveClient]:
    settings = settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    with PipedriveClient(settings, clock=FakeClock(), metrics=watch) as made:
        yield made


def test_a_read_counts_its_request_its_tokens_and_the_records_on_its_pages(
    client: PipedriveClient, watch: Watch
) -> None:
    assert len(client.run("getDeals", {"limit": 20})) == 30
    assert watch.counts == {"requests": 2, "tokens": 20, "records_read": 30}


def test_a_write_counts_when_pipedrive_has_confirmed_it(
    client: PipedriveClient, watch: Watch, sandbox: Sandbox
) -> None:
    client.run("updateDeal", {"id": 1, "title": "Roof"})
    client.run("deleteDeal", {"id": 2})
    assert watch.counts["records_written"] == 2
    sandbox.fault(path="/api/v2/deals/1", kind="403", count=1)
    with pytest.raises(Exception, match="403"):
        client.run("updateDeal", {"id": 1, "title": "Wall"})
    assert (watch.counts["requests"], watch.counts["records_written"]) == (3, 2)


def test_a_full_window_counts_and_so_do_the_seconds_that_are_waited_for_it(
    client: PipedriveClient, watch: Watch, sandbox: Sandbox
) -> None:
    sandbox.fault(path="/api/v2/deals/1", kind="429", count=2)
    began = client._stack.clock.time()
    client.run("getDeal", {"id": 1})
    assert (watch.counts["requests"], watch.counts["rate_limited"]) == (3, 2)
    assert watch.counts["seconds_waited"] == pytest.approx(client._stack.clock.time() - began)


def test_an_extraction_and_a_list_of_files_count_the_records_on_their_pages(
    client: PipedriveClient, watch: Watch
) -> None:
    pool = RequestPool(client, 1, lambda: None)
    pool.read(ENTITIES["deals"], {"limit": 30}, ReadStats())
    pool.close()
    assert watch.counts["records_read"] == 30
    files = list(files_of(client))
    assert watch.counts["records_read"] == 30 + len(files) > 30


def test_rows_that_are_set_aside_count_once_though_the_run_is_tried_again(
    client: PipedriveClient, watch: Watch, tmp_path: Path
) -> None:
    rows = [{"name": "Anna"}, {"name": "Ben", "owner_id": "nobody"}, {"name": "Eve", "owner_id": "nobody"}]
    for _ in range(2):
        with pytest.raises(PipedriveRejectedRowsError):
            write(client, rows, BulkJob("persons", mode="create"), folder=tmp_path)
    assert watch.counts["rows_rejected"] == 2
