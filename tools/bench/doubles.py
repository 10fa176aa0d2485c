"""A company's contacts and deals in which it is known which records are one: from a seed, with honest mischief.

Half of what is made misleads: namesakes, families on one number, offices on one address, branches, renewals. Records
are in the shape of Pipedrive's v2 lists (leads aside).
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from faker import Faker

Record = dict[str, Any]
Pairs = set[tuple[int, int]]
Faults = tuple[Callable[[Any, Record], None], ...]
"""What a second record of the same has otherwise."""
LOCALES = ("en_US", "en_GB", "de_DE", "fr_FR", "pl_PL", "es_ES", "it_IT", "sv_SE", "nl_NL")
COUNTRY_CODES = {"en_US": "1", "en_GB": "44", "de_DE": "49", "fr_FR": "33", "pl_PL": "48", "es_ES": "34", "it_IT": "39"}
PUBLIC = ("gmail.com", "outlook.com", "web.de", "gmx.de", "yahoo.fr", "wp.pl", "libero.it", "icloud.com")
SHORT = {
    "Robert": "Bob", "William": "Bill", "Elizabeth": "Liz", "Michael": "Mike", "Thomas": "Tom", "Alexander": "Alex",
    "Katharina": "Kathi", "Stefanie": "Steffi", "Richard": "Rick", "James": "Jim", "Margaret": "Peggy", "Josef": "Sepp",
    "Christopher": "Chris", "Daniel": "Dan", "Matthew": "Matt", "Susan": "Sue", "Jennifer": "Jenny", "Andrew": "Andy",
}  # fmt: skip
FORMS = {"en_US": ("Inc", "LLC", "Corp."), "en_GB": ("Ltd", "Limited", "PLC"), "de_DE": ("GmbH", "AG", "GmbH & Co. KG")}
TRADES = ("Consulting", "Foods", "Labs", "Logistics", "Media", "Partners", "Software", "Textiles", "Tools", "Travel")


class Maker:
    """Makes a company.

    :param seed: the same one makes the same company
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._fakers = {locale: Faker(locale) for locale in LOCALES}
        for number, faker in enumerate(self._fakers.values()):
            faker.seed_instance(seed * 100 + number)
        self._since = datetime(2021, 1, 4, tzinfo=UTC)

    # ---- persons

    def persons(self, count: int, doubled: float = 0.02) -> tuple[list[Record], Pairs]:
        """Persons, and the pairs of ids that are one.

        :param doubled: the share of persons of whom there is a second record
        """
        return self._with_doubles(count, doubled, _PERSON_FAULTS)

    def _with_doubles(self, count: int, doubled: float, faults: Faults) -> tuple[list[Record], Pairs]:
        base = [self._person(number, max(2, count // 8)) for number in range(1, count + 1)]
        for person in self._chance.sample(base, int(count * doubled)):
            self._mislead(person, base)
        pairs: Pairs = set()
        for person in self._chance.sample(base, int(count * doubled)):
            double = self._double_of(person, len(base) + 1, faults)
            base.append(double)
            pairs.add((person["id"], double["id"]))
        self._chance.shuffle(base)
        return base, pairs

    def _person(self, number: int, organizations: int) -> Record:
        locale = self._chance.choice(LOCALES)
        first, last = self._names(locale)
        organization = self._chance.randint(1, organizations) if self._chance.random() < 0.85 else None
        host = f"company{organization}.example" if organization and self._chance.random() < 0.8 else None
        return {
            "id": number,
            "name": f"{first} {last}",
            "emails": [_entry(self._address(first, last, number, host))] if self._chance.random() < 0.9 else [],
            "phones": [_entry(self._phone(locale))] if self._chance.random() < 0.7 else [],
            "org_id": organization,
            "owner_id": 1,
            "visible_to": 3,
            "add_time": self._time(),
        }

    def _names(self, locale: str) -> tuple[str, str]:
        return self._fakers[locale].first_name(), self._fakers[locale].last_name()

    def _address(self, first: str, last: str, number: int, host: str | None) -> str:
        letters = [_ascii(first), _ascii(last)]
        local = self._chance.choice((".".join(letters), letters[0][:1] + letters[1], "_".join(letters)))
        if host is None:  # at a public service the name alone is long taken
            return f"{local}{number}@{self._chance.choice(PUBLIC)}"
        return f"{local}@{host}"

    def _phone(self, locale: str) -> str:
        code = COUNTRY_CODES.get(locale, "46")
        return f"+{code} {self._chance.randint(100, 999)} {self._chance.randint(1_000_000, 9_999_999)}"

    def _time(self) -> str:
        return f"{self._since + timedelta(minutes=self._chance.randrange(5 * 365 * 24 * 60)):%Y-%m-%dT%H:%M:%SZ}"

    def _mislead(self, person: Record, base: list[Record]) -> None:
        """Add somebody who is somebody else, however much alike."""
        other = self._person(len(base) + 1, max(2, len(base) // 8))
        first, last = person["name"].split(" ", 1)
        trap = self._chance.choice(("namesake", "family", "office", "colleague", "assistant"))
        if trap == "namesake":
            other["name"] = person["name"]
        elif trap == "family":  # one number, and often one mailbox, of two people
            other["name"] = f"{other['name'].split(' ', 1)[0]} {last}"
            other["phones"] = person["phones"]
            if self._chance.random() < 0.5:
                other["emails"] = person["emails"]
        elif trap == "office":
            other["phones"], other["org_id"] = person["phones"], person["org_id"]
            other["emails"] = [_entry(f"office@company{person['org_id']}.example")]
        elif trap == "colleague":  # the same first name
            other["name"] = f"{first} {other['name'].split(' ', 1)[-1]}"
            other["org_id"] = person["org_id"]
        else:
            other["emails"] = person["emails"]
        if other["name"].split()[0] == first and trap == "family":
            return
        base.append(other)

    # ---- organizations

    def organizations(self, count: int, doubled: float = 0.04) -> tuple[list[Record], Pairs]:
        """Organizations, and the pairs of ids that are one."""
        base = [self._organization(number) for number in range(1, count + 1)]
        for organization in self._chance.sample(base, int(count * doubled)):
            other = self._organization(len(base) + 1)
            if self._chance.random() < 0.5:  # the same name in another town
                other["name"] = organization["name"]
                other["address"] = other["address"] or self._place("de_DE")
                organization["address"] = organization["address"] or self._place("en_GB")
            else:  # the same house
                other["address"] = organization["address"]
            base.append(other)
        pairs: Pairs = set()
        for organization in self._chance.sample(base[:count], int(count * doubled)):
            double = self._double_of(organization, len(base) + 1, _ORGANIZATION_FAULTS)
            base.append(double)
            pairs.add((organization["id"], double["id"]))
        self._chance.shuffle(base)
        return base, pairs

    def _organization(self, number: int) -> Record:
        locale = self._chance.choice(tuple(FORMS))
        faker = self._fakers[locale]
        name = f"{self._brand() if self._chance.random() < 0.85 else faker.last_name()} {self._chance.choice(TRADES)}"
        if self._chance.random() < 0.7:
            name = f"{name} {self._chance.choice(FORMS[locale])}"
        site = f"https://www.{_ascii(name)}{number}.example" if self._chance.random() < 0.7 else None
        return {
            "id": number,
            "name": name,
            "website": site,
            "address": self._place(locale) if self._chance.random() < 0.7 else None,
            "owner_id": 1,
            "visible_to": 3,
            "add_time": self._time(),
        }

    def _brand(self) -> str:
        syllables = [self._chance.choice("bdfgklmnprstvz") + self._chance.choice("aeiou") for _ in range(3)]
        return "".join(syllables).title() + self._chance.choice(("", "n", "x", "r", "tec"))

    def _place(self, locale: str) -> Record:
        faker = self._fakers[locale]
        return {"value": f"{faker.street_address()}, {faker.postcode()} {faker.city()}".replace("\n", ", ")}

    # ---- deals

    def deals(self, count: int, doubled: float = 0.04) -> tuple[list[Record], Pairs]:
        """Deals, and the pairs of ids that are one; a renewal a year later is another deal."""
        base = [self._deal(number, count // 3 + 1) for number in range(1, count + 1)]
        for deal in self._chance.sample(base, int(count * doubled)):
            other = {**deal, "id": len(base) + 1}
            if self._chance.random() < 0.5:
                other |= {"add_time": _later(deal["add_time"], 365)}
                deal["status"] = "won"
            else:  # the same customer's other order
                other |= {
                    "value": deal["value"] + self._chance.randint(100, 9_000),
                    "title": f"{deal['title']} extension",
                }
            base.append(other)
        pairs: Pairs = set()
        for deal in self._chance.sample(base[:count], int(count * doubled)):
            if deal["status"] == "won":
                continue
            double = {**deal, "id": len(base) + 1, "add_time": _later(deal["add_time"], self._chance.randint(0, 40))}
            _DEAL_FAULTS[self._chance.randrange(len(_DEAL_FAULTS))](self, double)
            base.append(double)
            pairs.add((deal["id"], double["id"]))
        self._chance.shuffle(base)
        return base, pairs

    def _deal(self, number: int, organizations: int) -> Record:
        faker = self._fakers["en_US"]
        organization = self._chance.randint(1, organizations)
        what = self._chance.choice(("licences", "rollout", "deal"))
        return {
            "id": number,
            "title": f"{faker.word().title()} {faker.word()} {what} {number % 90}",
            "org_id": organization,
            "person_id": organization * 2 if self._chance.random() < 0.8 else None,
            "value": self._chance.randint(1, 400) * 250,
            "currency": "EUR",
            "pipeline_id": 1,
            "status": "open",
            "is_archived": False,
            "owner_id": 1,
            "visible_to": 3,
            "add_time": self._time(),
            "close_time": None,
        }

    # ---- faults

    def _double_of(self, record: Record, number: int, faults: Faults) -> Record:
        """A second record of the same, as another person, an import or a form would have made it."""
        double = {**record, "id": number, "add_time": self._time()}
        for fault in self._chance.sample(faults, self._chance.choice((1, 1, 2))):
            fault(self, double)
        return double

    def typo(self, text: str) -> str:
        """A slip of the keyboard in the longest word."""
        word = max(text.split(), key=len)
        if len(word) < 5:
            return text
        at = self._chance.randrange(1, len(word) - 2)
        slip = self._chance.choice(("swap", "drop", "double", "change"))
        changed = {
            "swap": word[:at] + word[at + 1] + word[at] + word[at + 2 :],
            "drop": word[:at] + word[at + 1 :],
            "double": word[:at] + word[at] + word[at:],
            "change": word[:at] + self._chance.choice("aeionrst") + word[at + 1 :],
        }[slip]
        return text.replace(word, changed, 1)


def _mistyped(maker: Maker, record: Record) -> None:
    record["name"] = maker.typo(record["name"])


def _swapped(maker: Maker, record: Record) -> None:
    first, _, last = record["name"].partition(" ")
    record["name"] = f"{last}, {first}" if len(last) % 2 else f"{last} {first}"


def _short(maker: Maker, record: Record) -> None:
    first, _, last = record["name"].partition(" ")
    record["name"] = f"{SHORT[first]} {last}" if first in SHORT else f"{first[0]}. {last}"


def _plain(maker: Maker, record: Record) -> None:
    record["name"] = record["name"].translate(str.maketrans("äöüßéèçłńóśżåø", "aousee" + "clnoszao")).upper()


def _titled(maker: Maker, record: Record) -> None:
    record["name"] = f"Dr. {record['name']}"


def _tagged(maker: Maker, record: Record) -> None:
    record["emails"] = [_entry(item["value"].replace("@", "+crm@").title()) for item in record["emails"]]


def _national(maker: Maker, record: Record) -> None:
    record["phones"] = [_entry("0" + item["value"].split(" ", 1)[1].replace(" ", "-")) for item in record["phones"]]


def _without_address(maker: Maker, record: Record) -> None:
    if record["phones"]:
        record["emails"] = []


def _without_number(maker: Maker, record: Record) -> None:
    if record["emails"]:
        record["phones"] = []


def _without_organization(maker: Maker, record: Record) -> None:
    if record["emails"] or record["phones"]:
        record["org_id"] = None


_PERSON_FAULTS = (
    *(_mistyped, _swapped, _short, _plain, _titled, _tagged, _national),
    *(_without_address, _without_number, _without_organization),
)


def _other_form(maker: Maker, record: Record) -> None:
    name = record["name"]
    for form, other in (("GmbH", "G.m.b.H."), ("Limited", "Ltd."), ("Ltd", "Limited"), ("Inc", "Incorporated")):
        if name.endswith(form):
            record["name"] = name.removesuffix(form) + other
            return
    record["name"] = " ".join(name.split()[:2])


def _ampersand(maker: Maker, record: Record) -> None:
    record["name"] = f"The {record['name'].replace(' ', '  ')}"


def _plain_site(maker: Maker, record: Record) -> None:
    if record["website"]:
        record["website"] = record["website"].replace("https://www.", "http://") + "/"


def _without_site(maker: Maker, record: Record) -> None:
    if record["address"]:
        record["website"] = None


def _street(maker: Maker, record: Record) -> None:
    if record["address"]:
        text = record["address"]["value"].replace("Street", "St.").replace("straße", "str.").replace("Road", "Rd")
        record["address"] = {"value": text}


_ORGANIZATION_FAULTS = (_mistyped, _plain, _other_form, _ampersand, _plain_site, _without_site, _street)


def _title_typo(maker: Maker, record: Record) -> None:
    record["title"] = maker.typo(record["title"])


def _without_value(maker: Maker, record: Record) -> None:
    record["value"] = None


def _without_person(maker: Maker, record: Record) -> None:
    record["person_id"] = None


def _louder(maker: Maker, record: Record) -> None:
    record["title"] = f" {record['title'].upper()} "


_DEAL_FAULTS: tuple[Callable[[Maker, Record], None], ...] = (_title_typo, _without_value, _without_person, _louder)


def _entry(value: str) -> Record:
    return {"value": value, "primary": True, "label": "work"}


def _ascii(text: str) -> str:
    from slugify import slugify

    return slugify(text, separator="", regex_pattern="[^a-z0-9]+")


def _later(time: str, days: int) -> str:
    return f"{datetime.fromisoformat(time) + timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}"


def quality(found: Pairs, known: Pairs) -> tuple[float, float]:
    """Precision and recall of pairs."""
    right = len(found & known)
    return (right / len(found) if found else 1.0), right / len(known)


def pairs_of(groups: list[list[int]]) -> Pairs:
    """The pairs of ids that groups put together."""
    return {(one, other) for ids in groups for one in sorted(ids) for other in sorted(ids) if one < other}


def fill(sandbox: Any, entity: str, records: list[Record]) -> None:
    """Have a sandbox hold these records of an entity and no others; one by one over the API it would take minutes."""
    table = sandbox._world.state[entity]
    there = list(table)
    blank = {name: value for name, value in there[0].items() if name not in ("is_archived", "archive_time")}
    for record in there:
        table.remove(record["id"])
    nothing = {"is_deleted": False, "label_ids": []}
    for number, record in enumerate(records):
        custom = {"custom_fields": there[number % len(there)].get("custom_fields")}
        table.put(record["id"], {**dict.fromkeys(blank), **_lists(blank), **nothing, **custom, **record})


def _lists(blank: Record) -> Record:
    return {name: [] for name, value in blank.items() if isinstance(value, list)}
