"""A journal in object storage: the plan once, then segments of what has become of it. Nothing is appended to.

The journal that is worked with is a local file. Answers are stored every second; a creation of which no answer is
stored is taken for one that may have been sent, and is looked for when the run is resumed.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.bulk.journal import FILE, Journal, from_json, to_json
from airflow_provider_pipedrive.bulk.lease import FolderLease
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.storage.files import folder_path
from airflow_provider_pipedrive.extraction.storage.store import file_system

_EVERY = 1.0
"""Seconds between two segments."""
_TRIGGERS = """
CREATE TEMP TABLE changed (kind TEXT, name, PRIMARY KEY (kind, name)) WITHOUT ROWID;
CREATE TEMP TRIGGER operation_changed AFTER UPDATE ON main.operations
    BEGIN INSERT OR IGNORE INTO changed VALUES ('operation', new.operation); END;
CREATE TEMP TRIGGER row_rejected AFTER INSERT ON main.rejects
    BEGIN INSERT OR IGNORE INTO changed VALUES ('reject', new.row); END;
CREATE TEMP TRIGGER meta_set AFTER INSERT ON main.meta
    BEGIN INSERT OR IGNORE INTO changed VALUES ('meta', new.name); END;
"""
_READ = {
    "operation": "SELECT state, id, note, operation FROM operations WHERE operation = ?",
    "reject": "SELECT row, reason, field, given FROM rejects WHERE row = ?",
    "meta": "SELECT name, value FROM meta WHERE name = ?",
}
_WRITE = {
    "operation": "UPDATE operations SET state = ?, id = ?, note = ? WHERE operation = ?",
    "reject": "INSERT OR IGNORE INTO rejects VALUES (?, ?, ?, ?)",
    "meta": "INSERT OR REPLACE INTO meta VALUES (?, ?)",
}


class MirroredJournal(Journal):
    """A journal whose folder is in object storage.

    :param path: the folder: like a ``pathlib.Path``
    """

    def __init__(self, path: Any) -> None:
        self.path = path
        self._lease = FolderLease(path)
        try:
            self._open()
        except BaseException:
            self._lease.release()
            raise

    def _open(self) -> None:
        path = self.path
        self._scratch = tempfile.TemporaryDirectory(prefix="pipedrive-bulk-")
        local = Path(self._scratch.name)
        self._segments = self._stored_segments()
        if (path / FILE).exists():
            with (path / FILE).open("rb") as source, (local / FILE).open("wb") as sink:
                shutil.copyfileobj(source, sink)
        super().__init__(local)
        self._replay()
        self._connection.executescript(_TRIGGERS)
        self._stored_at = 0.0

    def close(self) -> None:
        """Store what is left, and remove the local file."""
        try:
            if self._segments or (self.path / FILE).exists():
                self.checkpoint(force=True)
        finally:
            super().close()
            self._scratch.cleanup()
            self._lease.release()

    def store_plan(self) -> None:
        """Store the whole journal, in place of earlier segments."""
        self._lease.check()
        whole = self.folder / "whole.sqlite"
        self.run("VACUUM INTO ?", [str(whole)])
        (self.path / FILE).write_bytes(whole.read_bytes())
        whole.unlink()
        for name in self._segments:
            (self.path / name).unlink()
        self._segments = []
        self.run("DELETE FROM changed")

    def checkpoint(self, *, force: bool = False) -> None:
        """Store what has changed, if it is time to."""
        self._lease.check()
        now = time.monotonic()
        if not force and now - self._stored_at < _EVERY:
            return
        self._stored_at = now
        changed = self.run("SELECT kind, name FROM changed").fetchall()
        if not changed:
            return
        records = [(kind, row) for kind, name in changed for row in self.run(_READ[kind], [name])]
        name = f"segment-{len(self._segments):06d}.jsonl"
        (self.path / name).write_text("".join(f"{to_json([kind, *row])}\n" for kind, row in records), encoding="utf-8")
        self._segments.append(name)
        self.run("DELETE FROM changed")

    def lines(self, name: str, records: Any) -> str | None:
        """Write records as lines of JSON into the folder in object storage."""
        written = super().lines(name, records)
        if written is None:
            return None
        with Path(written).open("rb") as source, (self.path / name).open("wb") as sink:
            shutil.copyfileobj(source, sink)
        return str(self.path / name)

    def _stored_segments(self) -> list[str]:
        if not self.path.exists():
            return []
        return sorted(entry.name for entry in self.path.iterdir() if entry.name.startswith("segment-"))

    def _replay(self) -> None:
        with self.transaction():
            for name in self._segments:
                for line in (self.path / name).read_text(encoding="utf-8").splitlines():
                    kind, *values = from_json(line)
                    self.run(_WRITE[kind], values)
            began = self.get("writing_since")
            if began is not None and self.get("receipt") is None:
                self.run(
                    "UPDATE operations SET state = 'sent', note = ? WHERE state = 'planned' AND action = 'create'",
                    [began],
                )


def journal_in(folder: Any) -> Journal:
    """The journal of a local folder, or of one in object storage.

    :raises PipedriveParameterError: it is not a folder, or another run is at work in it
    """
    path = folder_path(folder)
    return Journal(path) if file_system(path) is None else MirroredJournal(path)


def past_journal_in(folder: Any) -> Journal:
    """The journal that an earlier run has left.

    :raises PipedriveParameterError: no run was in that folder, or another one is at work in it
    """
    path = folder_path(folder)
    if not (path / FILE).exists():
        raise PipedriveParameterError(
            f"{folder} does not hold a bulk run ({FILE} is missing). Give the folder of a run."
        )
    return journal_in(path)
