"""What Pipedrive has of a person, in a folder that can be handed over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.client.whole_files import whole_file
from airflow_provider_pipedrive.errors import PipedriveNotFoundError, PipedriveParameterError
from airflow_provider_pipedrive.files.names import stored_name

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.subjects.finding import Subject


def export(client: PipedriveClient, subject: Subject, folder: Path) -> list[Path]:
    """Write ``<kind>.json`` for each kind of which there is something, and the files themselves below ``files/``.

    The folder is made, and is its owner's alone.

    :returns: the files that were written
    :raises PipedriveParameterError: the folder has something in it: another person's data would be handed over with it
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise PipedriveParameterError(f"{folder} is not empty: give a new folder.")
    written = []
    for kind, records in subject.records.items():
        if records:
            written.append(folder / f"{kind}.json")
            with whole_file(written[-1], private=True) as file:
                file.write(json.dumps([*records.values()], indent=2, ensure_ascii=False).encode())
    if subject.records["files"]:
        (folder / "files").mkdir(mode=0o700)
    for identity, record in subject.records["files"].items():
        path = folder / "files" / stored_name(identity, record.get("name"))
        try:
            with whole_file(path, private=True) as file:
                client.download("downloadFile", {"id": identity}, file)
        except PipedriveNotFoundError:
            continue  # a link to a file elsewhere, or one that is gone: its record is in files.json
        written.append(path)
    return written
