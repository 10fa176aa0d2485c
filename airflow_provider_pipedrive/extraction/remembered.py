"""What an extraction keeps from run to run in its folder, handed in and taken out by who keeps it elsewhere.

A warehouse keeps it in the dataset, with the rows: its folder is for one run only. Everything that is kept is below
``_pipedrive`` in the folder: ``schema/<entity>.json`` (columns and options), ``snapshots/<entity>-<choice>.json`` (rows
and account), ``known/<entity>.bits`` (ids), ``stages.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.extraction.context import who_reads
from airflow_provider_pipedrive.extraction.observed_stages import stages_seen
from airflow_provider_pipedrive.extraction.reading.sweep import LandedIds
from airflow_provider_pipedrive.extraction.storage.disk import STATE
from airflow_provider_pipedrive.extraction.storage.files import read_json, remove_folder, write_json

_FOLDERS = ("schema", "snapshots", "known")


def account_of(client: PipedriveClient) -> dict[str, Any]:
    """Whose account it is: the ids of the company and the user in Pipedrive."""
    account, _ = who_reads(client)
    return account


def take_out(folder: Any, entity: str) -> dict[str, Any]:
    """What is kept of an entity, but for its ids: by the name of the file."""
    state = folder / STATE
    found: dict[str, Any] = {}
    schema = read_json(state / "schema" / f"{entity}.json")
    if schema is not None:
        found[f"schema/{entity}.json"] = schema
    snapshots = state / "snapshots"
    for file in snapshots.iterdir() if snapshots.exists() else ():
        if file.name.rpartition("-")[0] == entity:
            found[f"snapshots/{file.name}"] = read_json(file)
    return found


def hand_in(folder: Any, kept: Iterable[Mapping[str, Any]], landed: Mapping[str, Iterable[tuple[int, Any]]]) -> None:
    """Put what is kept where an extraction looks for it, in place of what is there.

    :param kept: as :func:`take_out` gives it
    :param landed: by entity, the ids that were landed and not deleted since, each with its stage or None
    """
    state = folder / STATE
    for name in _FOLDERS:
        remove_folder(state / name)
    for files in kept:
        put_back(folder, files)
    for entity, rows in landed.items():
        known = LandedIds(folder, entity)
        stages: dict[int, int] = {}
        for number, stage in rows:
            known.ids.add([number])
            if stage is not None:
                stages[number] = stage
        known.save()
        if entity == "deals":
            write_json(state / "stages.json", stages_seen(stages))


def put_back(folder: Any, files: Mapping[str, Any]) -> None:
    """Write what :func:`take_out` took to where it was."""
    for name, value in files.items():
        write_json(folder / STATE / name, value)
