"""Which record a row is: keys in one form, so that case, spaces and the writing of phone numbers do not matter.

The rules, each for rows and records alike:

- texts: capital letters do not count, white space is one space, Unicode in its composed form (NFC);
- e-mail addresses: as texts; what follows a plus sign counts, for Pipedrive tells such addresses apart too;
- phone numbers: digits only; ``00`` and ``+`` before a country code are the same, ``(0)`` is left out;
- domains: the host of a web address or an e-mail address without ``www.``; those of public mail services are no key;
- numbers: by their value.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_pipedrive.client.field_values import current
from airflow_provider_pipedrive.client.fields import Field

_JOINT = "\x1f"
_PUBLIC_MAIL = """
    gmail.com googlemail.com outlook.com hotmail.com live.com msn.com yahoo.com ymail.com icloud.com me.com
    mac.com aol.com gmx.de gmx.net gmx.com web.de t-online.de freenet.de mail.com mail.ru yandex.ru
    yandex.com proton.me protonmail.com zoho.com qq.com 163.com 126.com orange.fr free.fr laposte.net
    wanadoo.fr libero.it virgilio.it comcast.net verizon.net att.net btinternet.com hotmail.co.uk
    yahoo.co.uk yahoo.de yahoo.fr hotmail.fr outlook.de live.de wp.pl o2.pl onet.pl seznam.cz uol.com.br
    bol.com.br terra.com.br naver.com hanmail.net"""
PUBLIC_MAIL = frozenset(_PUBLIC_MAIL.split())
"""Hosts of mail services at which anybody has an address: they say nothing about a company."""


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


@dataclass(frozen=True)
class KeyPart:
    """One of the things that rows are matched on.

    :ivar name: what the job calls it
    :ivar field: the field that a row gives it by
    :ivar rule: ``email``, ``phone``, ``domain`` or ``value``
    """

    name: str
    field: Field
    rule: str

    def of_row(self, values: Mapping[str, Any]) -> str | None:
        """A row's key, or None where the row says nothing."""
        return _RULES[self.rule](values.get(self.field.key)) if values.get(self.field.key) is not None else None

    def of_record(self, record: Mapping[str, Any], *, flat: bool) -> Iterable[str]:
        """The keys of a record: an address of any rank tells who a person is."""
        return filter(None, (_RULES[self.rule](value) for value in self._values(record, flat=flat) if value))

    def _values(self, record: Mapping[str, Any], *, flat: bool) -> Iterable[Any]:
        listed = {"email": "emails", "phone": "phones"}.get(self.field.key)
        if listed:
            return [entry.get("value") for entry in record.get(listed) or ()]
        return [record["id"] if self.field.key == "id" else current(self.field, record, flat=flat)]


def _entries_key(rule: Any) -> Any:
    def key(value: Any) -> str | None:
        if isinstance(value, list):  # a row may give the whole list: its primary entry counts
            chosen = next((entry for entry in value if entry.get("primary")), value[0] if value else {})
            value = chosen.get("value")
        found: str | None = rule(value) if value is not None else None
        return found

    return key


_RULES = {
    "email": _entries_key(text_key),
    "phone": _entries_key(phone_key),
    "domain": _entries_key(domain_key),
    "value": value_key,
}


def key_of_row(parts: Iterable[KeyPart], values: Mapping[str, Any]) -> str | None:
    """What a row is matched on; None where a part of it is missing."""
    found = [part.of_row(values) for part in parts]
    return _JOINT.join(text for text in found if text is not None) if None not in found else None


def keys_of_record(parts: Iterable[KeyPart], record: Mapping[str, Any], *, flat: bool) -> set[str]:
    """Every key by which a row may mean this record."""
    return {_JOINT.join(chosen) for chosen in itertools.product(*(part.of_record(record, flat=flat) for part in parts))}


def shown_key(key: str | None) -> str:
    """A key as people read it."""
    return " + ".join((key or "").split(_JOINT))
