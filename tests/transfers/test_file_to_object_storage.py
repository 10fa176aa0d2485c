"""Files out of Pipedrive into folders and object storage."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException, ObjectStoragePath
from airflow.timetables.trigger import CronTriggerTimetable
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import PipedriveConnectionError, PipedriveParameterError, PipedriveServerError
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import PipedriveFileToObjectStorageOperator
from tests.conftest import API_TOKEN, api_token_connection

DAY = {
    "data_interval_start": datetime(2027, 3, 1, tzinfo=UTC),
    "data_interval_end": datetime(2027, 3, 2, tzinfo=UTC),
}


class TaskInstance:
    """Airflow's edge: keeps what is pushed."""

    def __init__(self, map_index: int = -1) -> None:
        self.pushed: dict[str, Any] = {}
        self.map_index = map_index

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def download(path: Any, context: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    """Run the operator as a worker does; its receipt."""
    task = PipedriveFileToObjectStorageOperator(task_id="files", path=path, **arguments)
    given: Any = {"ti": TaskInstance(), "run_id": "manual__2027-03-02T00:00:00+00:00", **(context or {})}
    return task.execute(given)


def upload(sandbox: Sandbox, name: str = "offer.pdf", content: bytes = b"We offer.", **fields: Any) -> dict[str, Any]:
    return sandbox.add_file(name=name, content=content, **{"add_time": "2027-03-01 10:00:00", **fields})


def stored(folder: Path) -> list[str]:
    """The files in a folder, their metadata apart."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and path.suffix != ".json")


def manifest(receipt: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(receipt["manifest"]).read_text(encoding="utf-8").splitlines()]


def downloads(sandbox: Sandbox) -> int:
    return sum(request.path.endswith("/download") for request in sandbox.requests)


# ---- one file, and some


def test_a_file_lands_with_its_metadata_beside_it(sandbox: Sandbox, tmp_path: Path) -> None:
    content = bytes(range(256)) * 5000
    file = upload(sandbox, "Übersicht.pdf", content, deal_id=1)
    receipt = download(str(tmp_path / "new" / "folder"), file_id=str(file["id"]))
    name = f"{file['id']}-Übersicht.pdf"
    assert (tmp_path / "new" / "folder" / name).read_bytes() == content
    about = json.loads((tmp_path / "new" / "folder" / f"{name}.json").read_text(encoding="utf-8"))
    assert (about["id"], about["name"], about["deal_id"]) == (file["id"], "Übersicht.pdf", 1)
    assert about["sha256"] == hashlib.sha256(content).hexdigest()
    assert (receipt["files"], receipt["bytes"], receipt["names"]) == (1, len(content), [name])
    assert receipt["tokens"] == 22
    assert json.loads(json.dumps(receipt)) == receipt


def test_several_files_are_given_by_ids_or_by_metadata_that_is_not_read_again(sandbox: Sandbox, tmp_path: Path) -> None:
    one, two = upload(sandbox, "one.txt"), upload(sandbox, "two.txt")
    metadata = {key: value for key, value in two.items() if key != "content"}
    receipt = download(str(tmp_path), file_id=[one["id"], metadata])
    assert stored(tmp_path) == [f"{one['id']}-one.txt", f"{two['id']}-two.txt"]
    assert receipt["tokens"] == 20 + 20 + 2


def test_no_files_at_all_are_no_fault(sandbox: Sandbox, tmp_path: Path) -> None:
    assert download(str(tmp_path), file_id=[])["files"] == 0
    assert sandbox.requests == []


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"active_flag": False}, "it is deleted in Pipedrive"),
        ({"remote_location": "googledocs"}, "it is kept at googledocs, and Pipedrive has its address but no bytes"),
        ({"content": b"x" * 1001}, r"it has more than max_bytes \(1000\)"),
        ({"content": b"x" * 1001, "file_size": 5}, r"it has more than max_bytes \(1000\)"),
    ],
)
def test_a_single_file_that_cannot_be_brought_fails_the_task_and_leaves_nothing(
    sandbox: Sandbox, tmp_path: Path, fields: dict[str, Any], why: str
) -> None:
    file = upload(sandbox, **fields)
    with pytest.raises(AirflowFailException, match=rf"Not brought: file {file['id']} \('offer.pdf'\): {why}"):
        download(str(tmp_path), file_id=file["id"], max_bytes=1000)
    assert list(tmp_path.iterdir()) == []


def test_of_several_files_those_that_cannot_be_brought_are_skipped_and_told(sandbox: Sandbox, tmp_path: Path) -> None:
    good, gone = upload(sandbox), upload(sandbox, active_flag=False)
    linked = upload(sandbox, "plan", remote_location="googledocs")
    receipt = download(str(tmp_path), file_id=[gone["id"], good["id"], linked["id"]])
    assert receipt["skipped"] == {"deleted": 1, "kept elsewhere": 1}
    assert [(line["id"], line["outcome"], line.get("reason")) for line in manifest(receipt)] == [
        (gone["id"], "skipped", "deleted"),
        (good["id"], "landed", None),
        (linked["id"], "skipped", "kept elsewhere"),
    ]


def test_a_file_that_is_not_there_fails_the_task_at_once(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match="PipedriveNotFoundError: getFile"):
        download(str(tmp_path), file_id=999_999)


def test_what_comes_with_mails_is_brought_when_asked_for_by_id(sandbox: Sandbox, tmp_path: Path) -> None:
    file = upload(sandbox, inline_flag=True, mail_message_id="5")
    assert download(str(tmp_path), file_id=file["id"])["files"] == 1


# ---- new files


def test_another_accounts_file_under_the_same_name_is_not_replaced(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = upload(sandbox, "offer.pdf", b"We offer.")["id"]
    download(str(tmp_path), file_id=number)
    with Sandbox(deals=20, seed=5, api_token=API_TOKEN) as other:
        monkeypatch.setenv("AIRFLOW_CONN_OTHER", api_token_connection(other))
        while (theirs := upload(other, "offer.pdf", b"They offer.", add_time="2027-02-03 10:00:00"))["id"] < number:
            pass
        with pytest.raises(AirflowFailException, match="another account's files. Give each account a folder"):
            download(str(tmp_path), pipedrive_conn_id="other", file_id=theirs["id"])
    assert theirs["id"] == number
    assert (tmp_path / f"{number}-offer.pdf").read_bytes() == b"We offer."


def test_new_files_are_those_of_the_runs_data_interval(sandbox: Sandbox, tmp_path: Path) -> None:
    upload(sandbox, "day before.pdf", add_time="2027-02-28 23:58:59")
    within = upload(sandbox, "within.pdf")
    upload(sandbox, "day after.pdf", add_time="2027-03-02 00:00:00")
    receipt = download(str(tmp_path), DAY)
    assert stored(tmp_path) == [f"{within['id']}-within.pdf"]
    assert (receipt["since"], receipt["until"]) == ("2027-03-01T00:00:00+00:00", "2027-03-02T00:00:00+00:00")
    assert receipt["tokens"] == 20 + 20


@pytest.mark.parametrize(
    "since",
    [
        "2027-03-01",
        "2027-03-01T00:00:00Z",
        "2027-03-01 00:00:00",
        "2027-03-01T02:00:00+02:00",
        DAY["data_interval_start"],
    ],
)
def test_since_stands_in_for_the_data_interval_and_reaches_until_now(
    sandbox: Sandbox, tmp_path: Path, since: Any
) -> None:
    upload(sandbox, "older.pdf", add_time="2027-02-28 10:00:00")
    first, second = upload(sandbox, "a.pdf"), upload(sandbox, "b.pdf", add_time="2027-03-02 10:00:00")
    assert download(str(tmp_path), DAY, since=since)["files"] == 2
    assert stored(tmp_path) == [f"{first['id']}-a.pdf", f"{second['id']}-b.pdf"]


def test_a_window_can_be_given_as_templates(sandbox: Sandbox, tmp_path: Path) -> None:
    upload(sandbox)
    task = PipedriveFileToObjectStorageOperator(
        task_id="files", path="{{ folder }}", since="{{ day }}", until="{{ next_day }}", after_id="{{ nothing }}"
    )
    days = {"day": "2027-03-01", "next_day": "2027-03-02", "nothing": "", "folder": str(tmp_path)}
    task.render_template_fields(days)  # type: ignore[arg-type]
    context: Any = {"ti": TaskInstance(), "run_id": "x"}
    assert task.execute(context)["files"] == 1


def test_files_after_an_id_are_new_and_the_receipt_has_the_id_to_go_on_from(sandbox: Sandbox, tmp_path: Path) -> None:
    first, second = upload(sandbox, "a.pdf"), upload(sandbox, "b.pdf")
    receipt = download(str(tmp_path), after_id=first["id"])
    assert stored(tmp_path) == [f"{second['id']}-b.pdf"]
    assert receipt["last_id"] == second["id"]
    assert download(str(tmp_path), after_id=receipt["last_id"])["last_id"] is None


@pytest.mark.parametrize(
    "interval", [{}, dict.fromkeys(DAY), {**DAY, "data_interval_end": DAY["data_interval_start"]}], ids=str
)
def test_a_run_without_a_data_interval_must_be_told_what_is_new(
    sandbox: Sandbox, tmp_path: Path, interval: dict[str, Any]
) -> None:
    with pytest.raises(AirflowFailException, match=r"no data interval.*give since.*or after_id \(0 for all files\)"):
        download(str(tmp_path), interval)
    assert sandbox.requests == []


def test_an_until_before_since_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(AirflowFailException, match=r"until .* must be later than since"):
        download(str(tmp_path), since="2027-03-02", until="2027-03-01")
    assert sandbox.requests == []


def test_new_files_of_one_deal_are_read_from_its_own_list_and_the_task_links_to_it(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    mine = upload(sandbox, "mine.pdf", deal_id=2)
    upload(sandbox, "others.pdf", deal_id=3)
    instance = TaskInstance()
    download(str(tmp_path), {**DAY, "ti": instance}, deal_id="2")
    assert stored(tmp_path) == [f"{mine['id']}-mine.pdf"]
    assert sandbox.requests[0].path == "/v1/deals/2/files"
    assert instance.pushed == {"pipedrive_record_url": f"{sandbox.url}/deal/2"}


def test_pictures_in_mails_attachments_and_other_names_are_left_out_and_counted(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    upload(sandbox, "logo.png", inline_flag=True, mail_message_id="5")
    upload(sandbox, "terms.pdf", mail_message_id="5")
    upload(sandbox, "notes.txt")
    upload(sandbox, "offer.PDF")
    patterns = ["*.pdf", "*.png"]
    receipt = download(str(tmp_path / "few"), DAY, names=patterns)
    assert receipt["files"] == 1
    assert receipt["skipped"] == {"inline image": 1, "mail attachment": 1, "other name": 1}
    receipt = download(str(tmp_path / "all"), DAY, names=patterns, inline_images=True, mail_attachments=True)
    assert (receipt["files"], receipt["skipped"]) == (3, {"other name": 1})


def test_a_file_that_is_deleted_between_list_and_download_is_skipped(sandbox: Sandbox, tmp_path: Path) -> None:
    listed = {key: value for key, value in upload(sandbox).items() if key != "content"}
    sandbox.delete("files", listed["id"])
    assert download(str(tmp_path), file_id=[listed])["skipped"] == {"deleted": 1}
    assert stored(tmp_path) == []


def test_a_receipt_stays_small_however_many_files_there_are(sandbox: Sandbox, tmp_path: Path) -> None:
    for number in range(130):
        upload(sandbox, f"{number}.txt")
    receipt = download(str(tmp_path), DAY)
    assert (receipt["files"], len(receipt["names"]), len(manifest(receipt))) == (130, 20, 130)
    assert receipt["tokens"] == 2 * 20 + 130 * 20


# ---- where they land


def test_what_lies_there_unchanged_is_not_fetched_again(sandbox: Sandbox, tmp_path: Path) -> None:
    file = upload(sandbox)
    assert download(str(tmp_path), DAY)["files"] == 1
    again = download(str(tmp_path), DAY)
    assert (again["files"], again["already_there"], again["names"]) == (0, 1, [f"{file['id']}-offer.pdf"])
    assert [line["outcome"] for line in manifest(again)] == ["already there"]
    assert downloads(sandbox) == 1


@pytest.mark.parametrize("harm", ["changed", "cut", "gone", "no metadata", "broken metadata"])
def test_what_has_changed_here_or_in_pipedrive_is_fetched_again(sandbox: Sandbox, tmp_path: Path, harm: str) -> None:
    file = upload(sandbox)
    download(str(tmp_path), DAY)
    target = tmp_path / f"{file['id']}-offer.pdf"
    metadata = target.with_name(f"{target.name}.json")
    if harm == "changed":
        sandbox.update("files", file["id"], description="signed", update_time="2027-03-01 11:00:00")
    elif harm == "cut":
        target.write_bytes(b"We")
    elif harm == "gone":
        target.unlink()
    elif harm == "no metadata":
        metadata.unlink()
    else:
        metadata.write_text("{")
    assert download(str(tmp_path), DAY)["files"] == 1
    assert target.read_bytes() == b"We offer."


@pytest.mark.parametrize("name", ["../../outside.txt", "/etc/outside.txt", "..", "NUL", "a\x00b\n.txt", "x" * 400])
def test_no_name_leads_out_of_the_folder(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    upload(sandbox, name)
    folder = tmp_path / "deep" / "folder"
    receipt = download(str(folder), DAY)
    assert receipt["files"] == 1
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file() and path.parent != folder) == [
        Path(receipt["manifest"]).name
    ]
    assert (folder / receipt["names"][0]).read_bytes() == b"We offer."


def test_files_go_to_object_storage(sandbox: Sandbox, bucket: str) -> None:
    content = b"x" * 3_000_000
    file = upload(sandbox, content=content)
    receipt = download(f"{bucket}/files", DAY)
    folder = ObjectStoragePath(f"{bucket}/files")
    name = f"{file['id']}-offer.pdf"
    assert (folder / name).read_bytes() == content
    assert json.loads((folder / f"{name}.json").read_text())["stored_bytes"] == len(content)
    assert ObjectStoragePath(receipt["manifest"]).read_text().count("\n") == 1
    assert download(f"{bucket}/files", DAY)["already_there"] == 1


def test_a_broken_download_leaves_no_object(sandbox: Sandbox, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    file = upload(sandbox, content=b"x" * 3_000_000)
    sandbox.fault(path=f"/v1/files/{file['id']}/download", kind="truncate", count=1)
    with pytest.raises(PipedriveConnectionError):
        download(f"{bucket}/files", DAY)
    assert list(ObjectStoragePath(bucket).rglob("*offer*")) == []


def test_a_file_url_is_a_local_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    upload(sandbox)
    assert download(f"file://{tmp_path}/my%20files", DAY)["path"] == str(tmp_path / "my files")


def test_a_storage_without_its_airflow_provider_says_what_to_install(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match="path: nowhere:// cannot be used here"):
        download("nowhere://bucket", DAY)
    assert sandbox.requests == []


def test_a_broken_download_leaves_nothing_and_the_next_try_goes_on(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    older, newer = upload(sandbox, "older.txt"), upload(sandbox, "newer.txt")
    sandbox.fault(path=f"/v1/files/{older['id']}/download", kind="503", count=1)
    with pytest.raises(PipedriveServerError):
        download(str(tmp_path), DAY)
    assert stored(tmp_path) == [f"{newer['id']}-newer.txt"]
    receipt = download(str(tmp_path), DAY)
    assert (receipt["files"], receipt["already_there"]) == (1, 1)


def test_the_list_of_a_run_that_is_repeated_names_what_the_run_has_landed_at_any_try(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    first, second = upload(sandbox, "first.txt"), upload(sandbox, "second.txt")

    def run(name: str) -> dict[int, tuple[str, bool]]:
        lines = manifest(download(str(tmp_path), {**DAY, "run_id": name}))
        return {line["id"]: (line["outcome"], line["by_this_run"]) for line in lines}

    sandbox.fault(path=f"/v1/files/{first['id']}/download", kind="503", count=1)
    with pytest.raises(PipedriveServerError):
        run("monday")
    assert run("monday") == {second["id"]: ("already there", True), first["id"]: ("landed", True)}
    assert run("monday") == {second["id"]: ("already there", True), first["id"]: ("already there", True)}
    assert run("tuesday") == {second["id"]: ("already there", False), first["id"]: ("already there", False)}
    assert downloads(sandbox) == 3


def test_a_backfill_over_a_plain_cron_schedule_brings_the_files_of_each_day(sandbox: Sandbox, tmp_path: Path) -> None:
    days = [datetime(2027, 3, day, tzinfo=UTC) for day in (1, 2, 3)]
    files = {day: upload(sandbox, f"{day:%d}.txt", add_time=f"{day:%Y-%m-%d} 10:00:00") for day in days}
    schedule = CronTriggerTimetable("0 0 * * *", timezone="UTC")
    dag = DAG("documents", schedule=schedule, start_date=days[0])
    for day in days:
        tick = day + timedelta(days=1)
        dag_run = SimpleNamespace(run_type="backfill", logical_date=tick)
        receipt = download(str(tmp_path / f"{day:%d}"), {"dag": dag, "dag_run": dag_run, "logical_date": tick})
        assert receipt["names"] == [f"{files[day]['id']}-{day:%d}.txt"]
        assert (receipt["since"], receipt["until"]) == (day.isoformat(), tick.isoformat())


def test_a_full_disk_is_told_as_it_is_and_leaves_nothing_unfinished(
    sandbox: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    upload(sandbox)

    def no_space(self: Path, target: Any) -> None:
        raise OSError(28, "No space left on device")

    mocker.patch.object(Path, "replace", no_space)
    with pytest.raises(OSError, match="No space left"):
        download(str(tmp_path), DAY)
    assert list(tmp_path.iterdir()) == []


def test_mapped_tasks_and_runs_have_manifests_of_their_own(sandbox: Sandbox, tmp_path: Path) -> None:
    names = {
        Path(download(str(tmp_path), {"ti": TaskInstance(index), "run_id": run, **DAY})["manifest"]).name
        for index in (0, 1)
        for run in ("scheduled__2027-03-01T00:00:00+00:00", "scheduled__2027-03-02T00:00:00+00:00")
    }
    assert len(names) == 4
    assert all(":" not in name and "+" not in name for name in names)


def test_lineage_tells_the_files_of_the_account_and_the_folder(
    sandbox: Sandbox, tmp_path: Path, mocker: MockerFixture
) -> None:
    told: list[str] = []

    class Collector:
        def add_input_asset(self, context: Any, uri: str) -> None:
            told.append(uri)

        add_output_asset = add_input_asset

    mocker.patch("airflow.providers.common.compat.lineage.hook.get_hook_lineage_collector", Collector)
    download(str(tmp_path), DAY)
    assert told == ["pipedrive://127.0.0.1/files", tmp_path.as_uri()]


# ---- wrong arguments


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"path": ""}, "path is empty"),
        ({"path": 5}, "path must be a path, local or in object storage, not 5"),
        ({"file_id": "five"}, "file_id must be a whole number from 1 on, not 'five'"),
        ({"file_id": 0}, "file_id must be a whole number from 1 on, not 0"),
        ({"file_id": [1, True]}, "file_id must be a whole number from 1 on, not True"),
        ({"file_id": [{"name": "x"}]}, "file_id must be a whole number from 1 on, not None"),
        ({"file_id": 1, "deal_id": 2, "since": "2027-03-01"}, "file_id says which files: leave out deal_id, since"),
        ({"file_id": "{{ x }}", "names": ["*.pdf"]}, "file_id says which files: leave out names"),
        ({"deal_id": 1, "person_id": 2}, "Give one of deal_id, person_id"),
        ({"deal_id": "1a"}, "deal_id must be a whole number, not '1a'"),
        ({"lead_id": 5}, "lead_id must be a lead's id, such as adf21080"),
        ({"since": "yesterday"}, "since must be a time with a zone, such as 2026-01-31T12:00:00Z"),
        ({"since": "2027-03-01T00:00:00"}, "since must be a time with a zone"),
        ({"since": datetime(2027, 3, 1)}, "since must be a time with a zone"),
        ({"until": 5}, "until must be a time with a zone"),
        ({"after_id": -1}, "after_id must be a whole number from 0 on, not -1"),
        ({"after_id": 5, "since": "2027-03-01"}, "either after_id, or since and until"),
        ({"names": ["*.pdf", 5]}, r"names must be a text such as '\*.pdf', .*, not \['\*.pdf', 5\]"),
        ({"max_bytes": "1 GB"}, "max_bytes must be a whole number from 1 on, not '1 GB'"),
    ],
)
def test_what_is_wrong_is_found_when_the_dag_is_parsed(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveFileToObjectStorageOperator(task_id="files", **{"path": "files", **arguments})


def test_what_is_known_only_at_run_time_is_let_through_and_checked_then(sandbox: Sandbox, tmp_path: Path) -> None:
    task = PipedriveFileToObjectStorageOperator(task_id="files", path=str(tmp_path), file_id="{{ file }}")
    task.render_template_fields({"file": "five"})  # type: ignore[arg-type]
    context: Any = {"ti": TaskInstance()}
    with pytest.raises(AirflowFailException, match="file_id must be a whole number"):
        task.execute(context)


def test_a_sensors_or_another_tasks_result_can_say_which_files() -> None:
    with DAG("dag", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None):
        first = PipedriveFileToObjectStorageOperator(task_id="first", path="files")
        second = PipedriveFileToObjectStorageOperator(task_id="second", path="files", file_id=first.output)
        PipedriveFileToObjectStorageOperator.partial(task_id="mapped", path="files").expand(file_id=[1, 2])
    assert second.upstream_task_ids == {"first"}


@pytest.mark.parametrize("name", ["PipedriveFileToObjectStorageOperator", "ObjectStorageToPipedriveFileOperator"])
def test_declaring_the_operator_loads_nothing_heavy(name: str) -> None:
    arguments = "task_id='t', path='p', deal_id=1"
    code = (
        "import sys, airflow.providers.common.compat.sdk; before = set(sys.modules);"
        f"from airflow_provider_pipedrive.transfers import {name}; {name}({arguments});"
        "print(*sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {"requests", "urllib3", "msgspec", "pyarrow"} == set()
