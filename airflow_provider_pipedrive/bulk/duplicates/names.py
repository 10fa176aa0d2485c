"""How far two names agree: word by word, in any order, with slips of typing, short forms and initials."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

from airflow_provider_pipedrive.bulk.duplicates.texts import letters_of, words_of

Agreement = Literal["same", "near", "doubtful", "short", "part", "single", "family", "conflict", "different"]
"""``near``: slips of typing; ``doubtful``: an edit that makes another name as well (Daniel, Daniela); ``short``:
initials and short forms; ``part``: one has more words; ``single``: one has a single word; ``family``: the first words
agree, the others do not; ``conflict``: something agrees and something contradicts; ``different``: nothing agrees."""

_SHORT_FORMS: Final = """
    alexander alex sascha sasha xander, alexandra alex sandra sasha, andreas andi andy, andrew andy drew, anthony
    tony, antonio toni tony, barbara barb bärbel babs, benjamin ben benny, bernard bernd bernie, bernhard bernd,
    catherine kate cathy katie, charles charlie chuck chas, christian chris, christina tina chris, christopher chris
    kit, daniel dan danny, david dave, dorothy dot dolly, edward ed ted eddie ned, elisabeth lisa lisbeth sissi
    elli, elizabeth liz beth betty lizzie eliza, emanuel manu, eugene gene, florian flo, francis frank, francisco
    paco pancho, franziska franzi, frederick fred freddy, friedrich fritz fred, gabriele gabi, gerald gerry jerry,
    gregory greg, günther guenter, hans johann johannes hannes, heinrich heinz, helena lena, henry harry hank, jacob
    jake, jakob kobi, james jim jimmy jamie, jennifer jen jenny, joachim jochen achim, john jack johnny, jonathan
    jon, josef sepp jo, jose pepe, joseph joe joey, joshua josh, katharina kathi kati, katherine kate kathy katie,
    kenneth ken, kimberly kim, lawrence larry, leonard leo len, magdalena lena, manfred manni fred, manuel manu,
    margaret maggie meg peggy, margarete grete gretel, maria mia, martina tina, matthew matt, matthias matze,
    maximilian max, michael mike mick michi, michelle shelly, nicholas nick, nikolaus klaus niko, olivia liv, pamela
    pam, patricia pat patty trish, patrick pat paddy, peter pete, philip phil, raymond ray, rebecca becky, richard
    rick dick rich ricky, robert bob rob bobby robbie bert, roberto beto, ronald ron, rudolf rudi, samuel sam sammy,
    sebastian seb basti bastian, sophie sofie, stefan steffen, stefanie steffi, stephanie steph, stephen steve,
    steven steve, susan sue susie, susanne susi, theodore ted theo, theresa terry tess, thomas tom tommy, timothy
    tim, ulrich uli ulli, ursula uschi, victoria vicky tori, vincent vince, walter walt, wilhelm willi willy,
    william bill will billy liam, wolfgang wolf, zachary zach"""
_OPEN_ENDED: Final = 3
"""Letters of which a longer name is taken for the whole: ``Chris`` for ``Christopher``."""
_LONG: Final = 5
"""Letters from which on one edit is a slip and not another name: ``Tim`` and ``Tom`` are two people."""
_LONGER: Final = 8
"""Letters from which on two are."""
_SOUNDS: Final = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        ("ph", "f"),
        ("ch|ck|c|q", "k"),
        ("z|ss", "s"),
        ("[aei]y|[ae]i", "i"),
        ("y", "i"),
        ("w", "v"),
        ("dt|th", "t"),
        ("h(?![aeiou])", ""),
        (r"(.)\1", r"\1"),
    )
)
"""Spellings of one sound, in the order in which they are replaced: ``Meyer``, ``Maier``; ``Philipp``, ``Filip``."""


def _pairs() -> frozenset[tuple[str, str]]:
    groups = [words_of(group) for group in _SHORT_FORMS.split(",")]
    return frozenset((whole[0], short) for whole in groups for short in whole[1:])


SHORT_FORMS: Final = _pairs()
"""Given names and their short forms: pairs that spelling does not show."""


@dataclass
class _Words:
    """The words of two names that have not found their like yet."""

    one: list[str]
    other: list[str]
    matched: int = 0

    def match(self, agree: Callable[[str, str], bool]) -> int:
        """Take out pairs for which ``agree(word, word)``; returns how many."""
        before = self.matched
        for word in list(self.one):
            for candidate in self.other:
                if agree(word, candidate):
                    self.one.remove(word)
                    self.other.remove(candidate)
                    self.matched += 1
                    break
        return self.matched - before


def compare_names(one: Sequence[str], other: Sequence[str]) -> Agreement:
    """How far two names of persons agree.

    :param one: its words, as :func:`~airflow_provider_pipedrive.bulk.duplicates.texts.person_words` gives them
    """
    if sorted(one) == sorted(other) or "".join(one) == "".join(other):
        return "same"
    left = _Words(_respaced(one, other), _respaced(other, one))
    exact = left.match(str.__eq__)
    near = left.match(is_slip)
    doubtful = left.match(_is_doubtful)
    short = left.match(_is_short_form) + left.match(_is_initial)
    if not left.matched:
        return "different"
    if left.one and left.other:
        return "family" if one[0] == other[0] and exact == 1 == left.matched else "conflict"
    if doubtful:
        return "doubtful"
    if left.one or left.other:
        return "part" if exact + near + short > 1 else "single"
    return "short" if short else "near"


def _respaced(one: Sequence[str], other: Sequence[str]) -> list[str]:
    """The words of a name, with the spaces that another writing of it has: ``AnnaBerg`` next to ``Anna Berg``."""
    if len(other) < 2:
        return list(one)
    found: list[str] = []
    for word in one:
        found += next((words for words in (*pairwise(other), other) if _is_joined(word, words)), [word])
    return found


def _is_joined(word: str, words: Sequence[str]) -> bool:
    joined = "".join(words)
    if word == joined or abs(len(word) - len(joined)) > 2:
        return word == joined
    return min(map(len, words)) > 2 and is_slip(word, joined)  # a shorter word could as well be missing


def mailboxes_named(name: str, mails: Iterable[str]) -> frozenset[str]:
    """The mailboxes that a person without a name of his own is called by, as forms and imports do: ``asmith7`` of
    ``asmith7@acme.example``, also mistyped.

    :param mails: as :func:`~airflow_provider_pipedrive.bulk.duplicates.texts.mail_key` gives them
    """
    if len(name.split()) != 1:
        return frozenset()
    letters = letters_of(name.split("@")[0])
    if not letters:
        return frozenset()
    local_parts = {mail: letters_of(mail.rpartition("@")[0]) for mail in mails}
    return frozenset(mail for mail, local in local_parts.items() if letters == local or is_slip(letters, local))


def compare_titles(one: Sequence[str], other: Sequence[str]) -> Agreement:
    """How far two names of companies, or titles of deals, agree; words with digits must be the same ones."""
    if list(one) == list(other) or "".join(one) == "".join(other):
        return "same"
    left = _Words(list(one), list(other))
    exact = left.match(str.__eq__)
    near = left.match(lambda word, candidate: word.isalpha() and candidate.isalpha() and is_slip(word, candidate))
    if any(not word.isalpha() for word in (*left.one, *left.other)):
        return "conflict" if left.matched else "different"
    if not left.one and not left.other:
        return "near" if near else "same"
    if not left.matched:
        return "near" if edits("".join(one), "".join(other), 2) <= min(2, len("".join(one)) // 6) else "different"
    if left.one and left.other:
        return "conflict"
    return "part" if exact else "doubtful"


def is_slip(one: str, other: str) -> bool:
    """Whether two words are one, mistyped or spelled otherwise."""
    if not one or not other or len(one) < 3 or len(other) < 3:
        return False
    if _sound(one) == _sound(other):
        return True
    longest = max(len(one), len(other))
    if longest < _LONG or _differs_at_end(one, other):
        return False
    return edits(one, other, 2) <= (2 if longest >= _LONGER else 1)


def _differs_at_end(one: str, other: str) -> bool:
    """Whether the last letter alone makes the difference, as it does between names of men and women."""
    short, long = sorted((one, other), key=len)
    if len(short) == len(long):
        return short[:-1] == long[:-1] and short[-1] in "aeiou" and long[-1] in "aeiou"
    return long[:-1] == short and long[-1] in "aeo"


def _is_doubtful(one: str, other: str) -> bool:
    return len(one) > 1 < len(other) and _differs_at_end(one, other)


def _is_initial(one: str, other: str) -> bool:
    return 1 in (len(one), len(other)) and one[0] == other[0]


def _is_short_form(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if (one, other) in SHORT_FORMS or (other, one) in SHORT_FORMS:
        return True
    return len(short) >= _OPEN_ENDED and len(long) - len(short) > 1 and long.startswith(short)


@lru_cache(maxsize=20_000)
def _sound(word: str) -> str:
    for pattern, sound in _SOUNDS:
        word = pattern.sub(sound, word)
    return word


def edits(one: str, other: str, most: int) -> int:
    """Letters to insert, remove, change or swap with their neighbour; ``most + 1`` where it would be more."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    same = 0  # what they begin and end with alike costs nothing
    while same < len(one) and same < len(other) and one[same] == other[same]:
        same += 1
    one, other = one[same:], other[same:]
    while one and other and one[-1] == other[-1]:
        one, other = one[:-1], other[:-1]
    if not one or not other:
        return len(one) + len(other)
    if len(set(one).difference(other)) > most:  # each letter that the other has not costs one at least
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        earlier, before, row = before, row, [i]
        for j, candidate in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != candidate))
            if i > 1 < j and letter == other[j - 2] and one[i - 2] == candidate:
                cost = min(cost, earlier[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
