"""What can be waited for, each as plain data that travels with a trigger, and how a look at it is judged. Pure.

``reads`` or the arguments of ``judge`` say what must be read; :mod:`.checking` reads it, for many waits at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, ClassVar, Literal, Self

from airflow_provider_pipedrive.catalog import ACTIONS, get_action
from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.movement import History, Movement
from airflow_provider_pipedrive.events.waits.outcomes import WAITING, Memory, Record, WaitOutcome
from airflow_provider_pipedrive.events.waits.times import moment
from airflow_provider_pipedrive.files.listing import name_of

SECONDS_A_DAY = 86_400
_MERGED = "it was deleted, merged into another record, or the credential's user may no longer see it"


@dataclass(frozen=True)
class RecordRead:
    """One record to be read: the action that reads it, and its parameters as JSON."""

    action: str
    parameters: str

    @classmethod
    def of(cls, action: str, parameters: Mapping[str, Any]) -> Self:
        """The need of an action with its parameters; the text of a numeric id is the id."""
        text = parameters.get("id")
        number = {"id": int(text)} if isinstance(text, str) and text.isdecimal() else {}
        return cls(action, json.dumps({**parameters, **number}, sort_keys=True))

    def as_dict(self) -> dict[str, Any]:
        """Its parameters."""
        found: dict[str, Any] = json.loads(self.parameters)
        return found


class WaitSpec:
    """Something to wait for. A frozen dataclass whose fields are JSON."""

    kind: ClassVar[str]

    @property
    def poll_group(self) -> str:
        """Waits of one group share their requests."""
        return self.kind

    @property
    def tokens(self) -> int:
        """API tokens of one look for this wait alone."""
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """As plain data, its kind among them."""
        found: dict[str, Any] = json.loads(json.dumps(asdict(self)))  # type: ignore[call-overload]
        return {"kind": self.kind, **found}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the data of :meth:`to_json`, without its kind."""
        return cls(**{name: _frozen(value) for name, value in data.items()})

    def tokens_a_day(self, interval: float) -> int:
        """API tokens of a day of looks, ``interval`` seconds apart."""
        return round(self.tokens * SECONDS_A_DAY / max(interval, 1))


@dataclass(frozen=True)
class RecordWait(WaitSpec):
    """A record that shall fulfil conditions.

    :param action: the read of one record, such as ``getDeal``
    :param success: what must all hold
    :param failure: what must not hold, any of it
    """

    kind = "records"
    action: str
    parameters: Mapping[str, Any]
    success: tuple[Condition, ...] = ()
    failure: tuple[Condition, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the data of :meth:`to_json`, without its kind."""
        read = {name: tuple(Condition(**item) for item in data[name]) for name in ("success", "failure")}
        return cls(data["action"], data["parameters"], **read)

    @property
    def poll_group(self) -> str:
        """Records of one list are read together."""
        return batch_action(self.action) or self.action

    @property
    def tokens(self) -> int:
        """Of one read of the record."""
        return get_action(self.action).token_cost

    @property
    def reads(self) -> tuple[RecordRead, ...]:
        """The record."""
        return (RecordRead.of(self.action, self.parameters),)

    def judge(self, found: Mapping[RecordRead, Record | None]) -> WaitOutcome:
        """``found``: the record, ``None`` for one that is not there."""
        record = found[self.reads[0]]
        if record is None:
            return WaitOutcome("gone", reason=f"{self}: there is no such record: {_MERGED}.")
        if all(condition.holds(record) for condition in self.success):
            return WaitOutcome("success", record)
        for condition in self.failure:
            if condition.holds(record):
                return WaitOutcome("failed", record, f"{self}: {condition} holds, so what is waited for will not come.")
        if is_deleted(record):
            return WaitOutcome("gone", record, f"{self}: it was deleted in Pipedrive.")
        return WAITING

    def __str__(self) -> str:
        return f"{self.action}({', '.join(f'{name}={value!r}' for name, value in self.parameters.items())})"


@dataclass(frozen=True)
class DealsWait(WaitSpec):
    """Given deals that shall make a move.

    :param deal_ids: their ids
    :param require: whether ``all`` of them shall, or ``any``
    :param movement: the move
    :param since: from when on moves count
    :param local_clock: ``since`` comes from this machine's clock, not from the caller
    :param single: the result is the move itself, not a list
    """

    kind = "deals"
    deal_ids: tuple[int, ...]
    movement: Movement
    since: str
    local_clock: bool = False
    require: Literal["all", "any"] = "all"
    single: bool = False

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the data of :meth:`to_json`, without its kind."""
        return cls(**_with_movement(data))

    @property
    def poll_group(self) -> str:
        """Deals are read together."""
        return "getDeals"

    @property
    def tokens(self) -> int:
        """One deal is read by itself, more of them by their list."""
        if len(self.deal_ids) == 1:
            return get_action("getDeal").token_cost
        return -(-len(self.deal_ids) // BATCH) * get_action("getDeals").token_cost

    @property
    def reads(self) -> tuple[RecordRead, ...]:
        """The deals."""
        return tuple(RecordRead.of("getDeal", {"id": deal_id}) for deal_id in self.deal_ids)

    def judge(
        self, found: Mapping[RecordRead, Record | None], since: datetime, memory: Memory, history: History
    ) -> WaitOutcome:
        """``found``: the deals, ``None`` for one that is not there. A move once seen counts, whatever comes after."""
        gone = []
        done = []
        for deal_id, read in zip(self.deal_ids, self.reads, strict=True):
            seen = memory.setdefault(str(deal_id), {})
            deal = found[read]
            if "done" not in seen and deal is not None and not is_deleted(deal):
                happened = self.movement.by_deal(deal, since, seen, history)
                if happened:
                    seen["done"] = happened
            if "done" in seen:
                done.append(seen["done"])
            elif deal is None:
                gone.append(f"deal {deal_id} is not there: {_MERGED}.")
            elif is_deleted(deal):
                gone.append(f"deal {deal_id} was deleted in Pipedrive.")
        if len(done) == len(self.deal_ids) or (done and self.require == "any"):
            return WaitOutcome("success", done[0] if self.single else done)
        if gone and (self.require == "all" or len(gone) == len(self.deal_ids)):
            return WaitOutcome("gone", reason="What is waited for will not come: " + " ".join(gone))
        return WAITING


@dataclass(frozen=True)
class AnyDealWait(WaitSpec):
    """Any deal that makes a move from ``since`` on.

    :param pipeline_id: of a pipeline's deals
    :param owner_id: of a user's deals
    :param filter_id: of the deals that a filter lists
    """

    kind = "moves"
    movement: Movement
    since: str
    local_clock: bool = False
    pipeline_id: int | None = None
    owner_id: int | None = None
    filter_id: int | None = None

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From the data of :meth:`to_json`, without its kind."""
        return cls(**_with_movement(data))

    @property
    def tokens(self) -> int:
        """Of one page of the changed deals."""
        return get_action("getDeals").token_cost

    def judge(self, deal: Record, since: datetime, memory: Memory, history: History) -> Record | None:
        """What a changed deal has done, if it fits; a filter is for the reader to ask."""
        if is_deleted(deal) or (self.owner_id is not None and deal.get("owner_id") != self.owner_id):
            return None
        stages = (*self.movement.reaches, *self.movement.leaves)
        # A deal that has left a stage for another pipeline counts: stages say themselves where they belong.
        if self.pipeline_id is not None and not stages and deal.get("pipeline_id") != self.pipeline_id:
            return None
        return self.movement.by_any(deal, since, memory.setdefault(str(deal["id"]), {}), history)


@dataclass(frozen=True)
class FilesWait(WaitSpec):
    """New files.

    :param link: what they are attached to (``deal_id``, ...), or ``None`` for anything
    :param record_id: the id of that
    :param after_id: newer than the file with this id
    :param since: added from then on
    :param names: patterns of file names (``*.pdf``), capital letters or not
    :param types: extensions (``pdf``)
    :param min_size, max_size: in bytes
    :param uploader_id: added by this user
    :param inline_images: whether the pictures in the text of mails count
    :param mail_attachments: whether what came with mails counts
    :param max_files: how many are handed on at most, the oldest first
    """

    kind = "files"
    link: str | None = None
    record_id: int | str | None = None
    after_id: int | None = None
    since: str | None = None
    local_clock: bool = False
    names: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    min_size: int | None = None
    max_size: int | None = None
    uploader_id: int | None = None
    inline_images: bool = False
    mail_attachments: bool = False
    max_files: int = 1000

    @property
    def tokens(self) -> int:
        """Of one page of files."""
        return get_action("getFiles").token_cost

    def is_new(self, file: Record, since: datetime | None) -> bool:
        """Whether a file is newer than the watermark."""
        added = moment(file.get("add_time"))
        if self.after_id is not None and file["id"] <= self.after_id:
            return False
        return since is None or added is None or added >= since

    def fits(self, file: Record, since: datetime | None) -> bool:
        """Whether a file is one that is waited for."""
        name = name_of(file).lower()
        size = file.get("file_size")
        return (
            file.get("active_flag") is not False
            and self.is_new(file, since)
            and (self.link is None or str(file.get(self.link)) == str(self.record_id))
            and (not self.names or any(fnmatchcase(name, pattern.lower()) for pattern in self.names))
            and (not self.types or name.rpartition(".")[2] in self.types or file.get("file_type") in self.types)
            and (self.min_size is None or (size is not None and size >= self.min_size))
            and (self.max_size is None or (size is not None and size <= self.max_size))
            and (self.uploader_id is None or file.get("user_id") == self.uploader_id)
            and (self.inline_images or not file.get("inline_flag"))
            and (self.mail_attachments or file.get("inline_flag") or not file.get("mail_message_id"))
        )

    def judge(self, newest_first: Sequence[Record], since: datetime | None) -> WaitOutcome:
        """``newest_first``: the files down to the watermark, others among them."""
        fitting = {file["id"]: file for file in newest_first if self.fits(file, since)}
        if not fitting:
            return WAITING
        return WaitOutcome("success", [fitting[file_id] for file_id in sorted(fitting)][: self.max_files])


BATCH = 100
"""Ids in one request at most. https://developers.pipedrive.com/docs/api/v1/Deals"""
KINDS: Mapping[str, type[WaitSpec]] = {kind.kind: kind for kind in (RecordWait, DealsWait, AnyDealWait, FilesWait)}


def wait_spec_from_json(data: Mapping[str, Any]) -> WaitSpec:
    """The watch of :meth:`WaitSpec.to_json`'s data."""
    return KINDS[data["kind"]].from_json({name: value for name, value in data.items() if name != "kind"})


def batch_action(action: str) -> str | None:
    """The list that takes the ``ids`` of what ``action`` reads one by one; ``None`` where there is none."""
    single = get_action(action)
    for listing in ACTIONS.values():
        plain = listing.is_read and listing.alias_of is None
        if plain and "ids" in listing.by_name and f"{listing.path}/{{id}}" == single.path:
            return listing.key
    return None


def is_deleted(record: Record) -> bool:
    """Whether a record is only still shown for some days."""
    return record.get("is_deleted") is True or record.get("status") == "deleted"


def _with_movement(data: Mapping[str, Any]) -> dict[str, Any]:
    movement = Movement(**{name: _frozen(value) for name, value in data["movement"].items()})
    return {**{name: _frozen(value) for name, value in data.items()}, "movement": movement}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
