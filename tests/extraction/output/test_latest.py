"""Who can only read by a pattern finds a file of an unchanging name, whole, with one state of the data."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.output import latest
from airflow_provider_pipedrive.extraction.output.latest import keep_latest
from airflow_provider_pipedrive.extraction.storage.files import below, read, write, write_json
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.object_storages import KINDS, folder_in
from tests.support.s3_server import s3 as s3
from tests.support.s3_server import s3_server as s3_server


def unique(rows: Iterable[tuple[int, str]]) -> dict[int, str]:
    """The names by their ids, each of which is there once."""
    found = list(rows)
    assert len(found) == len(dict(found))
    return dict(found)


def with_duckdb(pattern: str) -> dict[int, str]:
    duckdb = pytest.importorskip("duckdb")
    return unique(duckdb.sql(f"SELECT id, name FROM read_parquet('{pattern}')").fetchall())


def with_polars(pattern: str) -> dict[int, str]:
    polars = pytest.importorskip("polars")
    return unique(polars.read_parquet(pattern, columns=["id", "name"]).rows())


def with_pyarrow(pattern: str) -> dict[int, str]:
    dataset = pytest.importorskip("pyarrow.dataset")
    table = dataset.dataset(str(Path(pattern).parent), format="parquet").to_table(["id", "name"])
    return unique(zip(table["id"].to_pylist(), table["name"].to_pylist(), strict=True))


def with_pandas(pattern: str) -> dict[int, str]:
    pandas = pytest.importorskip("pandas")
    frame = pandas.read_parquet(Path(pattern).parent, columns=["id", "name"])
    return unique(zip(frame["id"], frame["name"], strict=True))


@pytest.mark.parametrize("engine", [with_duckdb, with_polars, with_pyarrow, with_pandas])
def test_a_pattern_finds_the_rows_of_the_last_snapshot_once(
    company: Sandbox, client: PipedriveClient, tmp_path: Path, engine: Callable[[str], dict[int, str]]
) -> None:
    for name in ("before", "after"):
        company.update("stages", 1, name=name)
        extract(client, tmp_path, ExtractionJob(["stages"], format="parquet", part_mb=0, latest=True))
    found = engine(f"{tmp_path}/stages/latest/*.parquet")
    assert found == {record["id"]: record["name"] for record in client.iterate("getStages")}
    assert found[1] == "after"


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_has_one_name_and_the_bytes_that_the_manifest_names(
    company: Sandbox, client: PipedriveClient, request: pytest.FixtureRequest, kind: str
) -> None:
    folder = folder_in(kind, request)
    for format_ in ("csv", "jsonl"):
        extract(client, folder, ExtractionJob(["stages"], format=format_, latest=True))
        manifest = json.loads(read(folder / "stages" / "_manifest.json"))
        (part,) = manifest["parts"]
        assert [found.name for found in below(folder / "stages" / "latest")] == [f"stages.{format_}"]
        assert read(folder / "stages" / "latest" / f"stages.{format_}") == read(folder / "stages" / part["name"])


def test_on_a_disk_it_takes_no_room_and_outlives_the_file_it_was(client: PipedriveClient, tmp_path: Path) -> None:
    job = ExtractionJob(["stages"], latest=True, keep_previous=0)
    receipts = [extract(client, tmp_path, job) for _ in range(2)]
    (part,) = (tmp_path / "stages").glob("part-*")
    assert part.samefile(tmp_path / "stages" / "latest" / "stages.jsonl")
    assert len(part.read_bytes().splitlines()) == receipts[1]["rows"]


def test_who_reads_it_all_the_while_never_finds_it_missing_torn_or_of_two_states(
    company: Sandbox, client: PipedriveClient, tmp_path: Path
) -> None:
    states: set[frozenset[str]] = set()
    ended = threading.Event()
    job = ExtractionJob(["stages"], latest=True, keep_previous=0)

    def snapshot(name: str) -> None:
        for stage in (1, 2):
            company.update("stages", stage, name=name)
        extract(client, tmp_path, job)

    def reads() -> None:
        while not ended.is_set():
            rows = [json.loads(line) for path in (tmp_path / "stages/latest").glob("*.jsonl") for line in path.open()]
            states.add(frozenset(row["name"] for row in rows if row["id"] in (1, 2)) or frozenset({"none"}))

    snapshot("first")
    reader = threading.Thread(target=reads)
    reader.start()
    for number in range(5):
        snapshot(f"state {number}")
    ended.set()
    reader.join()
    assert all(len(state) == 1 for state in states)
    assert frozenset({"none"}) not in states
    assert len(states) > 1


@pytest.fixture
def two_publications(tmp_path: Path) -> Callable[[str], None]:
    def publish(name: str) -> None:
        write(tmp_path / f"part-{name}.jsonl", name.encode())
        write_json(tmp_path / "_manifest.json", {"publication": name, "parts": [{"name": f"part-{name}.jsonl"}]})

    publish("monday")
    return publish


def test_of_two_runs_that_publish_at_once_the_later_one_is_what_stays(
    tmp_path: Path, mocker: MockerFixture, two_publications: Callable[[str], None]
) -> None:
    copied: list[str] = []

    def copy(source: Path, target: Path) -> None:
        copied.append(source.name)
        if len(copied) == 1:
            two_publications("tuesday")  # its file is there, and this one's copy comes after it
        real(source, target)

    real = latest.copy
    mocker.patch.object(latest, "copy", copy)
    keep_latest(tmp_path, "deals")
    assert copied == ["part-monday.jsonl", "part-tuesday.jsonl"]
    assert (tmp_path / "latest" / "deals.jsonl").read_text() == "tuesday"


def test_a_list_that_is_empty_has_no_file(tmp_path: Path, two_publications: Callable[[str], None]) -> None:
    keep_latest(tmp_path, "deals")
    write_json(tmp_path / "_manifest.json", {"publication": "tuesday", "parts": []})
    keep_latest(tmp_path, "deals")
    assert list((tmp_path / "latest").iterdir()) == []


def test_changes_have_no_latest_state() -> None:
    with pytest.raises(PipedriveParameterError, match="latest is for snapshots"):
        ExtractionJob(["deals"], mode="changes", latest=True)
