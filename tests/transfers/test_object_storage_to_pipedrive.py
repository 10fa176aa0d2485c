"""Rows of files into Pipedrive, as a task runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, ObjectStoragePath

from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.transfers import ObjectStorageToPipedriveOperator
from tests.support.bulk_tasks import names, run


@pytest.mark.parametrize("name", ["people.csv", "people.jsonl", "people.parquet"])
def test_files_of_every_format_are_written(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    if name.endswith("csv"):
        file.write_text("\ufeffmail,full name,label\r\nanna@example.com,Anna Müller,\r\n", encoding="utf-8")
    elif name.endswith("jsonl"):
        file.write_text('{"mail": "anna@example.com", "full name": "Anna Müller"}\n', encoding="utf-8")
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.table({"mail": ["anna@example.com"], "full name": ["Anna Müller"]}), file)

    receipt = run(
        ObjectStorageToPipedriveOperator(
            task_id="write",
            path=str(file),
            entity="persons",
            mapping={"mail": "email", "full name": "name"},
            folder=tmp_path / "run",
        )
    )

    assert receipt["created"] == 1
    assert "Anna Müller" in names(sandbox)


def test_all_files_of_a_pattern_are_read_as_one(sandbox: Sandbox, bucket: str, tmp_path: Path) -> None:
    for number, (mail, name) in enumerate([("a@example.com", "Ada"), ("b@example.com", "Bo")]):
        ObjectStoragePath(f"{bucket}/drop/{number}.csv").write_text(f"email,name\n{mail},{name}\n")

    receipt = run(
        ObjectStorageToPipedriveOperator(
            task_id="write", path=f"{bucket}/drop/*.csv", entity="persons", folder=tmp_path / "run"
        )
    )

    assert receipt["created"] == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("email,name\na@example.com\n", "line 2 has fewer cells than the header"),
        ("email,name\na@example.com,A,B\n", "line 2 has more cells than the header"),
    ],
)
def test_a_broken_table_ends_the_task_before_anything_is_written(
    sandbox: Sandbox, tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "people.csv").write_text(text)
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(tmp_path / "people.csv"), entity="persons", folder=tmp_path / "run"
    )

    with pytest.raises(AirflowFailException, match=words):
        run(task)
    assert all(entry.method == "GET" for entry in sandbox.requests)


def test_rows_are_read_only_from_where_the_configuration_allows(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere.csv").write_text("email,name\na@example.com,A\n")
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__ALLOWED_PATHS", str(tmp_path / "drop"))
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(tmp_path / "elsewhere.csv"), entity="persons", folder=tmp_path / "run"
    )

    with pytest.raises(AirflowFailException, match="is outside of the folders that"):
        run(task)


@pytest.mark.parametrize("path", ["nowhere.csv", "folder.csv"])
def test_rows_in_a_file_that_is_not_there_are_refused_by_its_name(path: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    task = ObjectStorageToPipedriveOperator(
        task_id="write", path=str(tmp_path / path), entity="persons", folder=tmp_path / "run"
    )
    with pytest.raises(AirflowFailException, match=f"{tmp_path / path} is not a file with rows: "):
        run(task)
