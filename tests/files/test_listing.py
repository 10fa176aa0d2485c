"""Which files are new, and which are wanted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.files.listing import (
    LINKS,
    OLDER_IN_A_ROW,
    FileFilter,
    FileWindow,
    new_files,
    newest_first,
    within,
)
from airflow_provider_pipedrive.sandbox import Sandbox

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def file(file_id: int, **fields: Any) -> dict[str, Any]:
    return {"id": file_id, "name": f"{file_id}.pdf", "add_time": "2026-01-31 12:00:00", "file_size": 10, **fields}


def added(file_id: int, **ago: float) -> dict[str, Any]:
    return file(file_id, add_time=(NOON - timedelta(**ago)).strftime("%Y-%m-%d %H:%M:%S"))


class MovingList:
    """A list of files by falling id, read page by page while it changes."""

    def __init__(self, ids: range, **changes: Any) -> None:
        self.ids = sorted(ids, reverse=True)
        self.changes = changes
        self.starts: list[int] = []

    def page(self, start: int) -> Mapping[str, Any]:
        self.starts.append(start)
        page = self.ids[start : start + 100]
        more = start + len(page) < len(self.ids)
        change = self.changes.get(f"after_page_{len(self.starts)}")
        if change:
            change(self.ids)
        return {
            "data": [{"id": file_id} for file_id in page] or None,
            "additional_data": {
                "pagination": {
                    "start": start,
                    "limit": 100,
                    "more_items_in_collection": more,
                    "next_start": start + 100,
                }
            },
        }

    def read(self) -> list[int]:
        return [found["id"] for found in newest_first("getFiles", self.page)]


# ---- the walk


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 199, 350])
def test_every_file_is_read_once_newest_first(count: int) -> None:
    assert MovingList(range(1, count + 1)).read() == list(range(count, 0, -1))


@pytest.mark.parametrize("deleted", [1, 2, 30, 100, 150])
def test_no_file_is_missed_while_others_are_deleted(deleted: int) -> None:
    listed = MovingList(range(1, 401), after_page_2=lambda ids: ids.__delitem__(slice(0, deleted)))
    assert listed.read() == list(range(400, 0, -1))


def test_no_file_is_missed_when_the_last_one_read_is_deleted() -> None:
    listed = MovingList(range(1, 301), after_page_1=lambda ids: ids.remove(201))
    assert listed.read() == list(range(300, 0, -1))


def test_no_file_is_missed_when_all_that_were_read_are_deleted() -> None:
    listed = MovingList(range(1, 201), after_page_1=lambda ids: ids.__delitem__(slice(0, 100)))
    assert listed.read() == list(range(200, 0, -1))


def test_files_that_are_added_meanwhile_are_left_to_the_next_window_and_double_nothing() -> None:
    listed = MovingList(range(1, 301), after_page_1=lambda ids: ids.__setitem__(slice(0, 0), range(450, 300, -1)))
    assert listed.read() == list(range(300, 0, -1))


def test_a_quiet_list_is_read_with_one_file_of_overlap_a_page() -> None:
    listed = MovingList(range(1, 251))
    listed.read()
    assert listed.starts == [0, 99, 198]


def test_a_list_in_another_order_is_no_basis() -> None:
    with pytest.raises(PipedriveResponseError, match="does not sort the files by id"):
        list(newest_first("getFiles", lambda start: {"data": [{"id": 1}, {"id": 2}]}))


# ---- the window


def test_a_window_takes_what_was_added_in_it_with_a_minute_of_overlap() -> None:
    listed = [added(5, hours=-1), added(4, minutes=1), added(3, hours=1), added(2, hours=1, seconds=60)]
    listed.append(added(1, hours=1, seconds=61))
    window = FileWindow(since=NOON - timedelta(hours=1), until=NOON)
    assert [found["id"] for found in within(listed, window)] == [4, 3, 2]


def test_what_is_added_at_its_end_belongs_to_the_next_window() -> None:
    window = FileWindow(since=NOON - timedelta(hours=1), until=NOON)
    assert list(within([added(1, hours=0)], window)) == []


def test_an_old_file_that_came_in_late_does_not_end_the_window() -> None:
    listed = [added(9, minutes=1), *(added(number, days=30) for number in (8, 7, 6)), added(5, minutes=2)]
    window = FileWindow(since=NOON - timedelta(hours=1))
    assert [found["id"] for found in within(listed, window)] == [9, 5]


def test_older_files_between_new_ones_never_end_the_window_however_many_they_are() -> None:
    listed = [added(number, **({"minutes": 1} if number % 10 == 0 else {"days": 30})) for number in range(1000, 0, -1)]
    assert len(list(within(listed, FileWindow(since=NOON - timedelta(hours=1))))) == 100


def test_the_walk_ends_after_many_older_files_in_a_row() -> None:
    older = iter([added(number, days=2) for number in range(1000, 0, -1)])
    assert list(within(older, FileWindow(since=NOON - timedelta(hours=1)))) == []
    assert len(list(older)) == 1000 - OLDER_IN_A_ROW


@pytest.mark.parametrize("time", [None, "", "0000-00-00 00:00:00"])
def test_a_file_without_a_time_counts_as_new(time: Any) -> None:
    assert len(list(within([file(1, add_time=time)], FileWindow(since=NOON, until=NOON)))) == 1


def test_from_an_id_on_later_ids_are_new_and_the_walk_ends_at_it() -> None:
    listed = iter([file(9), file(8), file(7), file(6)])
    assert [found["id"] for found in within(listed, FileWindow(after_id=7))] == [9, 8]
    assert [found["id"] for found in listed] == [6]


def test_several_windows_are_read_in_one_walk_down_to_the_oldest() -> None:
    listed = iter([added(9, minutes=1), added(8, minutes=30), added(7, hours=3), added(6, hours=3), added(5, hours=3)])
    windows = FileWindow(since=NOON - timedelta(minutes=10)), FileWindow(after_id=6)
    assert [found["id"] for found in within(listed, *windows)] == [9, 8, 7]
    assert list(listed) == []


# ---- what is wanted


@pytest.mark.parametrize(
    ("file_filter", "fields", "why"),
    [
        (FileFilter(), {}, None),
        (FileFilter(), {"name": None, "file_name": "stored.pdf"}, None),
        (FileFilter(names=["*.pdf"]), {"name": "Offer.PDF"}, None),
        (FileFilter(names=["*.pdf", "offer*"]), {"name": "OFFER.docx"}, None),
        (FileFilter(names=["*.pdf"]), {"name": "offer.pdf.exe"}, "other name"),
        (FileFilter(), {"inline_flag": True, "mail_message_id": "5"}, "inline image"),
        (FileFilter(inline_images=True), {"inline_flag": True, "mail_message_id": "5"}, None),
        (FileFilter(), {"mail_message_id": "5"}, "mail attachment"),
        (FileFilter(mail_attachments=True), {"mail_message_id": "5"}, None),
        (FileFilter(mail_attachments=True), {"mail_message_id": "5", "inline_flag": True}, "inline image"),
        (FileFilter(), {"active_flag": False}, "deleted"),
        (FileFilter(), {"remote_location": "googledocs"}, "kept elsewhere"),
        (FileFilter(), {"remote_location": "s3"}, None),
        (FileFilter(max_bytes=10), {"file_size": 10}, None),
        (FileFilter(max_bytes=10), {"file_size": 11}, "too large"),
        (FileFilter(max_bytes=10), {"file_size": None}, None),
    ],
)
def test_which_files_are_wanted(file_filter: FileFilter, fields: dict[str, Any], why: str | None) -> None:
    assert file_filter.skip_reason(file(1, **fields)) == why


def test_what_was_asked_for_by_its_id_is_refused_only_where_it_cannot_be_had() -> None:
    mailed = file(1, inline_flag=True, mail_message_id="5")
    assert FileFilter(names=["*.doc"]).impossible_reason(mailed) is None
    assert FileFilter().impossible_reason(file(1, active_flag=False)) == "deleted"


# ---- against a server


@pytest.fixture
def client(sandbox: Sandbox) -> PipedriveClient:
    return PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token}))


@pytest.mark.parametrize("link", LINKS)
def test_files_of_one_record_of_each_kind_are_found(sandbox: Sandbox, client: PipedriveClient, link: str) -> None:
    table = {"org_id": "organizations", "activity_id": "activities"}.get(link, f"{link.removesuffix('_id')}s")
    record_id, other_id = sorted(sandbox.records(table))[:2]
    before = max(sandbox.records("files"))
    mine = sandbox.add_file(name="mine.txt", **{link: record_id})
    sandbox.add_file(name="others.txt", **{link: other_id})
    with client:
        assert [found["id"] for found in new_files(client, FileWindow(after_id=before), link, record_id)] == [
            mine["id"]
        ]


def test_all_files_are_found_through_all_pages_and_the_pages_are_counted(
    sandbox: Sandbox, client: PipedriveClient
) -> None:
    for number in range(250):
        sandbox.add_file(name=f"{number}.txt")
    living = sorted((key for key, found in sandbox.records("files").items() if found["active_flag"]), reverse=True)
    with client:
        assert [found["id"] for found in new_files(client, FileWindow(after_id=0), None, None)] == living
        pages = -(-(len(living) - 1) // 99)
        assert (client.usage.pages, client.usage.tokens) == (pages, 20 * pages)


def test_a_broken_answer_hides_no_file(sandbox: Sandbox, client: PipedriveClient) -> None:
    newest = sandbox.add_file(name="mine.txt", deal_id=1)["id"]
    sandbox.fault("/v1/files", "null-data", count=1)
    assert next(new_files(client, FileWindow(), None, None))["id"] == newest
