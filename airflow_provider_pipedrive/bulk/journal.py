"""What a run has decided and done, in one SQLite file of its folder: a killed run continues after its last row.

Memory does not grow with the number of rows: they are in the file. Every answer is kept before the next request of the
same record is sent; SQLite's write-ahead log survives a killed process.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_pipedrive.client.field_values import is_missing
from airflow_provider_pipedrive.client.needed_folders import folders_needed
from airflow_provider_pipedrive.client.whole_files import whole_file
from airflow_provider_pipedrive.errors import PipedriveParameterError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS rows (row INTEGER PRIMARY KEY, key TEXT, given TEXT, fields TEXT);
CREATE UNIQUE INDEX IF NOT EXISTS rows_by_key ON rows (key) WHERE key IS NOT NULL;
CREATE TABLE IF NOT EXISTS rejects (row INTEGER PRIMARY KEY, reason TEXT, field TEXT, given TEXT);
CREATE TABLE IF NOT EXISTS matches (row INTEGER, id TEXT, archived INTEGER, added TEXT, before TEXT, updated TEXT);
CREATE INDEX IF NOT EXISTS matches_by_row ON matches (row);
CREATE INDEX IF NOT EXISTS matches_by_id ON matches (id);
CREATE TABLE IF NOT EXISTS chosen (id TEXT PRIMARY KEY, row INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS spared (key TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS extras (id TEXT PRIMARY KEY, key TEXT, before TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS related (
    kind TEXT, key TEXT, text TEXT, id TEXT, many INTEGER DEFAULT 0, PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (
    operation INTEGER PRIMARY KEY, row INTEGER, phase INTEGER, action TEXT, entity TEXT, key TEXT, id TEXT,
    fields TEXT, before TEXT, state TEXT DEFAULT 'planned', note TEXT
);
CREATE INDEX IF NOT EXISTS operations_by_phase ON operations (phase, operation);
CREATE TABLE IF NOT EXISTS state (key TEXT PRIMARY KEY, id TEXT, fields TEXT) WITHOUT ROWID;
"""
FILE = "bulk.sqlite"


class Journal:
    """The journal of one folder.

    :param folder: a local folder; it is made, readable by this user only
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        file = folder / FILE
        try:
            with folders_needed():
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _locked(folder)
            if not file.exists():
                os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
        except OSError as error:
            raise PipedriveParameterError(
                f"{folder} cannot be the folder of a run: {error.strerror or error}. Give a folder that can be written "
                "to."
            ) from error
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA cache_size = -4000")
            self._connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            self.close()
            raise PipedriveParameterError(f"{file} is not a journal of a bulk run: give another folder.") from error

    def close(self) -> None:
        """Close the file, and leave the folder to others."""
        self._connection.close()
        os.close(self._lock)

    def store_plan(self) -> None:
        """The plan is made: keep it where the next try finds it. A local file is there already."""

    def checkpoint(self, *, force: bool = False) -> None:
        """Keep what has changed where the next try finds it. A local file is there already."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what is written inside."""
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:  # on a full disk SQLite has ended it already
                self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, values: Iterable[Any] = ()) -> sqlite3.Cursor:
        """One statement."""
        return self._connection.execute(sql, tuple(values))

    def many(self, sql: str, values: Iterable[tuple[Any, ...]]) -> None:
        """One statement for many rows."""
        self._connection.executemany(sql, values)

    def one(self, sql: str, values: Iterable[Any] = ()) -> Any:
        """The first column of the first row, or None."""
        found = self.run(sql, values).fetchone()
        return found[0] if found else None

    def each(self, sql: str, values: Iterable[Any] = (), size: int = 500) -> Iterator[tuple[Any, ...]]:
        """Rows one after the other, on a cursor of their own."""
        cursor = self.run(sql, values)
        while chunk := cursor.fetchmany(size):
            yield from chunk

    def get(self, name: str) -> Any:
        """A value that :meth:`set` has kept; None where there is none."""
        found = self.one("SELECT value FROM meta WHERE name = ?", [name])
        return None if found is None else from_json(found)

    def set(self, **values: Any) -> None:
        """Keep values by name."""
        self.many(
            "INSERT OR REPLACE INTO meta VALUES (?, ?)", [(name, to_json(value)) for name, value in values.items()]
        )

    @property
    def rows(self) -> int:
        """How many rows the run was given."""
        return int(self.get("rows") or 0)

    @property
    def rejected(self) -> int:
        """How many rows were set aside."""
        return int(self.one("SELECT count(*) FROM rejects"))

    def clear(self) -> None:
        """Forget everything but what the last run has written: another run begins."""
        with self.transaction():
            for table in ("meta", "rows", "rejects", "matches", "chosen", "spared", "extras", "related", "operations"):
                self.run(f"DELETE FROM {table}")  # nosec B608 # named one line above

    def reject(self, row: int, reason: str, field: str | None, given: str) -> None:
        """Set a row aside; the first reason counts."""
        self.run("INSERT OR IGNORE INTO rejects VALUES (?, ?, ?, ?)", [row, reason, field, given])

    def spare(self, key: str) -> None:
        """A mirror leaves the record with this key alone."""
        self.run("INSERT OR IGNORE INTO spared VALUES (?)", [key])

    def lines(self, name: str, records: Iterable[Mapping[str, Any]]) -> str | None:
        """Write records as lines of JSON, whole or not at all; None where there are none."""
        target = self.folder / name
        written = 0
        with whole_file(target, private=True) as file:
            for record in records:
                file.write(to_json(record).encode() + b"\n")
                written += 1
        if not written:
            target.unlink()
            return None
        return str(target)


def _locked(folder: Path) -> int:
    """Take the folder for this run alone; a killed process gives it back.

    :returns: the open lock file
    :raises PipedriveParameterError: another process, or thread, writes in it
    """
    lock = os.open(folder / "bulk.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise PipedriveParameterError(
            f"{folder} is in use: another process is writing or undoing a run in it. Wait for it, or give each run a "
            "folder of its own."
        ) from None
    return lock


def to_json(value: Any) -> str:
    """Compact JSON; what JSON cannot say becomes text."""
    try:
        return _quick.encode(value).decode()
    except (TypeError, ValueError, OverflowError):  # such as an integer of more than 64 bits
        return _ENCODER.encode(value)


def from_json(text: str) -> Any:
    """What :func:`to_json` has written."""
    return _read(text)


def row_to_json(row: Mapping[Any, Any]) -> str:
    """A row as it was given. Whatever is in it, this is JSON in UTF-8, and the same for the same row."""
    try:
        text = _ROW_ENCODER.encode(row)
        text.encode()
    except (ValueError, TypeError, RecursionError):
        return _ENCODER.encode({_written(str(name)): _sayable(value) for name, value in row.items()})
    return text


def _sayable(value: Any) -> Any:
    """A value of a row that JSON or UTF-8 cannot say, as near as they can."""
    if is_missing(value):
        return None
    try:
        json.dumps(value, default=_as_text, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, TypeError, RecursionError):
        try:
            return _written(str(value))
        except (ValueError, RecursionError):  # Python does not write down numbers of thousands of digits
            return f"({type(value).__name__})"
    return value


def _written(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _as_text(value: Any) -> Any:
    """A set has no order of its own that would be the same in the next process."""
    return sorted(map(str, value)) if isinstance(value, set | frozenset) else str(value)


_quick = msgspec.json.Encoder(enc_hook=_as_text)
_read = msgspec.json.Decoder().decode
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_as_text)
_ROW_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_as_text, allow_nan=False)
"""Made once: ``json.dumps`` makes one for each text."""
