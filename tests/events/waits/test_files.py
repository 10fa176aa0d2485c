"""Waits for files, judged on literal data."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.events.waits.files import FilesWait

SINCE = datetime(2026, 5, 4, 12, 0, 0, tzinfo=UTC)
FILE = {
    "id": 70,
    "name": "Contract signed.PDF",
    "file_type": "pdf",
    "file_size": 2000,
    "user_id": 2,
    "deal_id": 5,
    "add_time": "2026-05-04 12:05:00",
    "active_flag": True,
    "inline_flag": False,
    "mail_message_id": None,
}


@pytest.mark.parametrize(
    ("spec", "fits"),
    [
        (FilesWait(), True),
        (FilesWait(link="deal_id", record_id=5), True),
        (FilesWait(link="deal_id", record_id=6), False),
        (FilesWait(link="lead_id", record_id="5"), False),
        (FilesWait(after_id=69), True),
        (FilesWait(after_id=70), False),
        (FilesWait(names=("*.docx", "*signed.pdf")), True),
        (FilesWait(names=("signed*",)), False),
        (FilesWait(types=("pdf",)), True),
        (FilesWait(types=("docx",)), False),
        (FilesWait(min_size=2000, max_size=2000), True),
        (FilesWait(min_size=2001), False),
        (FilesWait(max_size=1999), False),
        (FilesWait(uploader_id=2), True),
        (FilesWait(uploader_id=3), False),
    ],
)
def test_a_file_fits_or_not(spec: FilesWait, fits: bool) -> None:
    assert spec.fits(FILE, SINCE) == fits


@pytest.mark.parametrize(
    ("change", "spec", "fits"),
    [
        ({"add_time": "2026-05-04 11:59:59"}, FilesWait(), False),
        ({"active_flag": False}, FilesWait(), False),
        ({"inline_flag": True, "mail_message_id": 3}, FilesWait(), False),
        ({"inline_flag": True, "mail_message_id": 3}, FilesWait(inline_images=True), True),
        ({"mail_message_id": 3}, FilesWait(inline_images=True), False),
        ({"mail_message_id": 3}, FilesWait(mail_attachments=True), True),
    ],
)
def test_old_files_pictures_and_mail_attachments_do_not_count_unless_asked_for(
    change: dict[str, Any], spec: FilesWait, fits: bool
) -> None:
    assert spec.fits({**FILE, **change}, SINCE) == fits


def test_files_come_the_oldest_first_and_no_more_than_asked_for() -> None:
    files = [{**FILE, "id": number} for number in (73, 72, 71)]
    assert [file["id"] for file in FilesWait(max_files=2).judge(files, SINCE).result] == [71, 72]
    assert FilesWait(after_id=73).judge(files, SINCE).kind == "waiting"
