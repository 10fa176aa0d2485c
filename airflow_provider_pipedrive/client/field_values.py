"""What values of fields are, whatever the field: whether there is one, and in which form two of them are compared.

The forms, for what tables have and records have alike:

- texts: capital letters do not count, white space is one space, Unicode in its composed form (NFC);
- phone numbers: digits only; ``00`` and ``+`` before a country code are the same, ``(0)`` is left out;
- numbers: by their value.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

_PUBLIC_MAIL = """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com
    mac.com aol.com gmx.de gmx.net gmx.com web.de t-online.de freenet.de mail.com mail.ru yandex.ru
    yandex.com proton.me protonmail.com zoho.com qq.com 163.com 126.com orange.fr free.fr laposte.net
    wanadoo.fr libero.it virgilio.it comcast.net verizon.net att.net btinternet.com hotmail.co.uk
    yahoo.co.uk yahoo.de yahoo.fr hotmail.fr outlook.de live.de wp.pl o2.pl onet.pl seznam.cz uol.com.br
    bol.com.br terra.com.br naver.com hanmail.net"""
PUBLIC_MAIL = frozenset(_PUBLIC_MAIL.split())
"""Hosts of mail services at which anybody has an address: they say nothing about a company."""


@dataclass(frozen=True)
class Reference:
    """A record that is meant by its name or e-mail address, still to be looked up.

    :ivar kind: ``person``, ``organization``, ``deal`` or ``product``
    :ivar text: what it was called
    """

    kind: str
    text: str


def native(value: Any) -> Any:
    """A value of numpy's as Python's own; others as they are."""
    if type(value).__module__ != "numpy" or not hasattr(value, "tolist"):
        return value
    found = value.tolist()
    if type(value).__name__ == "datetime64" and isinstance(found, int):  # what is in nanoseconds becomes a number
        found = value.astype("datetime64[us]").tolist()
    return found


def without_fraction(value: Any) -> Any:
    """A number as a whole one where it is that: a table's column with gaps has 4912345.0 for the phone 4912345."""
    value = native(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_missing(value: Any) -> bool:
    """Whether a value is a table's way to say that there is none: ``None``, NaN, NaT."""
    value = native(value)
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return True
    if isinstance(value, Decimal):
        return value.is_nan()
    return isinstance(value, float) and math.isnan(value)


def is_empty(value: Any) -> bool:
    """Whether a field has no value."""
    return value in (None, "", [], {}) or (isinstance(value, Mapping) and value.get("value", value) is None)


def primary_of(entries: Sequence[Mapping[str, Any]]) -> str | None:
    """The primary e-mail address or phone number, or the first."""
    texts = [str(entry.get("value") or "") for entry in entries if entry.get("primary")]
    texts += [str(entry.get("value") or "") for entry in entries]
    return next((text for text in texts if text), None)


def text_key(value: Any) -> str | None:
    """A text in the form in which it is compared."""
    folded = " ".join(unicodedata.normalize("NFC", str(value)).split()).casefold()
    return folded or None


def phone_key(value: Any) -> str | None:
    """A phone number in the form in which it is compared."""
    text = re.sub(r"\(\s*0\s*\)", "", str(value))
    digits = re.sub(r"\D", "", re.split(r"(?i)\b(?:ext|x)\b", text)[0])
    return digits.removeprefix("00") or None


def domain_key(value: Any) -> str | None:
    """The host of a web address or an e-mail address, unless it is a public mail service's."""
    text = str(value).strip()
    host = text.rsplit("@", 1)[1] if "@" in text and "//" not in text else _host(text)
    host = (text_key(host) or "").removeprefix("www.").rstrip(".")
    return host if host and host not in PUBLIC_MAIL else None


def _host(text: str) -> str:
    try:
        return urlsplit(text if "//" in text else f"//{text}").hostname or ""
    except ValueError:
        return ""


def value_key(value: Any) -> str | None:
    """Any field's value in the form in which it is compared."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        number = Decimal(str(value))
        return str(int(number)) if number == number.to_integral_value() else format(number.normalize(), "f")
    if isinstance(value, Mapping):
        return value_key(value.get("value"))
    return text_key(value)
