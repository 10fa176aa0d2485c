"""What a run has come to: counts, files and price, the same after every resume."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_pipedrive.bulk.context import RunContext
from airflow_provider_pipedrive.bulk.difference import described
from airflow_provider_pipedrive.bulk.journal import Journal, from_json
from airflow_provider_pipedrive.bulk.matching import shown_key
from airflow_provider_pipedrive.bulk.new_options import ADD_OPTIONS
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.record_links import record_url

log = logging.getLogger(__name__)
_SHOWN = 20
"""Records of a dry run that the log shows."""
_SHOWN_REJECTS = 5
"""Rows that were set aside of which the log shows the reason."""


def receipt_of(run: RunContext, *, price: int | None) -> dict[str, Any]:
    """The receipt, as :func:`~airflow_provider_pipedrive.bulk.write` documents it; its files are written.

    :param price: of a dry run, the API tokens that writing would cost
    """
    job, journal = run.job, run.journal
    counts = _counts(run)
    receipt = {
        "entity": job.entity,
        "mode": job.mode,
        "rows": journal.rows,
        "created": counts.get("create", 0),
        "updated": counts.get("update", 0),
        "archived": counts.get("archive", 0),
        "unchanged": int(journal.get("unchanged") or 0),
        "deleted": counts.get("delete", 0),
        "rejected": journal.rejected,
        "related_created": _related_created(run),
        "lookup": journal.get("lookup"),
        "edited_meanwhile": int(journal.get("edited_meanwhile") or 0),
        "approval": journal.get("approval"),
        "dry_run": job.dry_run,
        "price": price,
        **(journal.get("usage") or {}),
        "rejects": write_rejects(journal),
        "diff": journal.get("diff"),
        "results": None if job.dry_run else journal.lines("results.jsonl", _results(run)),
    }
    _report(run, receipt)
    return receipt


def _report(run: RunContext, receipt: Mapping[str, Any]) -> None:
    """Say what the run has come to, and the first of the rows that were set aside."""
    if receipt["rejected"]:
        for row, reason in run.journal.run("SELECT row, reason FROM rejects ORDER BY row LIMIT ?", [_SHOWN_REJECTS]):
            log.warning("%s: row %d is set aside: %s.", run.job.entity, row, reason)
        log.warning(
            "%s: %s set aside; each with its reason: %s",
            run.job.entity, counted(receipt["rejected"], "row"), receipt["rejects"],
        )  # fmt: skip
    log.info(
        "%s: %s %s, %s, %.1f s.%s",
        run.job.entity, _summary(receipt), counted(receipt["requests"], "request"),
        counted(receipt["tokens"], "API token"), receipt["seconds"],
        f" Each record that was written, with its link: {receipt['results']}" if receipt["results"] else "",
    )  # fmt: skip


def _summary(receipt: Mapping[str, Any]) -> str:
    """``5 created, 2 updated, 93 unchanged``; of a dry run what would be."""
    names = ("created", "updated", "archived", "deleted", "unchanged", "rejected")
    text = ", ".join(f"{receipt[name]} {name}" for name in names if receipt[name]) or "no rows"
    related = f", {counted(receipt['related_created'], 'related record')} created" if receipt["related_created"] else ""
    if not receipt["dry_run"]:
        return f"{text}{related};"
    price = counted(receipt["price"], "API token")
    return f"nothing written; would be: {text}{related}, for about {price}; the dry run itself took"


def _counts(run: RunContext) -> dict[str, int]:
    """How many records each action was done to; in a dry run, would be."""
    states = run.journal.run(
        "SELECT action, sum(state = 'done'), count(*) FROM operations WHERE entity = ? GROUP BY action",
        [run.job.entity],
    ).fetchall()
    return {action: (whole if run.job.dry_run else done) for action, done, whole in states}


def _related_created(run: RunContext) -> int:
    state = "planned" if run.job.dry_run else "done"
    return int(
        run.journal.one("SELECT count(*) FROM operations WHERE phase = 0 AND action = 'create' AND state = ?", [state])
    )


def write_rejects(journal: Journal) -> str | None:
    """Write the rows that were set aside as lines of JSON; returns the file's path, or None where there are none."""
    found = journal.each("SELECT row, reason, field, given FROM rejects ORDER BY row")
    return journal.lines(
        "rejects.jsonl",
        (
            {"row": row, "reason": reason, "field": field, "values": from_json(given)}
            for row, reason, field, given in found
        ),
    )


def _results(run: RunContext) -> Iterator[dict[str, Any]]:
    done = run.journal.each(
        "SELECT row, key, action, id FROM operations WHERE state = 'done' AND entity = ? AND action != ? "
        "ORDER BY row, operation",
        [run.job.entity, ADD_OPTIONS],
    )
    for row, key, action, identity in done:
        known = None if identity is None else from_json(identity)
        link = record_url(run.job.entity, known, run.client.origin) if action != "delete" else None
        yield {"row": row, "key": shown_key(key) or None, "action": action, "id": known, "link": link}


def show(run: RunContext) -> None:
    """Log the first records of a dry run, as people read them."""
    for number, record in enumerate(described(run.book, run.job.entity, run.journal)):
        if number == _SHOWN:
            log.info("... and more: %s", run.journal.get("diff"))
            break
        log.info(
            "%s %s %s: %s",
            record["action"],
            run.job.entity,
            record["id"] or record["key"] or "",
            "; ".join(_changes(record)) or "-",
        )


def _changes(record: Mapping[str, Any]) -> list[str]:
    before = {} if record["action"] == "create" else record["before"]
    return [
        f"{name}: {_brief(before[name])} -> {_brief(value)}" if name in before else f"{name}: {_brief(value)}"
        for name, value in record["after"].items()
    ]


def _brief(value: Any) -> str:
    if isinstance(value, list):  # of addresses and numbers, what they are
        value = ", ".join(str(item.get("value", item) if isinstance(item, Mapping) else item) for item in value)
    text = "-" if value is None or value == "" else str(value)
    return text if len(text) <= 60 else text[:57] + "..."
