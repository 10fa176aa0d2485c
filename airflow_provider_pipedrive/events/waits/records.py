"""Waits for given records: that one fulfils conditions, that given deals make a move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Self

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.events.waits.conditions import Condition, fault_of, value_at
from airflow_provider_pipedrive.events.waits.histories import Histories
from airflow_provider_pipedrive.events.waits.movement import History, Movement
from airflow_provider_pipedrive.events.waits.outcomes import WAITING, Judged, Memory, Record, WaitOutcome
from airflow_provider_pipedrive.events.waits.record_reads import BATCH, RecordRead, batch_action, read_records
from airflow_provider_pipedrive.events.waits.specs import Checked, Wait, WaitSpec, frozen, is_deleted
from airflow_provider_pipedrive.events.waits.times import on_server

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

LONGEST_SHOWN = 200
"""Characters of a record's present value that a wait remembers."""
_MERGED = "it was deleted, merged into another record, or the credential's user may no longer see it"


class GivenRecords(WaitSpec):
    """Records whose ids are known: those of several waits are read together."""

    @property
    def reads(self) -> tuple[RecordRead, ...]:
        """The records."""
        raise NotImplementedError

    def judged(
        self, found: Mapping[RecordRead, Record | None], wait: Wait, ahead: float, histories: Histories
    ) -> Judged:
        """What the records show of a wait with this spec.

        :param found: the records, ``None`` for one that is not there
        """
        raise NotImplementedError

    @classmethod
    def check(cls, client: PipedriveClient, waits: Sequence[Wait], *, alone: bool) -> list[Checked]:
        """Each record is read once, whoever waits for it."""
        specs = [wait.spec for wait in waits]
        found = read_records(client, [read for spec in specs if isinstance(spec, GivenRecords) for read in spec.reads])
        histories, ahead = Histories(client), client.server_ahead or 0.0
        checked = []
        for wait in waits:
            assert isinstance(wait.spec, GivenRecords)
            own = {read: found[read] for read in wait.spec.reads}
            errors = [answer for answer in own.values() if isinstance(answer, PipedriveError)]
            if errors:
                checked.append(Checked(wait, errors[0]))
                continue
            records = {read: record for read, record in own.items() if not isinstance(record, PipedriveError)}
            outcome, memory = wait.spec.judged(records, wait, ahead, histories)
            checked.append(Checked(replace(wait, memory=memory), outcome))
        return checked


@dataclass(frozen=True)
class RecordWait(GivenRecords):
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

    def judged(
        self, found: Mapping[RecordRead, Record | None], wait: Wait, ahead: float, histories: Histories
    ) -> Judged:
        """By its conditions; what their present values look like is remembered, and which of them lead nowhere."""
        record = found[self.reads[0]]
        paths = [condition.path for condition in self.success] if record else []
        also = [condition.path for condition in self.failure] if record else []
        memory = {
            "values": {path: _shown(value_at(record, path)) for path in paths},
            "faults": list(filter(None, (fault_of(path, record) for path in dict.fromkeys([*paths, *also])))),
        }
        return Judged(self.judge(record), memory)

    def judge(self, record: Record | None) -> WaitOutcome:
        """What a record shows; ``None`` where it is not there."""
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
class DealsWait(GivenRecords):
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
        return cls(
            **{
                **{name: frozen(value) for name, value in data.items()},
                "movement": Movement.from_json(data["movement"]),
            }
        )

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

    def judged(
        self, found: Mapping[RecordRead, Record | None], wait: Wait, ahead: float, histories: Histories
    ) -> Judged:
        """By the deals' moves."""
        since = on_server(self.since, self.local_clock, ahead)
        deals = {deal_id: found[read] for deal_id, read in zip(self.deal_ids, self.reads, strict=True)}
        return self.judge(deals, since, wait.memory, histories.of(wait))

    def judge(self, deals: Mapping[int, Record | None], since: datetime, memory: Memory, history: History) -> Judged:
        """What the deals show, ``None`` for one that is not there. A move once seen counts, whatever comes after."""
        seen = {
            deal_id: self._seen(deal, since, memory.get(str(deal_id), {}), history) for deal_id, deal in deals.items()
        }
        memory = {str(deal_id): known for deal_id, known in seen.items()}
        done = [known["done"] for known in seen.values() if "done" in known]
        if len(done) == len(deals) or (done and self.require == "any"):
            return Judged(WaitOutcome("success", done[0] if self.single else done), memory)
        gone = [reason for key, deal in deals.items() if "done" not in seen[key] and (reason := _gone(key, deal))]
        if gone and (self.require == "all" or len(gone) == len(deals)):
            return Judged(WaitOutcome("gone", reason="What is waited for will not come: " + " ".join(gone)), memory)
        return Judged(WAITING, memory)

    def _seen(self, deal: Record | None, since: datetime, before: Memory, history: History) -> Memory:
        """What is known of a deal after this check."""
        if "done" in before or deal is None or is_deleted(deal):
            return before
        move, seen = self.movement.by_deal(deal, since, before, history)
        return {**seen, "done": move} if move else seen


def _shown(value: Any) -> str:
    """A value as the log shows it: short, for it travels with a trigger."""
    text = repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _gone(deal_id: int, deal: Record | None) -> str:
    """Why a deal will not move any more; empty where it may."""
    if deal is None:
        return f"deal {deal_id} is not there: {_MERGED}."
    return f"deal {deal_id} was deleted in Pipedrive." if is_deleted(deal) else ""
