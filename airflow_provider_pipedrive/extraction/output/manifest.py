"""The manifest of an entity's folder: the pointer that names the parts that count."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.extraction.output.names import is_ours, tag_of
from airflow_provider_pipedrive.extraction.storage.files import remove_all

log = logging.getLogger(__name__)
MANIFEST = "_manifest.json"
DAY = 86_400.0
"""Seconds after which what no manifest names is swept, broken-off publications among it."""


def listed_files(manifest: Mapping[str, Any]) -> list[str]:
    """The files that a manifest says count."""
    return [part["name"] for part in [*manifest.get("parts", ()), *manifest.get("tombstones", ())]]


def named_files(manifest: Mapping[str, Any]) -> set[str]:
    """The files that a manifest names: those that count, and those that are kept for who is still reading them."""
    return {*listed_files(manifest), *(kept["name"] for kept in manifest.get("previous", ()))}


def is_over(kept: Mapping[str, Any]) -> bool:
    """Whether a file of a publication before has been kept long enough."""
    return bool(kept["until"] <= _time(time.time()))


def previous_files(present: Mapping[str, Any], named: Container[str], keep: float) -> list[dict[str, Any]]:
    """What a new manifest says of the files that it takes the place of.

    :param present: the manifest that it replaces
    :param named: the files that it names itself
    :param keep: seconds that the others stay
    """
    until = _time(time.time() + keep)
    previous = [kept for kept in present.get("previous", ()) if not is_over(kept)]
    return previous + [{"name": name, "until": until} for name in listed_files(present) if name not in named]


def sweep(folder: Any, found: Sequence[Any], spared: Callable[[], Container[str]]) -> None:
    """Remove files of a folder that have names given here and that nobody has needed for a day.

    :param found: those that no manifest names
    :param spared: the tags of runs that have not ended
    """
    day_ago = time.time() - DAY
    old = [each.name for each in found if is_ours(each.name) and (each.modified or day_ago) < day_ago]
    if old:
        alive = spared()
        gone = [name for name in old if tag_of(name) not in alive]
        log.info("%s: removed %s that no manifest names.", folder, counted(len(gone), "file"))
        remove_all([folder / name for name in gone])


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
