"""What a record is compared by, and what two records say for and against being one: an entity a class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final

from airflow_provider_pipedrive.bulk.duplicates.names import compare_names, compare_titles, edits, mailboxes_named
from airflow_provider_pipedrive.bulk.duplicates.texts import (
    address_words,
    company_words,
    is_same_phone,
    mail_key,
    person_words,
    phone_digits,
    phone_tail,
    words_of,
)
from airflow_provider_pipedrive.client.field_values import PUBLIC_MAIL, domain_key
from airflow_provider_pipedrive.client.times import read_time

Record = Mapping[str, Any]
IDENTIFIERS: Final = "identifiers"
"""Where a record has the values of the rules' own fields."""
_ROLES_TEXT: Final = """
    info office sales contact hello mail admin team support service kontakt buero vertrieb billing accounts invoice
    rechnung einkauf purchasing hr jobs marketing help enquiries inquiries reception empfang zentrale post"""
_ROLES: Final = frozenset(_ROLES_TEXT.split())
"""Mailboxes of an office and not of a person."""
_OWN: Final = 3
"""Records up to which a number or an address may be one person's: more are an office's."""
_TOGETHER, _APART = 7, 180
"""Days between two creations: of one import, or of another year's business."""


@dataclass(frozen=True)
class Surroundings:
    """What the whole list says about a value.

    :ivar holders: how many records have a key
    :ivar is_rare: whether hardly another record has a word
    :ivar largest_block: of how many records on a key says nothing
    """

    holders: Callable[[str], int]
    is_rare: Callable[[str], bool]
    largest_block: int

    def is_shared(self, key: str) -> bool:
        """Whether so many records have a key that it is nobody's own."""
        return self.holders(key) > _OWN


class Traits(ABC):
    """A record's traits.

    :cvar kept: the record's fields that are read and shown
    :ivar words: the words of its name, to be counted
    """

    kept: ClassVar[tuple[str, ...]]
    words: Iterable[str] = ()

    def __init__(self, record: Record, no_company: frozenset[str] = frozenset()) -> None:
        self.identifiers: Mapping[str, str] = record.get(IDENTIFIERS) or {}
        self._read(record, no_company)

    @abstractmethod
    def _read(self, record: Record, no_company: frozenset[str]) -> None: ...

    def keys(self) -> list[str]:
        """What a duplicate of this record may have too: pairs with a key in common are compared."""
        found = list(self._keys())
        if self.identifiers:
            found += [f"i{name}={value}" for name, value in self.identifiers.items()]
        return found

    @abstractmethod
    def _keys(self) -> Iterator[str]: ...

    def evidence(self, other: Any, among: Surroundings) -> Iterator[str]:
        """What speaks for and against this and the other record being one: names of weights."""
        for name, value in self.identifiers.items():
            if name in other.identifiers:
                yield "identifier same" if value == other.identifiers[name] else "identifier differs"
        yield from self._evidence(other, among)

    @abstractmethod
    def _evidence(self, other: Any, among: Surroundings) -> Iterator[str]: ...


class PersonTraits(Traits):
    """A person's name, addresses, numbers and organization."""

    kept = ("id", "name", "emails", "phones", "org_id", "birthday", "owner_id", "visible_to", "add_time")

    def _read(self, record: Record, no_company: frozenset[str]) -> None:
        self._called: str = record.get("name") or ""
        self.name = person_words(self._called)
        self.initials = _initials(self.name)
        self.mails = _distinct(mail_key, record.get("emails"))
        self.phones = _distinct(phone_digits, record.get("phones"))
        self.organization = record.get("org_id")
        self.birthday = record.get("birthday")
        self.domains: list[str] = []
        for mail in self.mails:
            host = mail.rpartition("@")[2]
            if host not in PUBLIC_MAIL and host not in no_company and host not in self.domains:
                self.domains.append(host)

    @property
    def named_by(self) -> frozenset[str]:
        """The mailboxes that it is called by."""
        return mailboxes_named(self._called, self.mails)

    def _keys(self) -> Iterator[str]:
        if self.name:
            yield "n" + "".join(sorted("".join(self.name)))  # in any order, with any spaces
            if self.organization is not None:
                yield f"o{self.organization} {self.initials}"
            for host in self.domains:
                yield f"d{host} {self.initials}"
        for mail in self.mails:
            yield f"m{mail}"
        for digits in self.phones:
            yield f"p{phone_tail(digits)}"

    def _evidence(self, other: PersonTraits, among: Surroundings) -> Iterator[str]:
        if self.name and other.name:
            agreement = compare_names(self.name, other.name)
            if agreement == "same" or (self.named_by | other.named_by).isdisjoint({*self.mails} & {*other.mails}):
                yield f"name {agreement}"  # else it says no more than the mailbox does
        yield from self._mail_evidence(other, among)
        if self.phones and other.phones:
            same = [one for one in self.phones if any(is_same_phone(one, each) for each in other.phones)]
            if not same:
                yield "phone differs"
            else:
                yield "phone shared" if all(among.is_shared(f"p{phone_tail(one)}") for one in same) else "phone same"
        if self.organization is not None and self.organization == other.organization:
            yield "organization same"
        elif any(
            host in other.domains and among.holders(f"d{host} {self.initials}") <= among.largest_block
            for host in self.domains
        ):
            yield "domain same"
        elif self.organization is not None and other.organization is not None:
            yield "organization differs"
        if self.birthday and other.birthday:
            yield "birthday same" if self.birthday == other.birthday else "birthday differs"

    def _mail_evidence(self, other: PersonTraits, among: Surroundings) -> Iterator[str]:
        if not self.mails or not other.mails:
            return
        same = [mail for mail in self.mails if mail in other.mails]
        if same:
            own = any(mail.split("@")[0] not in _ROLES and not among.is_shared(f"m{mail}") for mail in same)
            yield "email same" if own else "email shared"
            return
        found = {_compare_mails(one, each) for one in self.mails for each in other.mails}
        yield min(found, key=("email near", "email numbered", "email differs").index)


def _initials(name: list[str]) -> str:
    """Of the first and the last word, in the order of the alphabet."""
    if not name:
        return ""
    first, last = name[0][0], name[-1][0]
    return first + last if first <= last else last + first


def _compare_mails(one: str, other: str) -> str:
    local, _, host = one.rpartition("@")
    local2, _, host2 = other.rpartition("@")
    letters, letters2 = (("".join(filter(str.isalpha, each))) for each in (local, local2))
    digits, digits2 = (("".join(filter(str.isdigit, each))) for each in (local, local2))
    if host == host2 and letters == letters2 and digits != digits2:
        return "email numbered"
    if digits == digits2 and len(letters) > 4:
        if host == host2 and edits(letters, letters2, 1) <= 1:
            return "email near"
        if local == local2 and edits(host, host2, 1) <= 1:
            return "email near"
    return "email differs"


class OrganizationTraits(Traits):
    """An organization's name, legal form, website and address."""

    kept = (
        *("id", "name", "website", "linkedin", "address", "annual_revenue", "employee_count"),
        *("owner_id", "visible_to", "add_time"),
    )

    def _read(self, record: Record, no_company: frozenset[str]) -> None:
        self.name, self.legal_form = company_words(record.get("name") or "")
        self.words = dict.fromkeys(self.name)
        website = (record.get("website") or "").strip()
        host = domain_key(website) if website else None
        self.host = None if host in no_company else host
        self.page = website.lower().partition("//")[2].removeprefix("www.").rstrip("/") if "//" in website else website
        self.linkedin = (record.get("linkedin") or "").lower().rstrip("/")
        self.sizes = (record.get("annual_revenue"), record.get("employee_count"))
        self.address = address_words(_address(record.get("address")))

    def _keys(self) -> Iterator[str]:
        joined = "".join(sorted(self.name))
        if joined:
            yield f"n{joined}"
            yield f"f{self.name[0]} {self.name[-1][0]}"
        if self.host:
            yield f"h{self.host}"
            yield f"g{self.page}"
        if self.address:
            yield "a" + " ".join(sorted(self.address))
            if joined:
                yield f"b{joined[0]} " + " ".join(sorted(word for word in self.address if not word.isalpha()))

    def _evidence(self, other: OrganizationTraits, among: Surroundings) -> Iterator[str]:
        if self.name and other.name:
            agreement = compare_titles(self.name, other.name)
            yield f"name {agreement}"
            if agreement == "same" and any(map(among.is_rare, self.name)):
                yield "name rare"
        if self.legal_form and other.legal_form and self.legal_form != other.legal_form:
            yield "legal form differs"
        if self.host and other.host:
            shared = among.is_shared(f"h{self.host}")
            same = self.page == other.page if shared else self.host == other.host
            yield "website same" if same else "website differs"
        if self.linkedin and self.linkedin == other.linkedin:
            yield "linkedin same"
        compared = [mine == others for mine, others in zip(self.sizes, other.sizes, strict=True) if mine and others]
        if compared:
            yield "size same" if all(compared) else "size differs"
        if self.address and other.address:
            yield f"address {_compare_addresses(self.address, other.address)}"


def _compare_addresses(one: frozenset[str], other: frozenset[str]) -> str:
    """``same``: one is the other but for words; ``near``: one house number, or half of the words."""
    small, large = sorted((one, other), key=len)
    common = small & large
    numbers = {word for word in small if not word.isalpha()}
    if numbers <= large and len(common) * 5 >= len(small) * 4:
        return "same"
    return "near" if len(common) * 2 > len(small) and (not numbers or numbers & large) else "differs"


class DealTraits(Traits):
    """A deal's, or lead's, title, contacts, value and times."""

    kept = (
        *("id", "title", "org_id", "organization_id", "person_id", "value", "currency", "pipeline_id", "status"),
        *("is_archived", "owner_id", "visible_to", "add_time", "close_time"),
    )

    def _read(self, record: Record, no_company: frozenset[str]) -> None:
        self.title = words_of(record.get("title") or "")
        self.organization = record.get("org_id", record.get("organization_id"))
        self.person = record.get("person_id")
        value = record.get("value")
        amount, currency = (
            (value.get("amount"), value.get("currency"))
            if isinstance(value, Mapping)
            else (value, record.get("currency"))
        )
        self.value = f"{float(amount):.2f} {currency}" if amount else None
        self.pipeline = record.get("pipeline_id")
        self.is_open = record.get("status", "open") == "open" and not record.get("is_archived")
        self.added: datetime | None = read_time(record.get("add_time"))

    def _keys(self) -> Iterator[str]:
        title = " ".join(sorted(self.title))
        anchors = [f"o{self.organization}"] * (self.organization is not None)
        anchors += [f"p{self.person}"] * (self.person is not None)
        for anchor in anchors or ["-"]:
            yield f"{anchor} {title}"
            if self.value:
                yield f"{anchor} v{self.value}"
            if self.title and anchor != "-":
                yield f"{anchor} w{self.title[0]}"

    def _evidence(self, other: DealTraits, among: Surroundings) -> Iterator[str]:
        if self.title and other.title:
            agreement = compare_titles(self.title, other.title)
            usual = agreement == "same" and self.title[-1] in ("deal", "lead")
            yield "title usual" if usual else f"title {agreement}"
        for name in ("organization", "person", "value"):
            mine, others = getattr(self, name), getattr(other, name)
            if mine is not None and others is not None:
                yield f"{name} {'same' if mine == others else 'differs'}"
        if self.pipeline != other.pipeline:
            yield "pipeline differs"
        yield from self._time_evidence(other)

    def _time_evidence(self, other: DealTraits) -> Iterator[str]:
        if self.added is None or other.added is None:
            return
        days = abs((self.added - other.added).days)
        if days <= _TOGETHER:
            yield "made together"
        elif days > _APART:
            yield "made apart" if self.is_open and other.is_open else "closed apart"


TRAITS: Final[Mapping[str, type[Traits]]] = {
    "persons": PersonTraits,
    "organizations": OrganizationTraits,
    "deals": DealTraits,
    "leads": DealTraits,
}


def _distinct(read: Callable[[str], str | None], entries: Any) -> list[str]:
    """What ``read`` makes of a list of addresses or numbers, each once."""
    if not entries:
        return []
    found: list[str] = []
    for entry in entries:
        text = read(str(entry.get("value") or ""))
        if text is not None and text not in found:
            found.append(text)
    return found


def _address(value: Any) -> str:
    """A postal address as text: v2 has an object."""
    return str((value.get("value") if isinstance(value, Mapping) else value) or "")
