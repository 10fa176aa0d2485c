"""``airflow pipedrive undo``: taking a bulk run back."""

from __future__ import annotations

from argparse import Namespace

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.terminal import command, say
from airflow_provider_pipedrive.hooks.client_factory import client_of


@command
def undo(options: Namespace) -> None:
    """Take back what the bulk run in a folder has written."""
    from airflow_provider_pipedrive.bulk import undo as take_back

    with client_of(connections.find(options.conn_id).connection) as client:
        result = take_back(client, options.folder)
    if not result["details"]:
        say(f"There is nothing to undo in {options.folder}: its run has written nothing.")
        return
    say(
        f"{counted(result['restored'], 'record')} restored (those that the run had created are deleted again), "
        f"{result['kept']} kept, {result['impossible']} cannot be restored."
    )
    say(f"What became of each, and why: {result['details']}")
