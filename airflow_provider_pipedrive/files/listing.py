"""Which of Pipedrive's files are new and wanted: listed from the newest on, down to a watermark.

Pipedrive has no list of new files, and its lists of files take no filter, but all can be sorted by id.
https://developers.pipedrive.com/docs/api/v1/Files
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.paging import Look, records_in, walk_pages
from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.errors import PipedriveResponseError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

Record = Mapping[str, Any]
LINKS: tuple[str, ...] = tuple(given.name for given in get_action("addFile").parameters if given.place == "form")
"""What a file can be attached to: ``deal_id``, ``person_id``, ..."""
LISTS = {
    "deal_id": "getDealFiles",
    "person_id": "getPersonFiles",
    "org_id": "getOrganizationFiles",
    "product_id": "getProductFiles",
}
"""Lists of one record's files. Activities, leads and projects have none: all files are looked through for theirs."""
LOOKBACK = timedelta(seconds=60)
"""A file may become visible a little after the time that it bears."""
OLDER_IN_A_ROW = 50
"""Ids grow with time but for exceptions: the attachments of an old mail that is synchronised late have new ids and old
times. So many files in a row that are older than a window end it; a new file with a smaller id is missed then."""
PAGE = 100
"""The largest page of files."""


@dataclass(frozen=True)
class FileWindow:
    """Which files are new.

    :ivar since: those added from then on
    :ivar until: and before then
    :ivar after_id: those with a greater id
    :ivar lookback: how much earlier than ``since`` a file may have been added
    """

    since: datetime | None = None
    until: datetime | None = None
    after_id: int | None = None
    lookback: timedelta = LOOKBACK

    def ends_before(self, file: Record) -> bool:
        """Whether no file with a smaller id is in the window."""
        return self.after_id is not None and file["id"] <= self.after_id

    def is_past(self, file: Record) -> bool:
        """Whether a file is older than the window."""
        added = added_at(file)
        return self.ends_before(file) or bool(added and self.since and added < self.since - self.lookback)

    def has(self, file: Record) -> bool:
        """Whether a file is in the window. One without a time is."""
        added = added_at(file)
        return not self.is_past(file) and not (added and self.until and added >= self.until)


@dataclass(frozen=True)
class FileFilter:
    """Which files are wanted.

    :ivar names: patterns, such as ``*.pdf``; capital letters don't matter; none for every name
    :ivar max_bytes: the largest file
    :ivar inline_images: the pictures in the text of mails
    :ivar mail_attachments: what came with mails
    """

    names: Sequence[str] = ()
    max_bytes: int = 100 * 1024 * 1024
    inline_images: bool = False
    mail_attachments: bool = False

    def skip_reason(self, file: Record) -> str | None:
        """Why a file is not wanted; the same few reasons, to be counted."""
        name = name_of(file).lower()
        if self.names and not any(fnmatchcase(name, pattern.lower()) for pattern in self.names):
            return "other name"
        if file.get("inline_flag") and not self.inline_images:
            return "inline image"
        if file.get("mail_message_id") and not file.get("inline_flag") and not self.mail_attachments:
            return "mail attachment"
        return self.impossible_reason(file)

    def impossible_reason(self, file: Record) -> str | None:
        """Why a file cannot be downloaded, even if it was asked for by its id."""
        if file.get("active_flag") is False:
            return "deleted"
        if is_remote(file):
            return "kept elsewhere"
        size = file.get("file_size")
        return "too large" if isinstance(size, int) and size > self.max_bytes else None


def name_of(file: Record) -> str:
    """The name that people see."""
    return str(file.get("name") or file.get("file_name") or "")


def added_at(file: Record) -> datetime | None:
    """When it was added; ``None`` where that cannot be read."""
    return read_time(file.get("add_time"))


def is_remote(file: Record) -> bool:
    """Whether a file lives elsewhere, in Google Drive for one: Pipedrive has its address and none of its bytes."""
    return file.get("remote_location") not in (None, "", "s3")


def new_files(client: PipedriveClient, window: FileWindow, link: str | None, record_id: Any) -> Iterator[Record]:
    """The files of the window, newest first.

    :param link: what they are attached to, one of :data:`LINKS`; ``None`` for all files
    :param record_id: the id of that
    """
    key = LISTS.get(link or "", "getFiles")
    listed = within(files_of(client, key, record_id), window)
    if link is None or key != "getFiles":
        return listed
    return (file for file in listed if str(file.get(link)) == str(record_id))


def files_of(client: PipedriveClient, key: str = "getFiles", record_id: Any = None) -> Iterator[Record]:
    """The files of a list, newest first.

    :param key: the list's action
    :param record_id: whose files, for a list of one record's
    """
    action = get_action(key)
    path = action.path.replace("{id}", quote(str(record_id), safe=""))

    def page(start: int) -> Mapping[str, Any]:
        asked = {"sort": "id DESC", "start": start, "limit": PAGE}
        found = client.request("GET", path, asked, action=key)
        if found.get("data") is None:  # a broken answer says so too: the window would pass, and its files be lost
            found = client.request("GET", path, asked, action=key)
        client.usage.pages += 1
        records = len(records_in(action, found))
        client.usage.records += records
        client.metrics.count("records_read", records)
        return found

    return newest_first(key, page)


def within(files: Iterable[Record], *windows: FileWindow) -> Iterator[Record]:
    """Those of ``files``, which come newest first, that are in one of the windows; it stops where all are past."""
    return (file for file in down_to(files, *windows) if any(window.has(file) for window in windows))


def down_to(files: Iterable[Record], *windows: FileWindow) -> Iterator[Record]:
    """All of ``files``, which come newest first, down to where all windows are past."""
    older = 0
    for file in files:
        older = older + 1 if all(window.is_past(file) for window in windows) else 0
        if older >= OLDER_IN_A_ROW or all(window.ends_before(file) for window in windows):
            return
        yield file


def newest_first(key: str, page: Callable[[int], Mapping[str, Any]]) -> Iterator[Record]:
    """Every file once, by falling id, however long the walk takes; what is added meanwhile is not waited for.

    :param page: reads the page that begins at an offset
    :raises PipedriveResponseError: the list is not sorted as asked for, or does not end
    """
    action = get_action(key)

    def look(envelope: Mapping[str, Any]) -> Look:
        ids = [file["id"] for file in records_in(action, envelope)]
        if ids != sorted(ids, reverse=True):
            raise PipedriveResponseError(f"{key}: Pipedrive does not sort the files by id.", action=key)
        return Look(envelope, len(ids), lambda: [(file_id, None) for file_id in ids])

    lowest: int | None = None
    pages = walk_pages(action, PAGE, lambda position: page(int(position.get("start", 0))), look, by_id=True)
    for envelope, places in pages:
        files = records_in(action, envelope)
        for file in (files[at] for at in places):
            if lowest is None or file["id"] < lowest:
                lowest = file["id"]
                yield file
