"""``airflow pipedrive subject``: what Pipedrive has of a person, handed over or erased."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.terminal import checked_arguments, command, confirmed, put, say
from airflow_provider_pipedrive.hooks.client_factory import client_of
from airflow_provider_pipedrive.subjects.erasing import STAYS, check_kinds, erase, planned
from airflow_provider_pipedrive.subjects.exporting import export
from airflow_provider_pipedrive.subjects.finding import Subject, find

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient


@command
def subject(options: Namespace) -> None:
    """Show what there is of a person; export or erase it, if asked."""
    with checked_arguments("--keep: "):
        check_kinds(options.keep)
    with client_of(connections.find(options.conn_id).connection) as client:
        found = find(client, options.email)
        for kind, records in found.records.items():
            put(f"{kind:<10}  {len(records):>5}  {' '.join(map(str, records))}".rstrip())
        if not found.count:
            say("Nobody has this address, as far as the connection's user may see.")
        elif options.export:
            written = export(client, found, Path(options.export))
            say(f"{counted(len(written), 'file')} written into {options.export}.")
        elif options.erase:
            _erase(client, found, options)
        else:
            say("Nothing was changed. --export FOLDER writes it into a folder, --erase deletes it.")
        say(f"{counted(client.usage.tokens, 'API token')} spent.")


def _erase(client: PipedriveClient, found: Subject, options: Namespace) -> None:
    ids = list(planned(found, options.keep))
    if not options.yes and not confirmed(f"Delete {counted(len(ids), 'record')} of {client.origin}?"):
        say("Nothing was deleted.")
        return
    journal = Path(options.journal or f"pipedrive-erasure-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
    outcomes: Counter[tuple[str, str, str]] = Counter()
    for became in erase(client, found, journal, keep=options.keep):
        outcomes[became.kind, became.outcome, became.reason or became.kept_until or ""] += 1
    for (kind, outcome, more), number in outcomes.items():
        what = f", kept by Pipedrive until {more}" if outcome == "deleted" and more else f": {more}" if more else ""
        put(f"{kind}: {number} {outcome}{what}")
    for kind in options.keep:
        put(f"{kind}: {len(found.records[kind])} stay, as asked")
    for sentence in STAYS:
        say(sentence)
    say(f"What became of each: {journal}")
