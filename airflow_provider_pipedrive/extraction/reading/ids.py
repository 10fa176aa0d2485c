"""Sets of ids, small enough for millions of them."""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_pipedrive.extraction.reading.pages import Identity


class Ids:
    """A set of whole numbers, a bit for each.

    :param bits: to begin with, as :attr:`bits` gives them
    """

    def __init__(self, bits: bytes = b"") -> None:
        self._bits = bytearray(bits)

    @property
    def bits(self) -> bytes:
        """The set, to be kept."""
        return bytes(self._bits.rstrip(b"\0"))

    def add(self, ids: Iterable[Identity]) -> None:
        """Put them in."""
        bits = self._bits
        for number in ids:
            if isinstance(number, int):
                at = number >> 3
                if at >= len(bits):
                    bits.extend(bytes(at + 4096 - len(bits)))
                bits[at] |= 1 << (number & 7)

    def remove(self, ids: Iterable[Identity]) -> None:
        """Take them out."""
        for number in ids:
            if isinstance(number, int) and number >> 3 < len(self._bits):
                self._bits[number >> 3] &= ~(1 << (number & 7))

    @property
    def count(self) -> int:
        """How many there are."""
        return int.from_bytes(self._bits).bit_count()

    def all(self) -> list[int]:
        """Them, in order."""
        return [at * 8 + bit for at, byte in enumerate(self._bits) if byte for bit in range(8) if byte >> bit & 1]

    def missing(self, highest: int = 0) -> list[int]:
        """Those from 1 to ``highest``, or to the greatest that is there, that are not there."""
        bits = self._bits
        greatest = int.from_bytes(bits, "little").bit_length() - 1
        inside = [number for number in range(1, greatest) if not bits[number >> 3] >> (number & 7) & 1]
        return [*inside, *range(max(greatest, 0) + 1, highest + 1)]
