"""What a person is shown before a run writes, and what they have said to it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.difference import described
from airflow_provider_pipedrive.bulk.planning import price_left

_SHOWN = 100
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


def proposal_of(run: RunContext) -> Proposal:
    """The plan of a run that has made one, and has written nothing."""
    journal = run.journal
    counts = journal.run("SELECT entity, action, count(*) FROM operations GROUP BY entity, action").fetchall()
    return Proposal(
        plan=_fingerprint(run),
        entity=run.job.entity,
        operations={(entity, action): number for entity, action, number in counts},
        price=price_left(journal),
        rejected=journal.rejected,
        records=tuple(islice(described(run.book, run.job.entity, journal), _SHOWN)),
        diff=journal.get("diff"),
    )


def _fingerprint(run: RunContext) -> str:
    digest = hashlib.sha256(str(run.journal.get("identity")).encode())
    for row in run.journal.each(
        "SELECT phase, action, entity, key, id, fields, before FROM operations ORDER BY operation"
    ):
        digest.update(repr(row).encode())
    return digest.hexdigest()
