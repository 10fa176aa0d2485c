"""Records and their keys in a file of SQLite's, which finds the pairs that have a key in common.

Keys are kept as their hashes, which hold within one process: two keys of one hash only lead to a pair that is compared
in vain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from airflow_provider_pipedrive.bulk.duplicates.traits import Surroundings, Traits

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
PRAGMA temp_store = FILE;
CREATE TABLE records (number INTEGER PRIMARY KEY, record BLOB);
CREATE TABLE keys (hash INTEGER, number INTEGER);
CREATE TABLE words (hash INTEGER);
"""
_PAIR_UP = """
CREATE INDEX keys_by_hash ON keys (hash, number);
CREATE TABLE blocks AS SELECT hash, count(*) AS size FROM keys GROUP BY hash HAVING count(*) > 1;
CREATE UNIQUE INDEX blocks_by_hash ON blocks (hash, size);
CREATE TABLE pairs (one INTEGER, other INTEGER, PRIMARY KEY (one, other)) WITHOUT ROWID;
INSERT OR IGNORE INTO pairs SELECT a.number, b.number
    FROM blocks CROSS JOIN keys AS a ON a.hash = blocks.hash CROSS JOIN keys AS b ON b.hash = a.hash
    WHERE size <= {largest_block:d} AND a.number < b.number;
CREATE TABLE rare AS SELECT hash FROM words GROUP BY hash HAVING count(*) <= {rare:d};
DROP TABLE words;
CREATE UNIQUE INDEX rare_by_hash ON rare (hash);
"""
_RARE = 2
"""Records up to which a word is rare: those that would be one."""
_BATCH = 500
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Candidates:
    """The records of a list, by number from 1 on.

    :param file: is made
    :param kind: of what they are compared by
    """

    def __init__(self, file: Path, kind: type[Traits], *, largest_block: int, no_company: frozenset[str]) -> None:
        self._connection = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        self._connection.executescript(_SCHEMA)
        self._kind = kind
        self._largest_block = largest_block
        self._no_company = no_company
        self.count = 0

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def add(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Keep records and their keys."""
        rows: list[tuple[int, bytes]] = []
        keys: list[tuple[int, int]] = []
        words: list[tuple[int]] = []
        kind, no_company = self._kind, self._no_company
        for number, record in enumerate(records, self.count + 1):
            traits = kind(record, no_company)
            rows.append((number, _encode(record)))
            keys += [(hash(key), number) for key in traits.keys()]  # noqa: SIM118 - not a mapping's
            words += [(hash(word),) for word in traits.words]
        self.count += len(rows)
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO records VALUES (?, ?)", rows)
        self._connection.executemany("INSERT INTO keys VALUES (?, ?)", keys)
        self._connection.executemany("INSERT INTO words VALUES (?)", words)
        self._connection.execute("COMMIT")

    def pair_up(self) -> int:
        """Find the pairs that have a key in common; returns how many there are."""
        self._connection.executescript(_PAIR_UP.format(largest_block=self._largest_block, rare=_RARE))
        return int(self._connection.execute("SELECT count(*) FROM pairs").fetchone()[0])

    @cached_property
    def surroundings(self) -> Surroundings:
        """What the list says about keys and words, once they are paired up."""
        return Surroundings(self._holders, self._is_rare, self._largest_block)

    def _holders(self, key: str) -> int:
        found = self._connection.execute("SELECT size FROM blocks WHERE hash = ?", [hash(key)]).fetchone()
        return int(found[0]) if found else 1

    def _is_rare(self, word: str) -> bool:
        return self._connection.execute("SELECT 1 FROM rare WHERE hash = ?", [hash(word)]).fetchone() is not None

    def pairs(self) -> Iterator[tuple[int, Traits, int, Traits]]:
        """The pairs to compare, by their first record."""
        cursor = self._connection.execute(
            "SELECT one, a.record, other, b.record FROM pairs "
            "JOIN records AS a ON a.number = one JOIN records AS b ON b.number = other ORDER BY one, other"
        )
        last, first = 0, None
        while chunk := cursor.fetchmany(_BATCH):
            for one, record, other, record2 in chunk:
                if first is None or one != last:
                    last, first = one, self._kind(_decode(record), self._no_company)
                yield one, first, other, self._kind(_decode(record2), self._no_company)

    def traits(self, number: int) -> Traits:
        """A record's traits."""
        return self._kind(self.record(number), self._no_company)

    def record(self, number: int) -> dict[str, Any]:
        """A record, as it was added."""
        return _decode(self._connection.execute("SELECT record FROM records WHERE number = ?", [number]).fetchone()[0])

    def keep_scores(self, scored: Iterable[tuple[int, int, float, str]]) -> None:
        """Keep what pairs have been found to be, in place of the candidates: first, second, score, reasons."""
        self._connection.execute("BEGIN")
        self._connection.execute("CREATE TABLE scores (one INTEGER, other INTEGER, score REAL, reasons TEXT)")
        self._connection.executemany("INSERT INTO scores VALUES (?, ?, ?, ?)", scored)
        self._connection.execute("COMMIT")

    def scores(self) -> Iterator[tuple[int, int, float, str]]:
        """The pairs that are duplicates, the surest first."""
        cursor = self._connection.execute(
            "SELECT one, other, score, reasons FROM scores ORDER BY score DESC, one, other"
        )
        while chunk := cursor.fetchmany(_BATCH):
            yield from chunk
