"""The file for who can only read by a pattern: what a snapshot has published, under a name that does not change.

On a disk it is a second name of the published file and takes no room. In object storage it is a copy that the storage
itself makes. It is replaced whole, in one step, after the manifest.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.extraction.output.manifest import MANIFEST
from airflow_provider_pipedrive.extraction.output.names import format_of
from airflow_provider_pipedrive.extraction.storage.files import copy, files, read_json, remove_all

log = logging.getLogger(__name__)
LATEST = "latest"
"""The folder, next to the manifest."""


def keep_latest(target: Any, entity: str) -> None:
    """Let the file have the rows that the manifest names, whichever run has written it; none where it has no rows.

    Of two runs that publish at the same time each looks at the manifest again when it has copied: the last one to copy
    sees what was published last.
    """
    published = None
    while True:
        manifest = read_json(target / MANIFEST) or {}
        if manifest.get("publication") == published:
            return
        published = manifest["publication"]
        _copy(target, entity, [part["name"] for part in manifest["parts"]])


def _copy(target: Any, entity: str, names: list[str]) -> None:
    if len(names) > 1:  # a run that was interrupted, and whose fields were others when it continued
        log.warning("%s: its columns changed while it was read: it has %s.", entity, counted(len(names), "file"))
        log.warning("%s stays as it was: one file has the same columns in every row.", target / LATEST)
        return
    kept = [f"{entity}.{format_of(name)}" for name in names]
    for name, new in zip(names, kept, strict=True):
        copy(target / name, target / LATEST / new)
    old = [found.name for found in files(target / LATEST) if found.name.startswith(f"{entity}.")]
    remove_all([target / LATEST / name for name in old if name not in kept])
