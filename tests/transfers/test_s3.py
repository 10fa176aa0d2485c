"""The same in S3: nothing is renamed or copied, no bucket is made, and what passes is told from what does not."""

from __future__ import annotations

import contextlib
import json
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath
from pytest_mock import MockerFixture
from storage_proxy import REFUSAL, proxy_to

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveStorageError
from airflow_provider_pipedrive.extraction.output import part_uploads
from airflow_provider_pipedrive.extraction.output.publication import Publication
from airflow_provider_pipedrive.extraction.storage.files import below, files
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveFileOperator,
    PipedriveFileToObjectStorageOperator,
    PipedriveToObjectStorageOperator,
)
from tests.extraction.storage.test_refusals import amazon, expired
from tests.support.object_storages import folder_at
from tests.support.s3_server import Storage
from tests.support.s3_server import s3_server as s3_server
from tests.transfers.conftest import attach

DENIED = REFUSAL["s3"](403, "AccessDenied", "User: crm is not authorized to perform: s3:GetObject")


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Storage:
    """A bucket that Airflow's ``s3://`` paths lead to."""
    storage = Storage(s3_server)
    for name, value in (("ACCESS_KEY_ID", "an-id"), ("SECRET_ACCESS_KEY", "a-secret"), ("ENDPOINT_URL_S3", s3_server)):
        monkeypatch.setenv(f"AWS_{name}", value)
    attach("s3", fs=storage.fs).fs = storage.fs  # one that was attached before is kept
    return storage


def extract(path: str, entities: Any = ("stages",), run: str = "monday", **arguments: Any) -> dict[str, Any]:
    task = PipedriveToObjectStorageOperator(task_id="extract", entities=entities, path=path, **arguments)
    return task.execute({"ti": SimpleNamespace(map_index=-1), "run_id": run})


def rows(receipt: dict[str, Any], entity: str = "stages") -> list[dict[str, Any]]:
    """What is in the files that the manifest names."""
    manifest = ObjectStoragePath(receipt["entities"][entity]["manifest"])
    fs = manifest.fs
    parts = json.loads(fs.cat_file(manifest.path))["parts"]
    lines = [line for part in parts for line in fs.cat_file((manifest.parent / part["name"]).path).splitlines()]
    return [json.loads(line) for line in lines]


def test_an_extraction_asks_for_nothing_but_reads_writes_lists_and_deletes(sandbox: Sandbox, s3: Storage) -> None:
    for _ in range(2):
        receipt = extract(f"s3://{s3.bucket}/crm", ["deals", "stages"])
    assert len(rows(receipt)) == len(sandbox.records("stages"))
    asked = {"put_object", "get_object", "head_object", "list_objects_v2", "delete_objects"}
    assert s3.requests.keys() <= asked
    assert 0 < s3.requests["put_object"] < 45


def test_a_run_that_brings_nothing_needs_forty_requests_at_most(sandbox: Sandbox, s3: Storage) -> None:
    crm = ["deals", "persons", "organizations", "activities"]
    extract(f"s3://{s3.bucket}/crm", crm, mode="changes")
    s3.requests.clear()
    receipt = extract(f"s3://{s3.bucket}/crm", crm, run="tuesday", mode="changes")
    assert receipt["rows"] == 0
    assert s3.requests.total() <= 40
    assert s3.requests["list_objects_v2"] <= 2


def test_what_a_listing_before_has_shown_hides_nothing(sandbox: Sandbox, s3: Storage) -> None:
    folder = ObjectStoragePath(f"s3://{s3.bucket}/crm")
    s3.fs.pipe_file(f"{s3.bucket}/crm/a.json", b"{}")
    s3.fs.use_listings_cache = s3.fs.dircache.use_listings_cache = True
    s3.fs.ls(f"{s3.bucket}/crm")
    other = Storage(s3.url).fs
    other.pipe_file(f"{s3.bucket}/crm/b/c.json", b"{}")
    assert [found.name for found in below(folder)] == ["a.json", "b/c.json"]
    other.rm_file(f"{s3.bucket}/crm/a.json")
    assert files(folder) == []


def test_a_bucket_that_is_mistyped_is_a_lasting_error_and_is_not_created(sandbox: Sandbox, s3: Storage) -> None:
    with pytest.raises(AirflowFailException, match="there is no bucket or container 'crn-data'.*or create it"):
        extract("s3://crn-data/pipedrive")
    assert "crn-data" not in s3.buckets
    assert sandbox.requests == []


def test_a_file_transfer_creates_no_bucket_either(sandbox: Sandbox, s3: Storage) -> None:
    file = next(iter(sandbox.records("files")))
    task = PipedriveFileToObjectStorageOperator(task_id="bring", file_id=file, path="s3://crn-data/files")
    with pytest.raises(AirflowFailException, match="there is no bucket or container 'crn-data'"):
        task.execute({"ti": SimpleNamespace(map_index=-1, xcom_push=lambda **given: None), "run_id": "monday"})
    assert "crn-data" not in s3.buckets


@pytest.mark.parametrize("path", ["s3://", "s3:///crm", "s3://connection@", "gs://connection@/crm"])
def test_a_path_without_a_bucket_is_refused_when_the_dag_is_parsed(path: str) -> None:
    with pytest.raises(PipedriveParameterError, match="path must name a bucket"):
        PipedriveToObjectStorageOperator(task_id="extract", entities=["deals"], path=path)


@pytest.mark.parametrize("path", ["s3://bucket/crm?", "s3://bucket/crm?/", "gs://bucket/crm#"])
def test_an_address_whose_end_would_be_lost_is_refused_when_the_dag_is_parsed(path: str) -> None:
    with pytest.raises(PipedriveParameterError, match=r"path: .* ends with '[?#]', which an address loses"):
        PipedriveToObjectStorageOperator(task_id="extract", entities=["deals"], path=path)


@pytest.mark.parametrize("name", ["crm [2026]", "crm*", "crm?x", "[ab]"])
def test_brackets_stars_and_question_marks_are_names_and_meet_no_other_keys(
    sandbox: Sandbox, s3: Storage, name: str
) -> None:
    others = {f"{s3.bucket}/{key}/stages/{part}/a.txt" for key in ("crm 2", "crmx", "a") for part in ("dt", "[dt]*?x")}
    for key in others:
        s3.fs.pipe_file(key, b"somebody else's")
    for _ in range(2):
        receipt = extract(f"s3://{s3.bucket}/{name}", partition="[dt]*?x", keep_previous=0)
    assert len(rows(receipt)) == len(sandbox.records("stages"))
    keys = set(s3.fs.find(s3.bucket))
    assert others <= keys
    assert all(key.startswith(f"{s3.bucket}/{name}/") for key in keys - others)
    assert len([key for key in keys if f"{name}/stages/[dt]*?x/part-" in key]) == 1


@pytest.mark.parametrize("name", ["crm [2026]", "crm*", "crm?"])
def test_the_same_names_are_names_on_a_disk(sandbox: Sandbox, tmp_path: Any, name: str) -> None:
    for _ in range(2):
        extract(str(tmp_path / name), partition="[dt]*?x", keep_previous=0)
    assert len(list((tmp_path / name / "stages" / "[dt]*?x").iterdir())) == 2


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken"])
def test_credentials_that_expire_while_a_run_publishes_are_left_to_airflows_retries(
    sandbox: Sandbox, s3: Storage, mocker: MockerFixture, code: str
) -> None:
    put = s3.fs.pipe_file

    def refused(key: str, content: bytes, **given: Any) -> Any:
        if key.endswith("/stages/_manifest.json"):
            mocker.patch.object(s3.fs, "rm_file", side_effect=expired(code))  # neither can the lease be given back
            raise expired(code)
        return put(key, content, **given)

    mocker.patch.object(s3.fs, "pipe_file", refused)
    with pytest.raises(PipedriveStorageError, match="_manifest.json cannot be written to.*expired") as caught:
        extract(f"s3://{s3.bucket}/crm")
    assert caught.value.retryable
    mocker.stopall()
    before = len(sandbox.requests)
    receipt = extract(f"s3://{s3.bucket}/crm")
    assert len(rows(receipt)) == len(sandbox.records("stages"))
    assert receipt["requests"] <= len(sandbox.requests) - before + 1


def test_a_lack_of_rights_is_a_lasting_error(sandbox: Sandbox, s3: Storage, mocker: MockerFixture) -> None:
    mocker.patch.object(s3.fs, "pipe_file", side_effect=amazon("AccessDenied", 403))
    with pytest.raises(AirflowFailException, match="written to.*AccessDenied.*They need the right s3:PutObject"):
        extract(f"s3://{s3.bucket}/crm")


def test_a_snapshot_that_broke_off_while_it_published_is_not_the_next_nights(
    sandbox: Sandbox, s3: Storage, mocker: MockerFixture
) -> None:
    dying = mocker.patch.object(Publication, "_replace", side_effect=OSError("the storage is out of reach"))
    with contextlib.suppress(OSError):
        extract(f"s3://{s3.bucket}/crm", run="monday")
    mocker.stop(dying)
    sandbox.update("stages", 1, name="Tuesday's name")
    found = rows(extract(f"s3://{s3.bucket}/crm", run="tuesday"))
    assert {row["name"] for row in found if row["id"] == 1} == {"Tuesday's name"}
    assert len([key for key in s3.fs.find(f"{s3.bucket}/crm/stages") if "/part-" in key]) == 1


def test_lineage_names_each_entitys_folder_once_without_the_connection_and_never_an_unfinished_part(
    sandbox: Sandbox, s3: Storage, mocker: MockerFixture
) -> None:
    written: list[str] = []
    collector = SimpleNamespace(
        add_input_asset=lambda **asset: None, add_output_asset=lambda **asset: written.append(asset["uri"])
    )
    own = {"airflow.sdk.io.path": "airflow.sdk.lineage"}.get(ObjectStoragePath.__module__, "airflow.io.path")
    for module in ("airflow.providers.common.compat.lineage.hook", own):  # Airflow's paths tell it, too
        mocker.patch(f"{module}.get_hook_lineage_collector", return_value=collector)
    mocker.patch.object(part_uploads, "HELD_SECONDS", 0.0)
    attach("s3", "crm_storage", fs=s3.fs)
    folder = f"s3://crm_storage@{s3.bucket}/crm"
    sandbox.fault(path="/api/v2/stages", kind="403")
    with pytest.raises(AirflowFailException):
        extract(folder, ["deals", "stages"])
    assert written == []
    extract(folder, ["deals", "stages"], latest=True, part_mb=0)
    assert written == [f"s3://{s3.bucket}/crm/{entity}" for entity in ("deals", "stages")]


def test_a_storage_that_refuses_in_the_middle_of_an_upload_is_told_and_nothing_is_attached(
    sandbox: Sandbox, s3: Storage
) -> None:
    before = len(sandbox.records("files"))
    with proxy_to(s3.url) as proxy:
        fs = folder_at("s3", proxy.url, s3.bucket).fs
        attach("s3", fs=fs).fs = fs
        ObjectStoragePath(f"s3://{s3.bucket}/offer.pdf").write_bytes(bytes(12 * 1024 * 1024))
        proxy.refuses = lambda asked: None if asked.headers.get("range", "bytes=0-").startswith("bytes=0-") else DENIED
        task = ObjectStorageToPipedriveFileOperator(task_id="send", path=f"s3://{s3.bucket}/offer.pdf", deal_id=1)
        with pytest.raises(AirflowFailException, match="offer.pdf cannot be read: .*They need the right s3:GetObject"):
            task.execute({"ti": SimpleNamespace(try_number=1, xcom_push=lambda **given: None)})
        assert len(sandbox.records("files")) == before
        proxy.refuses = lambda asked: None
        file = task.execute({"ti": SimpleNamespace(try_number=1, xcom_push=lambda **given: None)})
    assert sandbox.records("files")[file["id"]]["content"] == bytes(12 * 1024 * 1024)
