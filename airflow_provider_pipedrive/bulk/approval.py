"""What a person is shown before a run writes, and what they have said to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.difference import described
from airflow_provider_pipedrive.bulk.planning import price_left
from airflow_provider_pipedrive.bulk.records import by_ids
from airflow_provider_pipedrive.bulk.related import ENTITIES
from airflow_provider_pipedrive.bulk.targets import target_of

if TYPE_CHECKING:
    from airflow_provider_pipedrive.bulk.journal import Journal

SHOWN = 100
"""Records that a person is shown; the file has all of them."""


@dataclass(frozen=True)
class PlanApproval:
    """Somebody has approved a plan.

    :ivar plan: the fingerprint of the plan
    :ivar by: who: ``id`` and ``name`` in Airflow
    :ivar at: when, as ISO 8601 writes it
    """

    plan: str
    by: Mapping[str, str] | None
    at: str


@dataclass(frozen=True)
class Proposal:
    """A plan, to be approved.

    :ivar plan: its fingerprint: equal for plans that write the same in place of the same
    :ivar entity: what is written
    :ivar operations: how many records each action is done to, by entity and action
    :ivar price: API tokens that writing costs
    :ivar rejected: rows that are set aside
    :ivar records: the first records, as ``diff.jsonl`` has them
    :ivar diff: the path of that file, which has all records
    """

    plan: str
    entity: str
    operations: Mapping[tuple[str, str], int]
    price: int
    rejected: int
    records: tuple[Mapping[str, Any], ...]
    diff: str | None


Ask = Callable[[Proposal], "PlanApproval | Proposal"]
"""Gives the approval of a plan, or the plan itself where it is not approved."""


def only_with(approval: PlanApproval | None) -> Ask:
    """What lets the plan through that was approved, and no other.

    :param approval: who has approved which plan, if anybody has
    """

    def ask(proposal: Proposal) -> PlanApproval | Proposal:
        return proposal if approval is None or approval.plan != proposal.plan else approval

    return ask


def unapproved(journal: Journal, ask: Ask | None, propose: Callable[[], Proposal]) -> Proposal | None:
    """The plan in a journal, where somebody has to approve it first; who has approved it is journalled.

    Nothing to write needs nobody's approval.
    """
    if ask is None or not journal.one("SELECT count(*) FROM operations"):
        return None
    answer = ask(propose())
    if isinstance(answer, Proposal):
        return answer
    journal.set(approval=asdict(answer))
    return None


def planned(journal: Journal) -> dict[tuple[str, str], int]:
    """How many records each action is done to, by entity and action."""
    counts = journal.run(
        "SELECT entity, action, count(*) FROM operations WHERE state = 'planned' GROUP BY entity, action"
    ).fetchall()
    return {(entity, action): number for entity, action, number in counts}


def proposal_of(run: RunContext) -> Proposal:
    """The plan of a run that has made one, and has written nothing."""
    journal = run.journal
    return Proposal(
        plan=_fingerprint(run),
        entity=run.job.entity,
        operations=planned(journal),
        price=price_left(journal),
        rejected=journal.rejected,
        records=tuple(islice(described(run.book, run.job.entity, journal), SHOWN)),
        diff=journal.get("diff"),
    )


def with_names(run: RunContext, proposal: Proposal) -> Proposal:
    """A plan in which records that others refer to have their names too, as people know them: ``Acme (12)``."""
    kinds = {str(field): field.kind.name for field in run.book.fields.values() if field.kind.name in ENTITIES}
    wanted: dict[str, dict[Any, None]] = {}
    for values in _sides(proposal.records):
        for name, value in values.items():
            if name in kinds and isinstance(value, int | str):
                wanted.setdefault(kinds[name], {})[value] = None
    names = {kind: _names(run, kind, [each for each in ids if isinstance(each, int)]) for kind, ids in wanted.items()}

    def shown(values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: _called(value, names[kinds[name]]) if name in kinds and isinstance(value, int | str) else value
            for name, value in values.items()
        }

    records = ({**each, "before": shown(each["before"]), "after": shown(each["after"])} for each in proposal.records)
    return replace(proposal, records=tuple(records))


def _sides(records: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for record in records:
        yield from (record["before"], record["after"])


def _names(run: RunContext, kind: str, ids: Sequence[int]) -> dict[int, str]:
    found = by_ids(run.client, target_of(ENTITIES[kind]), ids, {})
    return {record["id"]: str(record.get("title" if kind == "deal" else "name")) for record in found}


def _called(value: int | str, names: Mapping[int, str]) -> str:
    """A record by its name and id; one that the run itself makes has only a name."""
    if isinstance(value, str):
        return f"{value} (new)"
    return f"{names[value]} ({value})" if value in names else str(value)


def _fingerprint(run: RunContext) -> str:
    digest = hashlib.sha256(str(run.journal.get("identity")).encode())
    for row in run.journal.each(
        "SELECT phase, action, entity, key, id, fields, before FROM operations ORDER BY operation"
    ):
        digest.update(repr(row).encode())
    return digest.hexdigest()
