"""Waits for new files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.times import read_time, write_time
from airflow_provider_pipedrive.errors import PipedriveNotFoundError
from airflow_provider_pipedrive.events.waits.outcomes import WAITING, Record, WaitOutcome
from airflow_provider_pipedrive.events.waits.specs import (
    ABOUT_THE_RECORD,
    LOOKBACK,
    Answer,
    Checked,
    Wait,
    WaitSpec,
    clock_difference,
)
from airflow_provider_pipedrive.events.waits.times import on_server
from airflow_provider_pipedrive.files.listing import LISTS, FileWindow, down_to, files_of, name_of

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient


@dataclass(frozen=True)
class FilesWait(WaitSpec):
    """New files.

    :param link: what they are attached to (``deal_id``, ...), or ``None`` for anything
    :param record_id: the id of that
    :param after_id: newer than the file with this id
    :param since: added from then on
    :param names: patterns of file names (``*.pdf``), capital letters or not
    :param types: extensions (``pdf``)
    :param min_size, max_size: in bytes
    :param uploader_id: added by this user
    :param inline_images: whether the pictures in the text of mails count
    :param mail_attachments: whether what came with mails counts
    :param max_files: how many are returned at most, the oldest first
    """

    kind = "files"
    link: str | None = None
    record_id: int | str | None = None
    after_id: int | None = None
    since: str | None = None
    local_clock: bool = False
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    uploader_id: int | None = None
    inline_images: bool = False
    mail_attachments: bool = False
    max_files: int = 1000

    @property
    def tokens(self) -> int:
        """Of one page of files."""
        return get_action("getFiles").token_cost

    @property
    def begins(self) -> str | None:
        """The caller's ``since``."""
        return None if self.local_clock else self.since

    def is_new(self, file: Record, since: datetime | None) -> bool:
        """Whether a file is newer than the watermark."""
        added = read_time(file.get("add_time"))
        if self.after_id is not None and file["id"] <= self.after_id:
            return False
        return since is None or added is None or added >= since

    def fits(self, file: Record, since: datetime | None) -> bool:
        """Whether a file is one that is waited for."""
        name = name_of(file).lower()
        size = file.get("file_size")
        return (
            file.get("active_flag") is not False
            and self.is_new(file, since)
            and (self.link is None or str(file.get(self.link)) == str(self.record_id))
            and (not self.names or any(fnmatchcase(name, pattern.lower()) for pattern in self.names))
            and (not self.types or name.rpartition(".")[2] in self.types or file.get("file_type") in self.types)
            and (self.min_size is None or (size is not None and size >= self.min_size))
            and (self.max_size is None or (size is not None and size <= self.max_size))
            and (self.uploader_id is None or file.get("user_id") == self.uploader_id)
            and (self.inline_images or not file.get("inline_flag"))
            and (self.mail_attachments or file.get("inline_flag") or not file.get("mail_message_id"))
        )

    def judge(self, newest_first: Sequence[Record], since: datetime | None) -> WaitOutcome:
        """``newest_first``: the files down to the watermark, others among them."""
        fitting = {file["id"]: file for file in newest_first if self.fits(file, since)}
        if not fitting:
            return WAITING
        return WaitOutcome("success", [fitting[file_id] for file_id in sorted(fitting)][: self.max_files])

    @classmethod
    def check(cls, client: PipedriveClient, waits: Sequence[Wait], *, alone: bool) -> list[Checked]:
        """The files down to the lowest watermark, in one walk of the listing of all files.

        A wait in a worker, which nobody shares a walk with, reads one record's own list: however far back its
        watermark is, that list is short.
        """
        ahead = clock_difference(client, waits)
        began = datetime.now(UTC) + timedelta(seconds=ahead)
        reading = [(wait.spec, wait.memory.get("checked_until")) for wait in waits if isinstance(wait.spec, FilesWait)]
        specs = [spec for spec, _ in reading]
        if alone:
            answers = [spec._own_files(client, ahead) for spec in specs]
        else:
            windows = [spec._window(ahead, read_time(checked_until)) for spec, checked_until in reading]
            files = [dict(file) for file in down_to(files_of(client), *windows)]
            answers = [spec.judge(files, spec._since(ahead)) for spec in specs]
        memory = {"checked_until": write_time(began)}
        return [Checked(replace(wait, memory=memory), answer) for wait, answer in zip(waits, answers, strict=True)]

    def _own_files(self, client: PipedriveClient, ahead: float) -> Answer:
        files = files_of(client, LISTS.get(self.link or "", "getFiles"), self.record_id)
        try:
            return self.judge([dict(file) for file in down_to(files, self._window(ahead, None))], self._since(ahead))
        except PipedriveNotFoundError:
            record = (self.link or "").removesuffix("_id")
            return WaitOutcome("gone", reason=f"There is no {record} {self.record_id}.")
        except ABOUT_THE_RECORD as error:
            return error

    def _since(self, ahead: float) -> datetime | None:
        return None if self.since is None else on_server(self.since, self.local_clock, ahead)

    def _window(self, ahead: float, checked_until: datetime | None) -> FileWindow:
        """Down to where the files must be read: a new one among them may bear an older time, such as the attachment of
        an old mail that is synchronised late."""
        starts = (self._since(ahead), checked_until and checked_until - LOOKBACK)
        return FileWindow(max(filter(None, starts), default=None), after_id=self.after_id, lookback=timedelta(0))
