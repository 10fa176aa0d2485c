"""Files on their way from Pipedrive to their place: each whole or not at all, measured, and never twice."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.whole_files import whole_file
from airflow_provider_pipedrive.errors import PipedriveNotFoundError, PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.files import upload
from airflow_provider_pipedrive.extraction.storage.store import file_system
from airflow_provider_pipedrive.files.listing import FileFilter, Record, name_of
from airflow_provider_pipedrive.files.names import stored_name

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
NAMES_KEPT = 20
"""Names of files that are kept in memory, for the receipt."""
Fetch = Callable[[BinaryIO], object]
"""Writes a file's bytes to a binary file."""


class _FileTooLargeError(Exception):
    """More bytes come than the file may have."""


@dataclass(frozen=True)
class Landed:
    """A file in its place: its name, its size in bytes, its hash in hexadecimal, and which run has put it there."""

    name: str
    bytes: int
    sha256: str
    run: str | None = None


@dataclass
class FileDownloads:
    """Downloads files one after another, and counts them.

    :ivar folder: a local or object-storage path
    :ivar file_filter: which files are wanted
    :ivar lines: takes a line of JSON for every file, whatever became of it
    :ivar run: the run's name, the same at each of its tries: ``lines`` say which files are the run's
    :ivar files: how many were downloaded, of ``bytes`` in all
    :ivar already_there: how many had been downloaded before
    :ivar skipped: how many were not, by reason
    :ivar names: the first names in ``folder``
    :ivar last_id: the greatest id among the files
    """

    client: PipedriveClient
    folder: Any
    file_filter: FileFilter
    lines: BinaryIO
    run: str
    files: int = 0
    bytes: int = 0
    already_there: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    last_id: int | None = None

    def download(self, file: Record, *, asked: bool) -> str | None:
        """Download a file if it is wanted and not there yet. Returns why it was skipped, or ``None``.

        :param asked: it was asked for by its id: only what makes it impossible counts
        """
        self.last_id = max(self.last_id or 0, file["id"])
        reason = self.file_filter.impossible_reason(file) if asked else self.file_filter.skip_reason(file)
        if reason is None:
            try:
                self._download(file, stored_name(file["id"], name_of(file)))
            except _FileTooLargeError:
                reason = "too large"
            except PipedriveNotFoundError:
                reason = "deleted"
        if reason is not None:
            self.skipped[reason] += 1
            self._note(file, outcome="skipped", reason=reason, url=file.get("url"))
            level = logging.INFO if reason in ("deleted", "kept elsewhere", "too large") else logging.DEBUG
            log.log(level, "Skipped: %s", skip_sentence(file, reason, self.file_filter))
        return reason

    def _download(self, file: Record, name: str) -> None:
        landed = already_there(self.folder, name, file)
        outcome = "already there" if landed else "landed"
        if landed:
            self.already_there += 1
        else:
            landed = land(self.folder, name, file, self.file_filter.max_bytes, self._fetch(file["id"]), self.run)
            self.files += 1
            self.bytes += landed.bytes
            log.info("Landed: %s, %s", name, counted(landed.bytes, "byte"))
        known = {"stored_as": name, "bytes": landed.bytes, "sha256": landed.sha256}
        self._note(file, outcome=outcome, by_this_run=landed.run == self.run, **known)
        if len(self.names) < NAMES_KEPT:
            self.names.append(name)

    def _fetch(self, file_id: int) -> Fetch:
        return lambda sink: self.client.download("downloadFile", {"id": file_id}, sink)

    def _note(self, file: Record, **became: Any) -> None:
        line = {"id": file["id"], "name": name_of(file), **became}
        self.lines.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def skip_sentence(file: Record, reason: str, file_filter: FileFilter) -> str:
    """Why a file was skipped, for people."""
    sentences = {
        "deleted": "it is deleted in Pipedrive, or the credential's user may not see it",
        "kept elsewhere": f"it is kept at {file.get('remote_location')}, and Pipedrive has its address but no bytes",
        "too large": f"it has more than max_bytes ({file_filter.max_bytes})",
        "inline image": "it is a picture in the text of a mail (inline_images=True downloads them)",
        "mail attachment": "it came with a mail (mail_attachments=True downloads them)",
        "other name": f"its name is like none of {', '.join(file_filter.names)}",
    }
    return f"file {file['id']} ({name_of(file)!r}): {sentences[reason]}."


def land(folder: Any, name: str, file: Record, max_bytes: int, fetch: Fetch, run: str) -> Landed:
    """Put a file into ``folder``, and then its metadata next to it as ``<name>.json``.

    :param file: what Pipedrive says of it
    :param run: the name of the run that does it
    """
    landed = place(folder / name, fetch, max_bytes)
    about = {**file, "stored_as": name, "stored_bytes": landed.bytes, "sha256": landed.sha256, "landed_by": run}
    text = json.dumps(about, indent=2, ensure_ascii=False).encode()
    place(_metadata(folder, name), lambda target: target.write(text))
    return replace(landed, run=run)


def already_there(folder: Any, name: str, file: Record) -> Landed | None:
    """The file as it was landed before, if nothing has changed since: neither its size nor its last update.

    :raises PipedriveParameterError: a file of another account is there under the same name
    """
    try:
        about = json.loads(_metadata(folder, name).read_bytes())
        size = (folder / name).stat().st_size
    except (FileNotFoundError, ValueError):  # a ValueError: it is not JSON
        return None
    kept = ("id", "update_time", "file_size")
    if isinstance(about, dict) and about.get("id") == file["id"] and about.get("add_time") != file.get("add_time"):
        # Ids count within an account, and when a file was added never changes.
        raise PipedriveParameterError(
            f"{folder / name} was added at {about.get('add_time')}, and Pipedrive's file {file['id']} at "
            f"{file.get('add_time')}: the folder has another account's files. Give each account a folder of its own."
        )
    if not isinstance(about, dict) or size != about.get("stored_bytes"):
        return None
    if any(about.get(key) != file.get(key) for key in kept):
        return None
    return Landed(name, size, str(about.get("sha256")), about.get("landed_by"))


def place(target: Any, fetch: Fetch, max_bytes: int | None = None) -> Landed:
    """Write a file that appears when it is whole, in place of one that was there.

    :param target: a local or object-storage path
    """
    put = _put_local if file_system(target) is None else _put_object
    measured = put(target, fetch, max_bytes)
    return Landed(target.name, measured.bytes, measured.hash.hexdigest())


def _metadata(folder: Any, name: str) -> Any:
    return folder / f"{name}.json"


class _Measured:
    """A binary file that counts, hashes and bounds what is written to it since it was last cut."""

    def __init__(self, file: BinaryIO, max_bytes: int | None) -> None:
        self._file = file
        self._max_bytes = max_bytes
        self.bytes = 0
        self.hash = hashlib.sha256()

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, position: int) -> int:
        return self._file.seek(position)

    def truncate(self) -> int:
        """Begin again: a download that is repeated cuts the file first."""
        self.bytes = 0
        self.hash = hashlib.sha256()
        return self._file.truncate()

    def write(self, chunk: bytes) -> int:
        self.bytes += len(chunk)
        if self._max_bytes is not None and self.bytes > self._max_bytes:
            raise _FileTooLargeError(f"The file has more than {self._max_bytes} bytes.")
        self.hash.update(chunk)
        return self._file.write(chunk)


def _put_local(target: Path, fetch: Fetch, max_bytes: int | None) -> _Measured:
    with whole_file(target) as file:
        return _measured(file, fetch, max_bytes)


def _put_object(target: Any, fetch: Fetch, max_bytes: int | None) -> _Measured:
    """Collect the file on disk and then upload it whole: an object appears when it is complete."""
    with tempfile.TemporaryFile() as spool:
        measured = _measured(cast(BinaryIO, spool), fetch, max_bytes)
        spool.seek(0)
        upload(target, cast(BinaryIO, spool))
    return measured


def _measured(file: BinaryIO, fetch: Fetch, max_bytes: int | None) -> _Measured:
    measured = _Measured(file, max_bytes)
    fetch(cast(BinaryIO, measured))
    return measured
