"""What the parts of a run share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.fields import FieldBook

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient


@dataclass(frozen=True)
class RunContext:
    """What is written, by whom, and where it is kept.

    :ivar directory: names of users, stages and the like
    :ivar books: the fields of each entity that may be written: the job's, and those that rows may refer to
    """

    client: PipedriveClient
    job: BulkJob
    journal: Journal
    directory: Directory
    books: Mapping[str, FieldBook]

    @property
    def book(self) -> FieldBook:
        """The fields of the job's entity."""
        return self.books[self.job.entity]


def context_of(client: PipedriveClient, job: BulkJob, journal: Journal) -> RunContext:
    """The context of a run that begins, or continues."""
    directory = Directory(client)
    books = {
        entity: FieldBook(client, entity, target_of(entity).fields_action, directory)
        for entity in dict.fromkeys([job.entity, "persons", "organizations"])
    }
    return RunContext(client, job, journal, directory, books)
