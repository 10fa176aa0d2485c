"""Reading the records of a few rows without reading a whole list: by their ids, or by searching for their keys."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_pipedrive.bulk.targets import LINK_OF, Target
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.errors import PipedriveNotFoundError, PipedriveValidationError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.client.field_kinds import Field

log = logging.getLogger(__name__)
_IDS = 100
"""Ids in one request of a list. https://developers.pipedrive.com/docs/api/v1/Deals#getDeals"""
_AT_ONCE = 16
"""Requests of a list by ids that are under way at once."""
_FEW = 10
"""Records up to which each is read by itself, for one API token."""
_PAGE = 500
_LAST_IDS: Final = {"sort_by": "id", "sort_direction": "desc"}
"""What was made last comes first: times of creation can be set, ids cannot."""
MOST_KEYS = 100
"""Keys up to which it is found out whether searching for them costs less: of more, hardly any list is long enough."""
_MOST_HITS = 100
"""Hits on a page of a search. A key that has so many is too common to be searched for."""
_ONE_SIGN: Final = ("ff", "fi", "fl", "ss", "st")
"""What a German letter and the ligatures become when capital letters do not count.
https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt"""
_LAG: Final = timedelta(minutes=2)
"""By how much a search may lag behind writes. Seconds have been seen; this leaves room for a bad day."""


def by_ids(
    client: PipedriveClient, target: Target, ids: Sequence[Any], parameters: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    """The records with these ids that there are: one by one where they are few, else a hundred a request."""
    if not target.by_ids or len(ids) <= _FEW:
        yield from _one_by_one(client, target, ids, parameters)
        return
    batches = [ids[start : start + _IDS] for start in range(0, len(ids), _IDS)]

    def read(batch: Sequence[Any]) -> list[Mapping[str, Any]]:
        found = list(client.iterate(target.listed, {**parameters, "ids": list(batch)}))
        missing = list(dict.fromkeys(batch).keys() - {record["id"] for record in found})
        if target.archived and missing:
            found += _archived(client, target, {**parameters, "ids": missing})
        return found

    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="bulk-read") as pool:
        for start in range(0, len(batches), _AT_ONCE):  # no more than that is in memory
            for records in pool.map(read, batches[start : start + _AT_ONCE]):
                yield from records


def _one_by_one(
    client: PipedriveClient, target: Target, ids: Sequence[Any], parameters: Mapping[str, Any]
) -> Iterator[Mapping[str, Any]]:
    single = ACTIONS[str(target.single)]
    asked = {name: value for name, value in parameters.items() if name in single.by_name}
    for identity in ids:
        try:
            record = client.run(single.key, {"id": identity, **asked})
        except (PipedriveNotFoundError, PipedriveValidationError):
            continue  # an id that Pipedrive does not take is none that it has given
        if record and not record.get("is_deleted") and record.get("active_flag", True):
            yield record


def _archived(client: PipedriveClient, target: Target, parameters: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found = client.iterate(str(target.archived), parameters)
    yield from ({**record, "is_archived": True} for record in found)


def by_keys(
    client: PipedriveClient,
    target: Target,
    texts: Collection[str],
    fields: Sequence[str],
    parameters: Mapping[str, Any],
) -> tuple[Literal["search", "index"], Iterable[Mapping[str, Any]]]:
    """Records that may have one of these texts, all that do among them: searched for where that costs less.

    A search finds parts of texts, whatever their capital letters: whoever asks holds the texts against the records. It
    lags behind writes, so what was made or changed in the last minutes is read from the list. How long that is, a list
    does not say; the newest id tells how many records there can be at most.

    :param texts: in the form in which keys are compared
    :param fields: where they are looked for, as the search calls it
    :param parameters: of the list
    :returns: how they are found, and the records; of an ``index`` those are all but the archived ones
    """
    terms = {_term(text) for text in texts}
    if target.search is None or not fields or None in terms or not 0 < len(texts) <= MOST_KEYS:
        return "index", client.iterate(target.listed, parameters)
    listed = iter(client.iterate(target.listed, {**parameters, **_LAST_IDS}))
    newest = list(islice(listed, _PAGE))
    if len(newest) == _PAGE and _price_of_search(target, len(terms)) < _price_of_list(target, newest):
        changed = _changed_lately(client, target, parameters, newest)
        ids = None if changed is None else _hits(client, target, sorted(map(str, terms)), fields)
        if changed is not None and ids is not None:
            log.info("%s: %d keys are searched for, which costs less than the whole list.", target.entity, len(terms))
            return "search", chain(newest, changed, by_ids(client, target, ids, parameters))
    return "index", chain(newest, listed)


def _term(text: str) -> str | None:
    """What to search for: the longest word that a record can have in one way only, but for its capital letters.

    There may be other spaces between words. Letters beyond ASCII can be composed in two ways, and some pairs of letters
    can be one sign, which a search may not take for them; addresses have none of these. The long s, which nobody writes
    today, is left out of account.
    """
    words = [word for word in text.split() if word.isascii() and len(word) > 1 and ("@" in word or not _one_sign(word))]
    return max(words, key=len, default=None)


def _one_sign(word: str) -> bool:
    return any(pair in word for pair in _ONE_SIGN)


def _price_of_search(target: Target, terms: int) -> int:
    hit = ACTIONS[str(target.single)].token_cost
    changed = sum(ACTIONS[key].token_cost for key in (target.listed, target.archived) if key)
    return (ACTIONS[str(target.search)].token_cost + hit) * terms + changed


def _price_of_list(target: Target, newest: Sequence[Mapping[str, Any]]) -> int:
    pages = -(-max(record["id"] for record in newest) // _PAGE)
    return int(pages * ACTIONS[target.listed].token_cost)


def _changed_lately(
    client: PipedriveClient, target: Target, parameters: Mapping[str, Any], newest: Sequence[Mapping[str, Any]]
) -> list[Mapping[str, Any]] | None:
    """What was changed so lately that a search may not find it yet; None where that is a page or more, or where more
    was made."""
    since = datetime.now(UTC) + timedelta(seconds=client.server_ahead or 0) - _LAG
    made = moment_of(newest[-1].get("add_time"))
    asked = {**parameters, "updated_since": since}
    changed = list(client.iterate(target.listed, asked, max_records=_PAGE))
    if (made and made >= since) or len(changed) == _PAGE:
        return None
    return [*changed, *(_archived(client, target, asked) if target.archived else ())]


def _hits(client: PipedriveClient, target: Target, terms: Sequence[str], fields: Sequence[str]) -> list[Any] | None:
    """The ids that a search finds; None where a term is too common."""
    ids: dict[Any, None] = {}
    for term in terms:
        asked = {"term": term, "fields": list(fields)}
        hits = list(client.iterate(str(target.search), asked, max_records=_MOST_HITS))
        if len(hits) == _MOST_HITS:
            return None
        ids.update(dict.fromkeys(hit["item"]["id"] for hit in hits))
    return list(ids)


def link_of(record: Mapping[str, Any], deal: int) -> dict[str, Any]:
    """A link of a deal with plain ids: v1 embeds the person."""
    plain = {
        name: value.get("value") if name.endswith("_id") and isinstance(value, Mapping) else value
        for name, value in record.items()
    }
    return {**plain, LINK_OF: deal}


def moment_of(text: str | None) -> datetime | None:
    """A time of Pipedrive's; in v1 it is UTC without saying so."""
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def has(field: Field, record: Mapping[str, Any], value: Any, *, flat: bool) -> bool:
    """Whether a record has a value that is to be written, or was."""
    return field.kind.same(field.kind.current(field, record, flat=flat), value)
