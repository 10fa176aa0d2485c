"""Jobs of dlt's loads that take the place of its own."""

from __future__ import annotations

from typing import Any

from dlt.common.destination.client import HasFollowupJobs, RunnableLoadJob
from dlt.destinations.job_impl import FinalizedLoadJob

from airflow_provider_pipedrive.warehouse.pipelines import adapt_clients, exchange_jobs


class LeftWhereItIs(RunnableLoadJob, HasFollowupJobs):
    """A file of rows that is read later, be it by another job or when the load ends."""

    def run(self) -> None:
        """Leave them there."""


def wait_for_no_finished_job(pipeline: Any) -> None:
    """Let a pipeline load the files of lake tables without a pause.

    dlt 1.31 takes a file that is read later for a finished job. No such job wakes the loop that starts the next one:
    it waits a second, as long as a load of 50,000 rows otherwise takes.
    """

    def exchange(_table: Any, file: str, job: Any) -> Any:
        return LeftWhereItIs(file) if isinstance(job, FinalizedLoadJob) else job

    adapt_clients(pipeline, lambda client: exchange_jobs(client, exchange))
