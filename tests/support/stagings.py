"""An entity's parts while a run lasts, as a run finds them that begins in a folder."""

from __future__ import annotations

from typing import TypeVar

from airflow_provider_pipedrive.extraction.output.encoders import RawEncoder
from airflow_provider_pipedrive.extraction.output.manifest import MANIFEST
from airflow_provider_pipedrive.extraction.output.publication import EntityFolders
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.storage.files import files
from airflow_provider_pipedrive.extraction.storage.versioned import read_versioned

S = TypeVar("S", bound=EntityStaging)


def found_in(folders: EntityFolders, kind: type[S]) -> S:
    names = {found.name for found in files(folders.unfinished)}
    present = read_versioned(folders.target / MANIFEST)
    return kind(folders, "jsonl", RawEncoder(), names=names, present=present)
