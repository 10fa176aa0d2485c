"""Which files of the worker's a task may upload and overwrite."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.allowed_paths import allowed
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.sandbox import Sandbox

OUTSIDE = "is outside of the folders that .pipedrive. allowed_paths"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is allowed, next to one that is not; each with a file, and links from here to there."""
    for name in ("crm", "crm-private"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file.txt").write_bytes(name.encode())
    (tmp_path / "crm" / "link.txt").symlink_to(tmp_path / "crm-private" / "file.txt")
    (tmp_path / "crm" / "folder").symlink_to(tmp_path / "crm-private")
    (tmp_path / "crm" / "offer.txt").symlink_to(tmp_path / "crm" / "file.txt")
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__ALLOWED_PATHS", f"{tmp_path / 'crm'}, s3://store@bucket/crm/")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "crm"


REFUSED = [
    "{root}-private/file.txt",
    "{root}/../crm-private/file.txt",
    "{root}/link.txt",
    "{root}/folder/file.txt",
    "{root}/folder/../file.txt",
    "crm-private/file.txt",
    "file://{root}/file.txt",
    "FILE://{root}/file.txt",
    "local://{root}/file.txt",
    "simplecache::file://{root}/file.txt",
    "s3://store@bucket/crm/x::file://{root}/file.txt",
    "s3://store@bucket/other/file.txt",
    "s3://store@bucket/crm-private/file.txt",
    "s3://store@bucket/crm/../other/file.txt",
    "s3://store@other/crm/file.txt",
    "s3://bucket/crm/file.txt",
    "s3://another@bucket/crm/file.txt",
    "gs://store@bucket/crm/file.txt",
    "{root}/file\0.txt",
    "",
]


@pytest.mark.parametrize("text", REFUSED)
def test_an_upload_or_download_outside_is_refused_before_anything_is_sent(
    text: str, root: Path, sandbox: Sandbox
) -> None:
    hook, path = PipedriveHook(), text.format(root=root)
    with pytest.raises(PipedriveParameterError, match=OUTSIDE):
        hook.run("addFile", {"file": path, "deal_id": 1})
    with pytest.raises(PipedriveParameterError, match=OUTSIDE):
        hook.run("addFile", {"file": ("offer.pdf", path), "deal_id": 1})
    with pytest.raises(PipedriveParameterError, match=OUTSIDE):
        hook.run("uploadProductImage", {"id": 1, "data": path})
    with pytest.raises(PipedriveParameterError, match=OUTSIDE):
        hook.run("addPersonPicture", {"id": 1, "file": path})
    for given in ({"id": 1}, {"id": 1, "save_to": path}):
        with pytest.raises(PipedriveParameterError, match=OUTSIDE):
            hook.run("downloadFile", given, save_to=None if "save_to" in given else path)
    assert sandbox.requests == []
    assert (root.parent / "crm-private" / "file.txt").read_bytes() == b"crm-private"


@pytest.mark.parametrize("text", ["{root}/file.txt", "crm/file.txt", "{root}/../crm/file.txt", "{root}/offer.txt"])
def test_what_is_inside_is_uploaded_under_its_own_name(text: str, root: Path, sandbox: Sandbox) -> None:
    file = PipedriveHook().run("addFile", {"file": text.format(root=root), "deal_id": 1})
    assert (file["name"], file["file_size"]) == (Path(text).name, len(b"crm"))


@pytest.mark.parametrize("form", [str, Path])
def test_a_download_inside_is_written(form: Any, root: Path, sandbox: Sandbox) -> None:
    uploaded = sandbox.add_file(content=b"an offer", deal_id=1)
    target = form(root / "new.txt")
    assert PipedriveHook().run("downloadFile", {"id": uploaded["id"]}, save_to=target) == target
    assert (root / "new.txt").read_bytes() == b"an offer"


@pytest.mark.usefixtures("root")
def test_bytes_and_open_files_are_no_paths(sandbox: Sandbox) -> None:
    hook, uploaded = PipedriveHook(), sandbox.add_file(content=b"an offer", deal_id=1)
    assert hook.run("addFile", {"file": b"content", "deal_id": 1})["file_size"] == 7
    assert hook.run("addFile", {"file": ("a.txt", io.BytesIO(b"content")), "deal_id": 1})["name"] == "a.txt"
    sink = io.BytesIO()
    hook.run("downloadFile", {"id": uploaded["id"]}, save_to=sink)
    assert sink.getvalue() == b"an offer"


@pytest.mark.usefixtures("root")
def test_object_storage_is_allowed_by_connection_bucket_and_folder() -> None:
    for text in ("s3://store@bucket/crm/file.txt", "s3://store@bucket/crm/deep/er/file.txt"):
        assert allowed("file", text) == text


def test_a_whole_bucket_may_be_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__ALLOWED_PATHS", "s3://store@bucket")
    assert allowed("file", "s3://store@bucket/any/file.txt") == "s3://store@bucket/any/file.txt"
    with pytest.raises(PipedriveParameterError, match=OUTSIDE):
        allowed("file", "s3://store@bucket2/any/file.txt")


def test_without_the_setting_every_path_is_taken(tmp_path: Path, sandbox: Sandbox) -> None:
    (tmp_path / "any.txt").write_bytes(b"any")
    assert PipedriveHook().run("addFile", {"file": str(tmp_path / "any.txt"), "deal_id": 1})["name"] == "any.txt"


def test_a_root_that_is_relative_is_no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__ALLOWED_PATHS", "data/crm")
    with pytest.raises(PipedriveParameterError, match="'data/crm' is not a valid root. Accepted are absolute folders"):
        allowed("save_to", "/data/crm/x")


# ---- save_to among parameters


class TaskInstance:
    def xcom_push(self, key: str, value: Any) -> None:
        """Airflow's edge."""


def test_parameters_that_are_a_template_as_a_whole_say_nothing_of_where_a_file_is_written(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    arguments: Any = {"task_id": "task", "action": "downloadFile", "parameters": "{{ params.save_to_and_id }}"}
    with pytest.raises(PipedriveParameterError, match="give save_to"):
        PipedriveOperator(**arguments)
    task = PipedriveOperator(**arguments, save_to=str(tmp_path / "own.txt"))
    task.parameters = {"id": 1, "save_to": str(tmp_path / "file.txt")}  # what Airflow renders it to
    with pytest.raises(AirflowFailException, match="Give save_to as the operator's own argument"):
        task.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert sandbox.requests == []


def test_an_author_may_name_save_to_among_the_parameters(tmp_path: Path, sandbox: Sandbox) -> None:
    uploaded = sandbox.add_file(content=b"an offer", deal_id=1)
    given = {"id": uploaded["id"], "save_to": str(tmp_path / "file.txt")}
    task = PipedriveOperator(task_id="task", action="downloadFile", parameters=given)
    assert task.execute({"ti": TaskInstance()}) == given["save_to"]  # type: ignore[typeddict-item]


def test_with_the_operators_own_save_to_parameters_may_be_a_template(tmp_path: Path, sandbox: Sandbox) -> None:
    uploaded = sandbox.add_file(content=b"an offer", deal_id=1)
    target = str(tmp_path / "file.txt")
    task = PipedriveOperator(
        task_id="task",
        action="downloadFile",
        parameters="{{ params.all }}",  # type: ignore[arg-type]
        save_to=target,
    )
    task.parameters = {"id": uploaded["id"]}
    assert task.execute({"ti": TaskInstance()}) == target  # type: ignore[typeddict-item]
