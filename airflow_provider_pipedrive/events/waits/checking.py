"""One look at Pipedrive for many waits at once: what they need is read together, then each is judged by itself."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.errors import (
    PipedriveError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveValidationError,
)
from airflow_provider_pipedrive.events.waits.movement import History, StageChange, moved_at, stage_changes
from airflow_provider_pipedrive.events.waits.naming import NameLookup, NameRefs, resolve_names
from airflow_provider_pipedrive.events.waits.outcomes import WAITING, Memory, Record, WaitOutcome
from airflow_provider_pipedrive.events.waits.times import moment, on_server, stamp
from airflow_provider_pipedrive.events.waits.watches import (
    BATCH,
    AnyDealWait,
    DealsWait,
    FilesWait,
    RecordRead,
    RecordWait,
    WaitSpec,
    batch_action,
)
from airflow_provider_pipedrive.files.listing import LISTS, FileWindow, files_of, within

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

log = logging.getLogger(__name__)
LOOKBACK = timedelta(seconds=60)
"""How far a list is read back behind what was seen: nothing promises that a write is visible at once."""
ABOUT_THE_RECORD = (
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveValidationError,
)
"""Errors that concern one wait. Any other ends the look for all: the next request would fail alike."""


@dataclass
class Wait:
    """One wait: what for, names that are still to be looked up, and what earlier looks have shown.

    ``lookback``: seconds that a deal's last move may be past for its history to be read. ``None``: as long as the wait
    asks for; it is for one that remembers nothing, and would read the same histories at each look.
    """

    watch: WaitSpec
    names: NameRefs | None = None
    memory: Memory = field(default_factory=dict)
    lookback: float | None = None


Answer = WaitOutcome | PipedriveError


def check_waits(client: PipedriveClient, pending: Sequence[Wait], *, alone: bool = False) -> list[Answer]:
    """Look once for all of them, which must share a poll group; an answer for each, in order.

    :param alone: for one wait whose file listing no other shares
    :raises PipedriveError: what would hit any other request as well: no answer, a limit, the credential
    """
    answers: dict[int, Answer] = {}
    lookup = NameLookup(client)
    for number, wait in enumerate(pending):
        try:
            if wait.names is not None:
                wait.watch, wait.names = resolve_names(wait.watch, wait.names, lookup), None
        except ABOUT_THE_RECORD as error:
            answers[number] = error
    rest = {number: wait for number, wait in enumerate(pending) if number not in answers}
    answers |= dict(zip(rest, _look(client, list(rest.values()), alone), strict=True))
    return [answers[number] for number in range(len(pending))]


def _look(client: PipedriveClient, pending: list[Wait], alone: bool) -> list[Answer]:
    if not pending:
        return []
    kind = type(pending[0].watch)
    if kind is FilesWait:
        return _at_files(client, pending, alone)
    if kind is AnyDealWait:
        return _at_moves(client, pending)
    return _at_records(client, pending)


# ---- records, given deals among them


def _at_records(client: PipedriveClient, pending: list[Wait]) -> list[Answer]:
    watches = [wait.watch for wait in pending]
    assert all(isinstance(watch, RecordWait | DealsWait) for watch in watches)
    found = _read(client, {read: None for watch in watches for read in watch.reads})  # type: ignore[attr-defined]
    histories = _Histories(client)
    return [_judged(wait, found, client.server_ahead or 0.0, histories) for wait in pending]


def _judged(
    wait: Wait, found: dict[RecordRead, Record | PipedriveError | None], ahead: float, histories: _Histories
) -> Answer:
    watch = wait.watch
    assert isinstance(watch, RecordWait | DealsWait)
    own: dict[RecordRead, Record | None] = {}
    for read in watch.reads:
        answer = found[read]
        if isinstance(answer, PipedriveError):
            return answer
        own[read] = answer
    if isinstance(watch, RecordWait):
        return watch.judge(own)
    since = on_server(watch.since, watch.local_clock, ahead)
    return watch.judge(own, since, wait.memory, histories.of(wait))


def _read(client: PipedriveClient, reads: Iterable[RecordRead]) -> dict[RecordRead, Record | PipedriveError | None]:
    """Every record that is needed, ``None`` for one that is not there: by lists where there are several of a kind.

    Lists leave out what is archived or deleted: what a list does not show is read by itself before it counts as gone.
    """
    found: dict[RecordRead, Record | PipedriveError | None] = {}
    groups: dict[tuple[str, RecordRead], dict[int, RecordRead]] = defaultdict(dict)
    single: list[RecordRead] = []
    for read in reads:
        listing, parameters = _batched(read.action, read.as_dict())
        if listing is None:
            single.append(read)
        else:
            groups[listing, RecordRead.of(read.action, {**parameters, "id": None})][parameters["id"]] = read
    for (listing, shared), by_id in groups.items():
        every_id = list(by_id)
        for start in range(0, len(every_id), BATCH):
            ids = every_id[start : start + BATCH]
            records = _listed(client, listing, shared, ids) if len(ids) > 1 else {}
            found |= {by_id[key]: records[key] for key in ids if key in records}
            single += [by_id[key] for key in ids if key not in records]
    found |= {read: _alone(client, read) for read in single}
    return found


def _batched(action: str, parameters: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The list that such a record can be read by, if it takes the other parameters too."""
    listing = _batch_action(action)
    if (
        listing is None
        or not isinstance(parameters.get("id"), int)
        or (parameters.keys() - {"id"}) - get_action(listing).by_name.keys()
    ):
        return None, parameters
    return listing, parameters


_batch_action = cache(batch_action)


def _listed(client: PipedriveClient, listing: str, shared: RecordRead, ids: Sequence[int]) -> dict[int, Record]:
    others = {name: value for name, value in shared.as_dict().items() if name != "id"}
    try:
        return {
            record["id"]: record for record in client.iterate(listing, {**others, "ids": list(ids)}) if "id" in record
        }
    except PipedriveValidationError:
        return {}  # one id that Pipedrive refuses must not spoil the others': each is asked for by itself


def _alone(client: PipedriveClient, read: RecordRead) -> Record | PipedriveError | None:
    try:
        found: Record = client.run(read.action, read.as_dict())
        return found
    except PipedriveNotFoundError:
        return None
    except ABOUT_THE_RECORD as error:
        return error


class _Histories:
    """The moves of deals, each deal's read at most once, and only as far back as they are asked for."""

    def __init__(self, client: PipedriveClient) -> None:
        self._client = client
        self._read: dict[int, _Kept] = {}

    def of(self, wait: Wait) -> History:
        """Histories as far as a wait may read them."""

        def history(deal: Record) -> Iterable[StageChange]:
            moved = moved_at(deal)
            if wait.lookback is not None and moved is not None:
                now = datetime.now(UTC) + timedelta(seconds=self._client.server_ahead or 0.0)
                if moved < now - timedelta(seconds=wait.lookback):
                    return ()
            return self._of(deal["id"])

        return history

    def _of(self, deal_id: int) -> _Kept:
        if deal_id not in self._read:
            changes = self._client.iterate("getDealChangelog", {"id": deal_id})
            self._read[deal_id] = _Kept(stage_changes(changes))
        return self._read[deal_id]


class _Kept(Iterable[StageChange]):
    """What an iterator gives, to be gone through several times."""

    def __init__(self, source: Iterator[StageChange]) -> None:
        self._source = source
        self._kept: list[StageChange] = []

    def __iter__(self) -> Iterator[StageChange]:
        yield from self._kept
        for item in self._source:
            self._kept.append(item)
            yield item


# ---- any deal


def _at_moves(client: PipedriveClient, pending: list[Wait]) -> list[Answer]:
    """The deals changed since what the waits have seen, in one walk; candidates of a filter are looked up in it."""
    ahead = _ahead(client, pending)
    changed: dict[int, datetime] = {}
    histories = _Histories(client)
    waits = [_MoveSearch(wait, wait.watch, ahead) for wait in pending if isinstance(wait.watch, AnyDealWait)]
    newest = min(wait.edge for wait in waits)
    for deal in client.iterate("getDeals", {"updated_since": stamp(newest - LOOKBACK), "sort_by": "update_time"}):
        updated = moment(deal.get("update_time"))
        if updated is not None:
            changed[deal["id"]] = updated
            newest = max(newest, updated)
        for wait in waits:
            wait.look_at(deal, histories.of(wait.pending))
    for wait in waits:
        wait.remember(newest, changed)
    _only_in_filters(client, waits, changed)
    return [WaitOutcome("success", _by_time(wait.moves)) if wait.moves else WAITING for wait in waits]


class _MoveSearch:
    """A wait for any deal during one look, with the moves found so far."""

    def __init__(self, pending: Wait, watch: AnyDealWait, ahead: float) -> None:
        self.pending = pending
        self.watch = watch
        self.since = on_server(watch.since, watch.local_clock, ahead)
        self.edge = max(self.since, moment(pending.memory.get("edge")) or self.since)
        self.moves: dict[int, Record] = {}

    def look_at(self, deal: Record, history: History) -> None:
        """Keep the deal's move if it fits."""
        move = self.watch.judge(deal, self.since, self.pending.memory.setdefault("deals", {}), history)
        if move is not None:
            self.moves[deal["id"]] = move

    def remember(self, edge: datetime, read: Mapping[int, datetime]) -> None:
        """Go on from ``edge`` next time; what was not read again needs no remembering."""
        deals = self.pending.memory.get("deals", {})
        kept = {key: seen for key, seen in deals.items() if seen and int(key) in read}
        self.pending.memory.update(edge=stamp(edge), deals=kept)


def _by_time(moves: dict[int, Record]) -> list[Record]:
    return sorted(moves.values(), key=lambda move: (move["time"] or "", move["deal_id"]))


def _only_in_filters(client: PipedriveClient, waits: list[_MoveSearch], changed: Mapping[int, datetime]) -> None:
    """Take out the moves of deals that a watch's filter does not list.

    A filter's list takes no other narrowing, but an order: the deals in question changed last, so that they come first.
    """
    candidates: dict[int, set[int]] = defaultdict(set)
    for wait in waits:
        if wait.watch.filter_id is not None:
            candidates[wait.watch.filter_id] |= wait.moves.keys()
    listed = {
        filter_id: _listed_by_filter(client, filter_id, ids, changed) for filter_id, ids in candidates.items() if ids
    }
    for wait in waits:
        if wait.watch.filter_id is not None and wait.moves:
            wait.moves = {key: move for key, move in wait.moves.items() if key in listed[wait.watch.filter_id]}


def _listed_by_filter(
    client: PipedriveClient, filter_id: int, ids: set[int], changed: Mapping[int, datetime]
) -> set[int]:
    oldest = min(changed[deal_id] for deal_id in ids if deal_id in changed)
    parameters = {"filter_id": filter_id, "sort_by": "update_time", "sort_direction": "desc"}
    listed = set()
    for deal in client.iterate("getDeals", parameters):
        updated = moment(deal.get("update_time"))
        if updated is not None and updated < oldest:
            break
        listed.add(deal["id"])
    return listed & ids


# ---- files


def _at_files(client: PipedriveClient, pending: list[Wait], alone: bool) -> list[Answer]:
    """The files down to the lowest watermark, in one walk of the listing of all files.

    A wait in a worker, which nobody shares a walk with, reads one record's own list: however far back its watermark
    is, that list is short.
    """
    ahead = _ahead(client, pending)
    began = datetime.now(UTC) + timedelta(seconds=ahead)
    if alone:
        answers = [_at_own_files(client, wait.watch, ahead) for wait in pending if isinstance(wait.watch, FilesWait)]
    else:
        answers = _at_all_files(client, pending, ahead)
    for wait in pending:
        wait.memory["edge"] = stamp(began)
    return answers


def _at_all_files(client: PipedriveClient, pending: list[Wait], ahead: float) -> list[Answer]:
    waits = [(wait, wait.watch) for wait in pending if isinstance(wait.watch, FilesWait)]
    windows = [_window(watch, _since(watch, ahead), moment(wait.memory.get("edge"))) for wait, watch in waits]
    files = [dict(file) for file in within(files_of(client), *windows)]
    return [watch.judge(files, _since(watch, ahead)) for _, watch in waits]


def _at_own_files(client: PipedriveClient, watch: FilesWait, ahead: float) -> Answer:
    since = _since(watch, ahead)
    files = files_of(client, LISTS.get(watch.link or "", "getFiles"), watch.record_id)
    try:
        return watch.judge([dict(file) for file in within(files, _window(watch, since, None))], since)
    except PipedriveNotFoundError:
        return WaitOutcome("gone", reason=f"{watch.link} {watch.record_id} is not there.")
    except ABOUT_THE_RECORD as error:
        return error


def _window(watch: FilesWait, since: datetime | None, edge: datetime | None) -> FileWindow:
    """The files that matter to a wait: newer than its watermark, and not those that an earlier look has read."""
    starts = (since, edge and edge - LOOKBACK)
    return FileWindow(max(filter(None, starts), default=None), after_id=watch.after_id, lookback=timedelta(0))


# ---- clocks


def _since(watch: FilesWait, ahead: float) -> datetime | None:
    return None if watch.since is None else on_server(watch.since, watch.local_clock, ahead)


def _ahead(client: PipedriveClient, pending: list[Wait]) -> float:
    """How far Pipedrive's clock is ahead; asked for where a time of this machine's clock is compared with its times."""
    if client.server_ahead is None and any(getattr(wait.watch, "local_clock", False) for wait in pending):
        client.run("getCurrentUser")
    return client.server_ahead or 0.0
