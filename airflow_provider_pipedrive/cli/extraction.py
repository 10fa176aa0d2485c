"""``airflow pipedrive plan``, ``watermarks`` and ``files``: what an extraction costs, how far one has come and by which
runs, and which of its files count."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.terminal import command, put, say
from airflow_provider_pipedrive.client.times import given_moment
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.output.manifest import MANIFEST
from airflow_provider_pipedrive.extraction.planning import estimate
from airflow_provider_pipedrive.extraction.storage.files import below, joined, read_json
from airflow_provider_pipedrive.extraction.watermarks import Watermark, Watermarks, listed
from airflow_provider_pipedrive.hooks.client_factory import client_of

_CLAIMS_SHOWN = 3
"""Of each entity, where all are shown."""


@command
def plan(options: Namespace) -> None:
    """What an extraction costs."""
    since, until = _moment("--since", options.since), _moment("--until", options.until)
    if until is not None and since is None:
        raise PipedriveParameterError("--until needs --since: without one, whole lists are read.")
    if since is not None and since > datetime.now(UTC):
        raise PipedriveParameterError(f"--since {options.since} is in the future: give a time that has passed.")
    job = ExtractionJob(options.entities, "changes" if since else "snapshot", since, until, columns=options.columns)
    with client_of(connections.find(options.conn_id).connection) as client:
        found = estimate(client, job)
    rows = [("entity", "records", "pages", "tokens", "going by")]
    for each in found.estimates:
        records = "?" if each.records is None else f"{each.records:,}"
        rows.append((each.entity, records, f"{each.pages:,}", f"{each.tokens:,}", each.basis))
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for name, records, pages, tokens, basis in rows:
        put(f"{name:<{widths[0]}}  {records:>{widths[1]}}  {pages:>{widths[2]}}  {tokens:>{widths[3]}}  {basis}")
    say(
        f"About {counted(found.tokens, 'API token')}, and at least {counted(round(found.minutes * 60), 'second')} at "
        f"the present rate limit. This plan cost {counted(found.looking, 'API token')}."
    )


@command
def watermarks(options: Namespace) -> None:
    """How far a job folder's entities have been read, and setting that back."""
    folder = _folder(options.path)
    if not folder.is_dir():
        raise PipedriveParameterError(f"There is no folder {options.path}: give the path of an extraction's job.")
    until = _watermark_to_set(options)
    found = listed(folder)
    chosen = [watermark for watermark in found if options.entity in (None, watermark["entity"])]
    if found and not chosen:
        known = ", ".join(sorted({watermark["entity"] for watermark in found}))
        raise PipedriveParameterError(
            f"There is no watermark of {options.entity} in {options.path}; there are: {known}."
        )
    if not found:
        say(f"There are no watermarks in {options.path}: no run that goes by its watermark has begun there.")
    for watermark in chosen:
        kept = Watermarks(folder, watermark["scope"])
        if options.forget:
            kept.forget(options.entity)
            say(f"Forgotten: the next run reads all {options.entity}.")
        elif until is not None:
            kept.set(options.entity, Watermark(until))
            say(f"{options.entity}: the next run reads what was updated from {until.isoformat()} on.")
        else:
            until_now = watermark["until"] or "none: the next run reads everything"
            put(f"{watermark['entity']}  {until_now}  ({_told(watermark['scope'])})")
            _put_claims(watermark["claims"], whole=options.entity is not None)


@command
def files(options: Namespace) -> None:
    """Which files of an extraction count."""
    folder = _folder(options.path)
    manifests = [found.name for found in below(folder) if found.name.split("/")[-1] == MANIFEST]
    if not manifests:
        raise PipedriveParameterError(
            f"There is no {MANIFEST} in {options.path} or below it: no extraction has been published there."
        )
    for name in sorted(manifests):
        manifest = read_json(joined(folder, name)) or {}
        for file in manifest["tombstones" if options.tombstones else "parts"]:
            put(str(joined(folder, name.removesuffix(MANIFEST)) / file["name"]))


def _put_claims(claims: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
    """The windows that belong to runs, the latest first."""
    shown = claims if whole else claims[-_CLAIMS_SHOWN:]
    for claim in reversed(shown):
        begin = f"from {claim['since']}" if claim["since"] else "whole list,"
        put(f"  {begin} up to {claim['until']}  {'published' if claim['completed'] else 'open'}  {claim['run']}")
    if len(shown) < len(claims):
        put(f"  and {counted(len(claims) - len(shown), 'earlier run')}: --entity shows them")


def _watermark_to_set(options: Namespace) -> datetime | None:
    """Where watermarks are to be set to; None where they are to be shown or forgotten."""
    if options.set is not None and options.forget:
        raise PipedriveParameterError("--set and --forget contradict one another: give one of them.")
    if (options.set is not None or options.forget) and not options.entity:
        raise PipedriveParameterError("Say which watermark: --entity deals")
    until = _moment("--set", options.set)
    if until is not None and until > datetime.now(UTC):
        raise PipedriveParameterError(
            f"--set {options.set} is in the future: the next runs would read nothing. Give a time that has passed."
        )
    return until


def _told(scope: Mapping[str, Any]) -> str:
    told = f"company {scope['company_id']}, user {scope['user_id']}"
    return told + (f", parameters {scope['parameters']}" if "parameters" in scope else "")


def _moment(option: str, text: str | None) -> datetime | None:
    return None if text is None else given_moment(option, text)


def _folder(path: str) -> Any:
    if "://" not in path:
        return Path(path)
    from airflow_provider_pipedrive.hooks.action_files import object_path

    return object_path("path", path)
