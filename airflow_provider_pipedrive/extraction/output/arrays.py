"""Arrow arrays of Python's values, laid out here.

``pyarrow.array`` asks of whatever it is given whether it is pandas', and imports pandas for that where it is installed:
0.3 s of CPU and 55 MB, in a task that has no other use for it. The same holds for ``pyarrow.scalar``, and for values of
Python's that are handed to a function of ``pyarrow.compute``: it gets the one value of an array. Reading times back,
with ``to_pylist``, does it too.

How arrays are laid out: https://arrow.apache.org/docs/format/Columnar.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa

UTC_TIME: Final = pa.timestamp("us", "UTC")
"""The type of moments."""
OUT_OF_RANGE: Final = (pa.ArrowInvalid, struct.error)
"""What is raised for a value that the array's type cannot hold."""


def integers(values: Sequence[int | None], *, gaps: bool) -> Any:
    """Whole numbers of 64 bits.

    :param gaps: whether any of them is None
    """
    return _numbers(pa.int64(), "q", values, gaps=gaps)


def numbers(values: Sequence[float | None], *, gaps: bool) -> Any:
    """Numbers."""
    return _numbers(pa.float64(), "d", values, gaps=gaps)


def booleans(values: Sequence[bool | None], *, gaps: bool) -> Any:
    """Whether or not."""
    bits = _bits(["1" if value else "0" for value in values])
    return pa.Array.from_buffers(pa.bool_(), len(values), [_validity(values, gaps=gaps), bits])


def texts(values: Sequence[str | None], *, gaps: bool) -> Any:
    """Texts."""
    found = _filled(values, "", gaps=gaps)
    whole = "".join(found)
    lengths = map(len, found if whole.isascii() else map(str.encode, found))
    layout = [_validity(values, gaps=gaps), _ends(lengths), pa.py_buffer(whole.encode())]
    return pa.Array.from_buffers(pa.string(), len(values), layout)


def lists(values: Sequence[Sequence[Any] | None], elements: Any, *, gaps: bool) -> Any:
    """Lists.

    :param elements: those of all of them, one after another
    """
    layout = [_validity(values, gaps=gaps), _ends(map(len, _filled(values, (), gaps=gaps)))]
    return pa.Array.from_buffers(pa.list_(elements.type), len(values), layout, children=[elements])


def moment(value: datetime) -> Any:
    """A moment, as a value of Arrow's."""
    since = (value - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return integers([since], gaps=False).cast(UTC_TIME)[0]


def _numbers(kind: Any, code: str, values: Sequence[Any], *, gaps: bool) -> Any:
    layout = [_validity(values, gaps=gaps), _packed(code, _filled(values, 0, gaps=gaps))]
    return pa.Array.from_buffers(kind, len(values), layout)


def _ends(lengths: Iterable[int]) -> Any:
    """Where the first begins, and where each ends."""
    return _packed("i", [*accumulate(lengths, initial=0)])


def _packed(code: str, values: Sequence[Any]) -> Any:
    return pa.py_buffer(struct.pack(f"{len(values)}{code}", *values))


def _filled(values: Sequence[Any], nothing: Any, *, gaps: bool) -> Sequence[Any]:
    return [nothing if value is None else value for value in values] if gaps else values


def _validity(values: Sequence[Any], *, gaps: bool) -> Any:
    """Which of the values are any; None where all are."""
    return _bits(["0" if value is None else "1" for value in values]) if gaps else None


def _bits(digits: Sequence[str]) -> Any:
    """A bit for each digit, from the lowest of each byte on."""
    return pa.py_buffer(int("".join(reversed(digits)) or "0", 2).to_bytes((len(digits) + 7) // 8, "little"))
