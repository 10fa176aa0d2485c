"""A small file that processes of one user on one machine take turns at."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.client.shared_file import SharedFile


def test_what_one_has_put_another_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", str(tmp_path / "shared"))
    first, second = SharedFile("a", "A"), SharedFile("a", "A")
    with first.locked() as file:
        assert file is not None
        first.put(file, b"found")
    with second.locked() as file:
        assert file is not None
        assert second.content(file) == b"found"


def test_where_it_cannot_be_had_it_is_tried_once_and_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", str(tmp_path / "shared"))
    (tmp_path / "shared").write_text("in the way")
    shared = SharedFile("a", "What is shared")
    for _ in range(2):
        with shared.locked() as file:
            assert file is None
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "What is shared is not shared with other processes of this machine"
    ]
