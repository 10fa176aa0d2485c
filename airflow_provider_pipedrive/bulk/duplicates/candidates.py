"""Records and their keys in files, and the pairs that have a key in common.

Two keys of one hash only lead to a pair that is compared in vain.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.bulk.duplicates.holders import Holders
from airflow_provider_pipedrive.bulk.duplicates.record_file import RecordFile
from airflow_provider_pipedrive.bulk.duplicates.traits import Surroundings, Traits

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA cache_size = -16000;
PRAGMA temp_store = FILE;
CREATE TABLE shared (hash INTEGER PRIMARY KEY, size INTEGER);
CREATE TABLE common (hash INTEGER PRIMARY KEY);
CREATE TABLE pairs (one INTEGER, other INTEGER, PRIMARY KEY (one, other)) WITHOUT ROWID;
"""
_COMMON = 3
"""Records from which on a word is common: two with a rare one would be one."""
_BATCH = 500


class Candidates:
    """The records of a list, by number from 1 on.

    :param folder: where they are kept
    :param kind: of what they are compared by
    """

    def __init__(self, folder: Path, kind: type[Traits], *, largest_block: int, no_company: frozenset[str]) -> None:
        self._connection = sqlite3.connect(folder / "pairs.sqlite", isolation_level=None, check_same_thread=False)
        self._connection.executescript(_SCHEMA)
        self._records = RecordFile(folder / "records")
        self._keys = Holders(folder / "keys")
        self._words = Holders(folder / "words")
        self._kind = kind
        self._largest_block = largest_block
        self._no_company = no_company

    @property
    def count(self) -> int:
        """How many records there are."""
        return len(self._records)

    def close(self) -> None:
        """Close the files."""
        self._records.close()
        self._connection.close()

    def add(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Keep records and their keys."""
        for number, record in enumerate(records, self.count + 1):
            traits = self._kind(record, self._no_company)
            self._keys.add(number, traits.keys())
            self._words.add(number, traits.words)
        self._records.append(records)
        self._keys.flush()
        self._words.flush()

    def pair_up(self) -> int:
        """Find the pairs that have a key in common; returns how many there are."""
        self._connection.execute("BEGIN")
        for shared in self._keys.shared(2):
            sizes = ((key, len(numbers)) for key, numbers in shared)
            self._connection.executemany("INSERT INTO shared VALUES (?, ?)", sizes)
            blocks = (numbers for _, numbers in shared if len(numbers) <= self._largest_block)
            pairs = (pair for numbers in blocks for pair in combinations(numbers, 2))
            self._connection.executemany("INSERT OR IGNORE INTO pairs VALUES (?, ?)", pairs)
        for common in self._words.shared(_COMMON):
            self._connection.executemany("INSERT INTO common VALUES (?)", ((word,) for word, _ in common))
        self._connection.execute("COMMIT")
        return int(self._connection.execute("SELECT count(*) FROM pairs").fetchone()[0])

    @cached_property
    def surroundings(self) -> Surroundings:
        """What the list says about keys and words, once they are paired up."""
        return Surroundings(self._holders, self._is_rare, self._largest_block)

    def _holders(self, key: str) -> int:
        found = self._connection.execute("SELECT size FROM shared WHERE hash = ?", [hash(key)]).fetchone()
        return int(found[0]) if found else 1

    def _is_rare(self, word: str) -> bool:
        return self._connection.execute("SELECT 1 FROM common WHERE hash = ?", [hash(word)]).fetchone() is None

    def pairs(self) -> Iterator[tuple[int, Traits, int, Traits]]:
        """The pairs to compare, by their first record."""
        cursor = self._connection.execute("SELECT one, other FROM pairs ORDER BY one, other")
        last, first = 0, None
        while chunk := cursor.fetchmany(_BATCH):
            for one, other in chunk:
                if first is None or one != last:
                    last, first = one, self.traits(one)
                yield one, first, other, self.traits(other)

    def traits(self, number: int) -> Traits:
        """A record's traits."""
        return self._kind(self.record(number), self._no_company)

    def record(self, number: int) -> dict[str, Any]:
        """A record, as it was added."""
        return self._records.record(number)

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
