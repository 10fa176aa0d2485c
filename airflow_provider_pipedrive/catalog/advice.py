"""What messages say: the right name for a wrong one, a command as it can be typed here, a number with its noun."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import SequenceMatcher, get_close_matches
from functools import cache
from importlib.metadata import PackageNotFoundError, version

_MEANS = {
    # what is done
    **dict.fromkeys(("create", "created", "creation", "insert", "new", "make", "post", "upload", "register"), "add"),
    **dict.fromkeys(("remove", "removed", "destroy", "drop", "erase", "deleted"), "delete"),
    **dict.fromkeys(("edit", "edited", "change", "changed", "modify", "modified", "patch", "put", "updated"), "update"),
    **dict.fromkeys(("fetch", "read", "retrieve", "load", "show", "list", "lookup", "select", "query"), "get"),
    "find": "search",
    # to what
    **dict.fromkeys(("company", "organisation", "org", "account", "firm"), "organization"),
    **dict.fromkeys(("contact", "people", "customer"), "person"),
    **dict.fromkeys(("opportunity", "oportunity"), "deal"),
    "attachment": "file",
}
"""Words of other systems, by Pipedrive's own."""
_PERHAPS = {
    "add": ("duplicate",),
    "update": ("set",),
    **dict.fromkeys(("close", "win", "lose", "reopen", "move", "rename", "assign", "complete"), ("update",)),
    "search": ("get",),
    "user": ("owner",),
    "owner": ("user",),
    "name": ("title",),
    "title": ("name", "subject"),
    "subject": ("title",),
    "amount": ("value",),
    "tag": ("label",),
    "mail": ("email", "mail thread"),
    "email": ("mail thread",),
    "me": ("current user",),
    "telephone": ("phone",),
    "description": ("note",),
    **dict.fromkeys(("text", "body", "message"), ("content",)),
    "at": ("time",),
    "date": ("time",),
    "start": ("cursor",),
    "offset": ("start", "cursor"),
    "page": ("start", "cursor"),
    "size": ("limit",),
    "since": ("updated_since",),
    "until": ("updated_until",),
    "get": ("term",),
}
"""Words that may mean another one, where their own leads to nothing."""
_RENAMED = {
    "rottenflag": "is_deal_rot_enabled",
    "discountpercentage": "discount",
    "assignedtouserid": "owner_id",
    "dealproductid": "product_attachment_id",
    "fieldid": "id",
    "fieldkey": "field_code",
    "closedate": "expected_close_date",
    "q": "term",
}
"""What v1, other systems or their users call a parameter of v2 whose name has other words; without capitals and
underscores. https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide"""
_WELL_KNOWN = frozenset({*_MEANS.values(), *_PERHAPS})
"""Words that are no misspellings of others."""
_NOISE = ("all", "the", "a", "of", "to", "by", "v2")
_IRREGULAR = {"companies": "company", "people": "people", "status": "status", "address": "address", "access": "access"}


EXAMPLES = {
    "emails": "[{'value': 'ada@example.com', 'primary': True, 'label': 'work'}]",
    "phones": "[{'value': '+372 5555 0100', 'primary': True, 'label': 'work'}]",
    "im": "[{'value': 'ada', 'primary': True, 'label': 'skype'}]",
    "participants": "[{'person_id': 1, 'primary': True}]",
    "attendees": "[{'email': 'ada@example.com', 'name': 'Ada'}]",
    "prices": "[{'currency': 'EUR', 'price': 100}]",
    "options": "[{'label': 'Large'}]",
    "access": "[{'app': 'sales'}]",
    "value": "{'amount': 1200, 'currency': 'EUR'}",
    "address": "{'value': 'Paldiski mnt 80, Tallinn'}",
    "location": "{'value': 'Paldiski mnt 80, Tallinn'}",
    "custom_fields": "{'Deal size': 'Large'}",
}
"""What parameters that hold objects look like, by their names."""


def nearest(given: object, known: Iterable[str], most: int = 1, cutoff: float = 0.6) -> list[str]:
    """The known names that a wrong one may stand for, the likeliest first: those that say the same in other words
    (``createDeal``: ``addDeal``; ``companies``: ``organizations``; ``organization_id``: ``org_id``), else those
    that are written like it.

    :param most: so many at most
    :param cutoff: how likely writing must be, from 0 to 1
    """
    if given is None:
        return []
    names = list(dict.fromkeys(known))
    words = _words(given)
    renamed = _RENAMED.get(_plain(given))
    for wanted in [words, *_variants(words)]:
        same = [name for name in names if sorted(_words(name)) == sorted(wanted)]
        if same:
            return sorted(same, key=lambda name: (_translated(name), -_likeness(given, name)))[:most]
        if renamed in names:
            return [renamed]
    by_text = {"".join(_words(name)): name for name in reversed(names)}
    by_text |= {_plain(name): name for name in reversed(names)}
    close = get_close_matches(_plain(given), by_text, n=most, cutoff=cutoff)
    close += get_close_matches("".join(words), by_text, n=most, cutoff=cutoff)
    shared = {by_text[text]: len({*words} & {*_words(by_text[text])}) for text in close}
    if _WELL_KNOWN.issuperset(words):  # no misspelling: what is only written like it is something else
        shared = {name: number for name, number in shared.items() if number}
    return sorted(shared, key=lambda name: (-shared[name], -_likeness(given, name)))[:most]


def same_words(one: object, other: object) -> bool:
    """Whether two names say the same: ``company_id`` and ``organizations_id``."""
    return sorted(_words(one)) == sorted(_words(other))


def did_you_mean(given: object, known: Iterable[str], most: int = 1) -> str:
    """A sentence with the nearest known names, to be put behind others; empty where none is near."""
    near = nearest(given, known, most)
    return f" Did you mean {' or '.join(map(repr, near))}?" if near else ""


def counted(number: int, noun: str) -> str:
    """A number with its noun: ``1 request``, ``1,200 entities``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number:,} {noun[:-1]}ies" if re.search(r"[^aeiou]y$", noun) else f"{number:,} {noun}s"


def own_command(arguments: str) -> str:
    """A command of this package as it can be typed here: Airflow before 3.2 has no commands of providers."""
    return f"{'airflow pipedrive' if _airflow_takes_commands() else 'python -m airflow_provider_pipedrive'} {arguments}"


@cache
def _airflow_takes_commands() -> bool:
    for distribution in ("apache-airflow-core", "apache-airflow"):
        try:
            major, minor = version(distribution).split(".")[:2]
        except PackageNotFoundError:
            continue
        return (int(major), int(minor)) >= (3, 2)
    return False


def _words(name: object) -> list[str]:
    """The words of a name, each in the singular and as Pipedrive says it."""
    found = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_]+", re.sub(r"V([12])\b", r"_v_\1", str(name)))
    words = [_MEANS.get(word, word) for word in map(singular, map(str.lower, found))]
    return [word for word in words if word not in _NOISE]


def _translated(name: str) -> bool:
    """Whether a name does not begin with Pipedrive's usual word for what it does."""
    first = re.match(r"[a-z]*", name)
    return bool(first and first[0] in _MEANS)


def singular(word: str) -> str:
    """A word of Pipedrive's, as it is said of one: ``activity`` of ``activities``."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else word


def _variants(words: list[str]) -> Iterable[list[str]]:
    """The same with one word that may be meant, or with what many leave out or put behind."""
    meant = [
        [*words[:place], *other.split(), *words[place + 1 :]]
        for place, word in enumerate(words)
        for other in _PERHAPS.get(word, ())
    ]
    yield from meant
    yield from ([*some, ending] for ending in ("id", "date") for some in [words, *meant])
    if words[-1:] == ["id"]:
        yield words[:-1]
    if words[-2:] == ["v", "1"]:
        yield words[:-2]


def _plain(name: object) -> str:
    return re.sub(r"[\W_]", "", str(name).lower())


def _likeness(given: object, name: str) -> float:
    return SequenceMatcher(None, _plain(given), _plain(name)).ratio()
