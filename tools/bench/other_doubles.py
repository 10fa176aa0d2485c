"""Another maker of doubles: other countries' names, and mistakes that the rules were not made with.

What `doubles.py` makes was looked at while the rules were written. This one was not: it tells how far the rules carry.
Two rules came from what it had shown, names that are mailboxes and spaces that are lost; no weight was fitted to it.
"""

from __future__ import annotations

from doubles import Maker, Pairs, Record
from faker import Faker

LOCALES = ("da_DK", "pt_PT", "cs_CZ", "fi_FI", "hu_HU", "nl_BE", "en_AU", "de_AT", "fr_CH")
_NEIGHBOURS = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuiopoasdfghjklxcvbnmn", strict=True))
_LOOKALIKES = (("rn", "m"), ("l", "1"), ("o", "0"), ("cl", "d"), ("i", "j"), ("v", "u"))
_SOUNDS = (("ph", "f"), ("f", "ph"), ("k", "c"), ("c", "k"), ("y", "i"), ("i", "y"), ("s", "z"), ("ie", "i"))


class OtherMaker(Maker):
    """Makes a company as :class:`Maker` does, of other people, and doubles them by other mistakes."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self._others = [Faker(locale) for locale in LOCALES]
        for number, faker in enumerate(self._others):
            faker.seed_instance(seed * 100 + 50 + number)

    def persons(self, count: int, doubled: float = 0.02) -> tuple[list[Record], Pairs]:
        """Persons, and the pairs of ids that are one."""
        return self._with_doubles(count, doubled, _FAULTS)

    def _names(self, locale: str) -> tuple[str, str]:
        faker = self._chance.choice(self._others)
        return faker.first_name(), faker.last_name()

    def replaced(self, text: str, changes: tuple[tuple[str, str], ...]) -> str:
        """A text in which one of these parts, wherever it fits, is another."""
        fitting = [(one, other) for one, other in changes if one in text[1:]]
        if not fitting:
            return self.typo(text)
        one, other = self._chance.choice(fitting)
        at = text.index(one, 1)
        return text[:at] + other + text[at + len(one) :]


def _neighbour(maker: Maker, record: Record) -> None:
    """The key next to the right one."""
    name, at = record["name"], maker._chance.randrange(1, len(record["name"]))
    record["name"] = name[:at] + _NEIGHBOURS.get(name[at], name[at]) + name[at + 1 :]


def _scanned(maker: OtherMaker, record: Record) -> None:
    record["name"] = maker.replaced(record["name"], _LOOKALIKES)


def _heard(maker: OtherMaker, record: Record) -> None:
    record["name"] = maker.replaced(record["name"], _SOUNDS)


def _middle(maker: Maker, record: Record) -> None:
    first, _, last = record["name"].partition(" ")
    record["name"] = f"{first} {maker._chance.choice('ABEJKLMR')}. {last}"


def _glued(maker: Maker, record: Record) -> None:
    record["name"] = record["name"].replace(" ", "", 1)


def _double_barrelled(maker: Maker, record: Record) -> None:
    """Married: the mailbox stays."""
    if record["emails"]:
        record["name"] += f"-{maker._chance.choice(('Novak', 'Berg', 'Costa', 'Laine'))}"


def _mail_as_name(maker: Maker, record: Record) -> None:
    if record["emails"]:
        record["name"] = record["emails"][0]["value"].split("@")[0]


def _mistyped_host(maker: Maker, record: Record) -> None:
    record["emails"] = [{**mail, "value": _last_two_swapped(mail["value"])} for mail in record["emails"]]


def _extension(maker: Maker, record: Record) -> None:
    record["phones"] = [{**phone, "value": f"{phone['value']} ext. 12"} for phone in record["phones"]]


def _in_brackets(maker: Maker, record: Record) -> None:
    record["phones"] = [
        {**phone, "value": f"({phone['value'].replace(' ', ')', 1)}".replace("+", "00")} for phone in record["phones"]
    ]


def _slipped_digit(maker: Maker, record: Record) -> None:
    record["phones"] = [{**phone, "value": _last_two_swapped(phone["value"])} for phone in record["phones"]]


def _last_two_swapped(text: str) -> str:
    return text[:-2] + text[-1] + text[-2]


_FAULTS = (
    *(_neighbour, _scanned, _heard, _middle, _glued, _double_barrelled, _mail_as_name),
    *(_mistyped_host, _extension, _in_brackets, _slipped_digit),
)
