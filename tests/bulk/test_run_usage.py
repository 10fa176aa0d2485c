"""What a run has used, over all its tries."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_pipedrive.bulk.mirror import journal_in
from airflow_provider_pipedrive.bulk.run_usage import RunUsage
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox


def test_each_request_counts_once_over_all_tries_and_only_those_of_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    client = PipedriveHook().client
    client.run("getDeal", {"id": 1})  # before the run
    for _ in range(2):
        journal = journal_in(tmp_path)
        usage = RunUsage(client, journal)
        client.run("getDeal", {"id": 1})
        usage.keep()
        usage.keep()
        kept = journal.get("usage")
        journal.close()
    assert (kept["requests"], kept["tokens"]) == (2, 2)
