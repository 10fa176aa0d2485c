"""``airflow pipedrive plan`` and ``marks``: what an extraction costs, and how far one has come."""

from __future__ import annotations

from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.terminal import command, put, say
from airflow_provider_pipedrive.client.extraction.definition import Job
from airflow_provider_pipedrive.client.extraction.marks import Mark, Marks, listed
from airflow_provider_pipedrive.client.extraction.planning import plan as priced
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.pipedrive import client_of


@command
def plan(options: Namespace) -> None:
    """What an extraction costs."""
    since, until = _moment("--since", options.since), _moment("--until", options.until)
    if until is not None and since is None:
        raise PipedriveParameterError("--until needs --since: without one, whole lists are read.")
    job = Job(options.entities.split(","), "changes" if since else "snapshot", since, until, names=options.names)
    with client_of(connections.find(options.conn_id)) as client:
        found = priced(client, job)
    rows = [("entity", "records", "pages", "tokens", "going by")]
    for each in found.estimates:
        records = "?" if each.records is None else f"{each.records:,}"
        rows.append((each.entity, records, f"{each.pages:,}", f"{each.tokens:,}", each.basis))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, records, pages, tokens, basis in rows:
        put(f"{name:<{widths[0]}}  {records:>{widths[1]}}  {pages:>{widths[2]}}  {tokens:>{widths[3]}}  {basis}")
    say(
        f"About {found.tokens:,} API tokens, and at least {found.minutes:.1f} minutes at the present rate limit. "
        f"This plan cost {found.looking} tokens."
    )


@command
def marks(options: Namespace) -> None:
    """How far a job folder's entities have been read, and setting that back."""
    folder = _folder(options.path)
    found = listed(folder)
    if options.set is None and not options.forget:
        if not found:
            say(f"There are no marks in {options.path}: no run that goes by its mark has ended there.")
        for mark in found:
            scope = mark["scope"]
            put(f"{mark['entity']}  {mark['until']}  (company {scope['company_id']}, user {scope['user_id']})")
        return
    if not options.entity:
        raise PipedriveParameterError("Say which mark: --entity deals")
    chosen = [mark for mark in found if mark["entity"] == options.entity]
    if not chosen:
        known = ", ".join(sorted({mark["entity"] for mark in found})) or "none"
        raise PipedriveParameterError(f"There is no mark of {options.entity} in {options.path}; there are: {known}.")
    for mark in chosen:
        kept = Marks(folder, mark["scope"])
        if options.forget:
            kept.forget(options.entity)
            say(f"Forgotten: the next run reads all {options.entity}.")
        else:
            until = _moment("--set", options.set)
            if until is None:
                raise PipedriveParameterError("--set needs a time.")
            kept.set(options.entity, Mark(until))
            say(f"{options.entity}: the next run reads what was updated from {until.isoformat()} on.")


def _moment(option: str, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise PipedriveParameterError(
            f"{option} must be a day or a time, such as 2026-01-31 or 2026-01-31T12:00:00Z, not {text!r}."
        ) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _folder(path: str) -> Any:
    if "://" not in path:
        return Path(path)
    from airflow_provider_pipedrive.hooks.pipedrive import object_path

    return object_path("path", path)
