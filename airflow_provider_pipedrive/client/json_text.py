r"""JSON as it comes: valid JSON may still hold what no text, number or database can.

``"\ud83d"`` is half a character (a program has cut a text in the middle of an emoji), ``"\u0000"`` is a zero byte, and
``1e999`` is beyond every number. RFC 8259 allows all three, and one of them in one record must not keep a whole list
from being read. So a half character becomes U+FFFD, a zero byte is left out, and a number that is none becomes null;
each is counted by its place, for whoever tells people of it. What is not JSON at all (``NaN``, a byte that is not
UTF-8, a cut answer) is refused: there the answer went wrong, not a value, and asking again helps.

https://www.rfc-editor.org/rfc/rfc8259#section-8.2
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from typing import Any, Final, NoReturn

import msgspec

Place = tuple[str, ...]
"""Where a value stands: the key, and for a custom field its code too."""
Losses = Counter[Place]
"""How many values could not be kept as they came, by place."""

NESTED: Final = ("custom_fields",)
"""Objects whose keys are places of their own."""
_ZERO_BYTE: Final = b"\\u0000"
"""How JSON writes a zero byte."""
_HALF: Final = re.compile("[\ud800-\udfff]")
_UNKEEPABLE: Final = re.compile("[\ud800-\udfff\0]")
_MOST_DIGITS: Final = 400
"""The largest number that a double holds has 309 digits."""
_MOST_NAMED: Final = 10
_strict = msgspec.json.Decoder()


def read(body: bytes) -> tuple[Any, dict[str, Losses]]:
    """The value of an answer's JSON, and what of it could not be kept: by the id of the record that had it.

    :raises ValueError: it is not JSON
    """
    refused: Exception | None = None
    if not may_have_zero_byte(body):
        try:
            return _strict.decode(body), {}
        except msgspec.DecodeError as error:
            refused = error
        except (UnicodeDecodeError, RecursionError) as error:
            raise ValueError(f"not valid JSON: {error}") from None
    try:
        found = loads(body)
    except ValueError as error:
        raise ValueError(f"not valid JSON: {refused or error}") from None
    by_record: dict[str, Losses] = {}
    return _mended_answer(found, by_record), by_record


def may_have_zero_byte(body: bytes) -> bool:
    """Whether a JSON text has to be read with care for it. A backslash is found ten times as fast as a longer text."""
    return b"\\" in body and _ZERO_BYTE in body


def loads(body: bytes) -> Any:
    """Valid JSON as it is: half characters as Python has them, numbers beyond every number as infinity.

    :raises ValueError: it is not JSON
    """
    try:
        return json.loads(body.decode(), parse_constant=_refused, parse_int=_whole)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def mend(record: Mapping[str, Any], losses: Losses) -> dict[str, Any]:
    """A record without what cannot be kept.

    :param losses: counts what was lost, by place
    """
    mended: dict[str, Any] = {}
    for key, value in record.items():
        name = _text(key)
        if name != key:
            losses[(name,)] += 1
        if name in NESTED and isinstance(value, dict):
            inner: Losses = Counter()
            mended[name] = mend(value, inner)
            losses.update({(name, *place): count for place, count in inner.items()})
        else:
            mended[name] = _mended(value, (name,), losses)
    return mended


def in_words(by_record: Mapping[str, Losses]) -> str:
    """What could not be kept of some records, for people.

    >>> in_words({"2": Counter({("title",): 1}), "7": Counter({("custom_fields", "ab12"): 2})})
    'id 2 (title), id 7 (custom_fields.ab12)'
    """
    named = [
        f"id {identity} ({', '.join('.'.join(place) for place in losses)})"
        for identity, losses in islice(by_record.items(), _MOST_NAMED)
    ]
    more = len(by_record) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")


REPAIR: Final = (
    "replaced, since no text or number can hold it (half a character by U+FFFD, a zero byte by nothing, a number "
    "beyond all numbers by null)"
)


def _mended_answer(found: Any, by_record: dict[str, Losses]) -> Any:
    """An answer, its records under ``data``, or what else it is."""
    if not isinstance(found, dict):
        return _mended_record(found, by_record)
    data = found.get("data")
    mended = _mended_record({key: value for key, value in found.items() if key != "data"}, by_record)
    if isinstance(data, list):
        mended["data"] = [_mended_record(item, by_record) for item in data]
    elif "data" in found:
        mended["data"] = _mended_record(data, by_record)
    return mended


def _mended_record(record: Any, by_record: dict[str, Losses]) -> Any:
    losses: Losses = Counter()
    mended = mend(record, losses) if isinstance(record, dict) else _mended(record, (), losses)
    if losses:
        identity = str(mended.get("id", "unknown") if isinstance(mended, dict) else "unknown")
        by_record.setdefault(identity, Counter()).update(losses)
    return mended


def _mended(value: Any, place: Place, losses: Losses) -> Any:
    if isinstance(value, str):
        text = _text(value)
        losses.update([place] if text != value else ())
        return text
    if isinstance(value, float) and not math.isfinite(value):
        losses[place] += 1
        return None
    if isinstance(value, list):
        return [_mended(item, place, losses) for item in value]
    if isinstance(value, dict):
        inner: Losses = Counter()
        mended = mend(value, inner)
        losses.update([place] * inner.total())
        return mended
    return value


def _text(text: str) -> str:
    if not _UNKEEPABLE.search(text):
        return text
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text).replace("\0", "")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else math.inf


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a valid number of JSON")
