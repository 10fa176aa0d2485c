"""Names, addresses and numbers as people write them, in the form in which two records are compared.

The forms are coarser than those that rows are matched by (:mod:`airflow_provider_pipedrive.client.field_values`): here
another spelling of a name is to be found, and a person decides about what is found.
"""

from __future__ import annotations

import re
from typing import Final

from text_unidecode import unidecode

from airflow_provider_pipedrive.client.field_values import phone_key


class _Ascii(dict[int, str]):
    """What each letter is in ASCII, looked up once."""

    def __missing__(self, code: int) -> str:
        found: str = unidecode(chr(code))
        self[code] = found
        return found


_ASCII: Final = _Ascii()
_SEPARATORS: Final = str.maketrans(dict.fromkeys('-_/\\|;:()[]{}"*#,&+', " ") | dict.fromkeys("'`.\u2019\u00b4", ""))
_UMLAUTS: Final = re.compile("([aou])e")
_TITLES_TEXT: Final = """
    mr mrs ms miss dr prof sir herr frau hr fr dipl ing msc bsc mba phd mag mme mlle sr sra don jr senior junior"""
_TITLES: Final = frozenset(_TITLES_TEXT.split())
_FAMILIES: Final = {
    "limited": "gmbh mbh ltd limited llc sarl srl bv bvba sprl oyj oy aps ou doo sro kft sia uab zoo spzoo eood pty",
    "stock": "ag inc incorporated corp corporation plc sa spa nv ab asa as se joint",
    "partners": "kg kgaa ohg gbr llp lp snc partnerschaft",
    "sole": "ek eu",
    "small": "ug sas sasu eurl",
    "club": "ev eg stiftung foundation verein",
}
_LEGAL_FORMS: Final = {form: family for family, forms in _FAMILIES.items() for form in forms.split()}
"""Legal forms, by a family within which they are translated or confused: ``GmbH`` for ``Ltd``."""
_NO_NAME: Final = frozenset(
    ("the", "and", "und", "et", "y", "of", "co", "company", "haftungsbeschrankt", "sp", "z", "o")
)
_ABBREVIATED: Final = re.compile(r"\b(?:[A-Za-z]\.\s?){2,}")
_STREETS: Final = {"strasse": "str", "street": "st", "avenue": "ave", "road": "rd", "platz": "pl", "square": "sq"}
_GMAIL: Final = ("gmail.com", "googlemail.com")
_NO_DIGITS: Final = str.maketrans("", "", "+-/. ")
_TAIL: Final = 7
"""Last digits that find the writings of one phone number: the shortest national numbers are that long."""


def letters_of(text: str) -> str:
    """The letters of a text, small and in ASCII."""
    return "".join(filter(str.isalpha, text.translate(_ASCII).lower()))


def words_of(text: str) -> list[str]:
    """The words of a text in small ASCII letters; ``Müller``, ``Mueller`` and ``Muller`` are the same."""
    if not text.isascii():
        text = text.translate(_ASCII)
    text = text.lower().translate(_SEPARATORS)
    if "ae" in text or "oe" in text or "ue" in text:
        text = _UMLAUTS.sub(r"\1", text)
    return text.split()


def person_words(name: str) -> list[str]:
    """The words of a person's name without titles; of one that is an address or a mailbox, those before the ``@``."""
    if "@" in name or " " not in name:
        name = re.sub(r"\d", "", name.split("@")[0]).replace(".", " ")
    elif "." in name:
        name = name.replace(".", ". ")
    found = words_of(name)
    return found if _TITLES.isdisjoint(found) else [word for word in found if word not in _TITLES] or found


def company_words(name: str) -> tuple[list[str], str | None]:
    """The words of a company's name, and the family of its legal form, if it has one."""
    joined = _ABBREVIATED.sub(lambda found: found[0].replace(".", "").replace(" ", "") + " ", name)
    found = words_of(joined)
    family = next((_LEGAL_FORMS[word] for word in reversed(found) if word in _LEGAL_FORMS), None)
    own = [word for word in found if word not in _LEGAL_FORMS and word not in _NO_NAME]
    return (own or found), family


def mail_key(address: str) -> str | None:
    """The mailbox of an e-mail address: what follows a plus sign, and Gmail's dots, lead to the same one."""
    local, _, host = address.strip().lower().rpartition("@")
    if not local or "." not in host:
        return None
    if "+" in local:
        local = local.split("+", 1)[0] or local
    return f"{local.replace('.', '')}@gmail.com" if host in _GMAIL else f"{local}@{host}"


def phone_digits(number: str) -> str | None:
    """The digits of a phone number without a trunk zero; None where there are too few."""
    digits = number.translate(_NO_DIGITS)  # of most numbers nothing else is left
    if not (digits.isdecimal() and digits.isascii()):
        digits = phone_key(number) or ""
    digits = digits.lstrip("0")
    return digits if len(digits) >= _TAIL else None


def phone_tail(digits: str) -> str:
    """What two writings of one number have in common, with and without their country code."""
    return digits[-_TAIL:]


def is_same_phone(one: str, other: str) -> bool:
    """Whether two numbers are one: equal, or equal but for a country code."""
    short, long = sorted((one, other), key=len)
    return short == long or (len(long) - len(short) <= 3 and long.endswith(short))


def address_words(address: str) -> frozenset[str]:
    """The words of a postal address, with house numbers and abbreviated streets in one form."""
    found: set[str] = set()
    for word in words_of(address):
        for whole, short in _STREETS.items():
            if word.endswith(whole):
                word = word.removesuffix(whole) + short
        found.add(word)
    return frozenset(found)
