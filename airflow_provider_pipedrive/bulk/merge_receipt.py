"""What a merge will do, and what it has come to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.bulk.merge_job import MERGES, MergeJob
from airflow_provider_pipedrive.bulk.merge_plan import GroupPlan
from airflow_provider_pipedrive.bulk.receipt import write_rejects
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.fields import FieldBook
from airflow_provider_pipedrive.client.record_links import record_url

log = logging.getLogger(__name__)


def count_operations(journal: Journal, action: str, state: str) -> int:
    """How many updates or merges are in a state."""
    return int(journal.one("SELECT count(*) FROM operations WHERE action = ? AND state = ?", [action, state]))


def described_plans(book: FieldBook, plans: Mapping[int, GroupPlan]) -> Iterator[dict[str, Any]]:
    """What is shown before anything happens, a group a line: as a bulk run's ``diff.jsonl``, and what would be lost."""
    fields = book.fields
    for number, plan in plans.items():
        survivor = plan.survivor["id"]
        merged = [record["id"] for record in plan.losers]
        now = {key: fields[key].kind.current(fields[key], plan.survivor, flat=False) for key in plan.written}
        yield {
            "group": number,
            "id": survivor,
            "key": plan.survivor.get("name", plan.survivor.get("title")),
            "action": "merge",
            "merged": merged,
            "before": {
                "Records": [survivor, *merged],
                **{str(fields[key]): value for key, value in now.items()},
                **{f"{name} (lost)": values for name, values in plan.lost.items()},
            },
            "after": {"Records": [survivor], **{str(fields[key]): value for key, value in plan.written.items()}},
            "lost": dict(plan.lost),
        }


def merge_price(journal: Journal, entity: str) -> int:
    """API tokens that are still to be spent."""
    merges = count_operations(journal, "merge", "planned") * ACTIONS[MERGES[entity]].token_cost
    return merges + count_operations(journal, "update", "planned") * ACTIONS[str(target_of(entity).update)].token_cost


def merge_receipt(journal: Journal, job: MergeJob, origin: str) -> dict[str, Any]:
    """The receipt, as :func:`~airflow_provider_pipedrive.bulk.merge` documents it; its files are written."""
    state = "planned" if job.dry_run else "done"
    receipt = {
        "entity": job.entity,
        "groups": journal.rows,
        "merged": count_operations(journal, "merge", state),
        "updated": count_operations(journal, "update", state),
        "vanished": count_operations(journal, "merge", "vanished"),
        "rejected": journal.rejected,
        "dry_run": job.dry_run,
        "price": merge_price(journal, job.entity) if job.dry_run else None,
        "approval": journal.get("approval"),
        **journal.get("usage"),
        "rejects": write_rejects(journal),
        "diff": journal.get("diff"),
        "results": None if job.dry_run else journal.lines("results.jsonl", _results(journal, job, origin)),
    }
    log.info(
        "%s: %s%s merged, %s set aside, %s.",
        *(job.entity, "nothing merged; would be: " if job.dry_run else "", counted(receipt["merged"], "record")),
        *(counted(receipt["rejected"], "group"), counted(receipt["tokens"], "API token")),
    )
    return receipt


def _results(journal: Journal, job: MergeJob, origin: str) -> Iterator[dict[str, Any]]:
    """What became of each record, what it was, and as what it is found now."""
    rows = journal.each(
        "SELECT row, id, fields, state, before FROM operations WHERE action = 'merge' ORDER BY operation"
    )
    for group, identity, fields, state, before in rows:
        into = json.loads(fields)["merge_with_id"]
        yield {
            "group": group,
            "id": json.loads(identity),
            "outcome": "merged" if state == "done" else state,
            "into": into,
            "link": record_url(job.entity, into, origin),
            "before": json.loads(before),
        }
