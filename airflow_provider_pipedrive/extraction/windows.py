"""Which window each entity of a run has."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.context import ExtractionContext, iso
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow
from airflow_provider_pipedrive.extraction.watermarks import CLAIMS_KEPT, Watermark, Watermarks, WindowClaim, listed

log = logging.getLogger(__name__)


def wait_for_end(context: ExtractionContext) -> None:
    """Wait for the end of the job's window: it closes when Pipedrive's clock has passed it by the lookback.

    :raises PipedriveParameterError: it is too far ahead
    """
    job = context.job
    if job.until is None:
        return
    left = (job.until + timedelta(seconds=job.lookback) - context.now).total_seconds()
    if left > 2 * job.lookback + 60:
        raise PipedriveParameterError(
            f"until ({job.until}) lies {left:.0f} s ahead of Pipedrive's clock: run after it, or leave it out."
        )
    if left > 0:
        log.info("Waiting %.0f s until Pipedrive's clock has passed the window's end by the lookback.", left)
        context.sleep(left)


def window_of(context: ExtractionContext, entity: str) -> tuple[UpdateWindow | None, WindowClaim | None]:
    """An entity's window, None where it is read whole, and the run's claim on it, where it goes by the watermark.

    :raises PipedriveParameterError: there is no such window
    """
    job = context.job
    if job.mode == "snapshot":
        return None, None
    if job.since is None:
        claim = _claim(context, entity)
        window = None if claim.since is None else UpdateWindow(claim.since, claim.until, job.lookback, claim.boundary)
        return window, claim
    until = job.until or context.now
    kept = context.folder.unfinished(entity)
    if job.until is None and kept is not None and "since" in kept:
        until = datetime.fromisoformat(kept["until"])  # of the run that continues
    if job.since >= until:
        raise PipedriveParameterError(f"since ({job.since}) lies ahead of Pipedrive's clock ({until}).")
    return UpdateWindow(job.since, until, job.lookback, {}), None


def move_watermark(
    context: ExtractionContext, entity: str, claim: WindowClaim, newest: datetime | None, landed: Mapping[Any, datetime]
) -> None:
    """Move an entity's watermark, after its window is published.

    :param newest: the greatest time of last update in the window
    :param landed: the records of its last seconds, by id with their time
    """
    context.watermarks(entity).complete(entity, claim, newest, landed, context.job.lookback)


def _claim(context: ExtractionContext, entity: str) -> WindowClaim:
    """The window that belongs to this run, the same at each of its tries and when it is cleared."""
    watermarks = context.watermarks(entity)
    reading = watermarks.reading(entity)
    begun = reading.of(context.run) is not None
    unfinished = context.folder.unfinished(entity)
    until = context.now
    if not begun:
        _refuse_forgotten(context, entity, watermarks)
        _refuse_future(entity, reading.watermark, until)
        since = iso(reading.watermark.until) if reading.watermark else None
        if unfinished and unfinished.get("since") == since and unfinished.get("until"):
            until = datetime.fromisoformat(unfinished["until"])  # of the run that this one continues
    claim = watermarks.claim(entity, context.run, until)
    if unfinished is not None and not _fits(unfinished, claim):
        context.folder.discard(entity)  # of a run with another window
    if not begun and claim.since is None and _has_other_key(context, entity):
        log.warning(
            "%s: the connection's hash_key is another than at the last load. The whole list is read, for its hashes to "
            "be alike; what was landed before has other hashes.",
            entity,
        )
    _log_claim(entity, claim, again=begun)
    return claim


def _has_other_key(context: ExtractionContext, entity: str) -> bool:
    """Whether the same was read before, and hashed with another key."""
    if "hash_key" not in context.whose:
        return False
    scope = context.watermarks(entity).scope
    return any(
        each["entity"] == entity
        and each["until"]
        and {**each["scope"], "hash_key": ""} == {**scope, "hash_key": ""}
        and each["scope"].get("hash_key") not in (None, scope["hash_key"])
        for each in listed(context.path)
    )


def _fits(plan: Mapping[str, Any], claim: WindowClaim) -> bool:
    """Whether an unfinished reading was of that window; a whole list, which has no end, of the whole list."""
    since = iso(claim.since) if claim.since else None
    return plan.get("since") == since and plan.get("until") in (None, iso(claim.until))


def _refuse_future(entity: str, watermark: Watermark | None, now: datetime) -> None:
    if watermark is not None and watermark.until > now:
        raise PipedriveParameterError(
            f"{entity}: the watermark ({watermark.until}) lies ahead of Pipedrive's clock: set it back "
            "by `airflow pipedrive watermarks`."
        )


def _refuse_forgotten(context: ExtractionContext, entity: str, watermarks: Watermarks) -> None:
    """A run that has landed something, and whose window is not known any more, must not take another one's place."""
    before = context.receipt_before or {}
    if before.get("watermarks", {}).get(entity) == watermarks.name(entity):
        raise PipedriveParameterError(
            f"{entity}: the run {context.run} has landed its changes, and which they were is not known any more: the "
            f"windows of the last {CLAIMS_KEPT} runs are kept. Nothing was read, and what it has landed stays. To "
            "read that time again, give since and until (its receipt has them), or start a new run, which reads on "
            f"from the watermark. The receipt: {context.receipt}"
        )


def _log_claim(entity: str, claim: WindowClaim, *, again: bool) -> None:
    if again:
        begin = f"from {iso(claim.since)}" if claim.since else "the whole list,"
        log.info("%s: reading this run's own window again: %s up to %s.", entity, begin, iso(claim.until))
    elif claim.since is None:
        log.info("%s: there is no watermark yet: the first load reads the whole list.", entity)
    else:
        log.info("%s: reading on from %s, where the last load ended.", entity, iso(claim.since))
