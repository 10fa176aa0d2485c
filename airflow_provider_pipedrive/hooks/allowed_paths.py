"""Which files a task may read for an upload and write as a download: ``[pipedrive] allowed_paths``.

A path may come from a template, and so from whoever writes what the template reads. Without the setting, any file that
the worker can reach is taken, as with Airflow's other operators.
"""

from __future__ import annotations

import re
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from airflow_provider_pipedrive.errors import PipedriveParameterError


def allowed(name: str, given: Any) -> Any:
    """A path, if it is in one of the allowed roots; a local one with its symbolic links followed, so that it stays so.

    What is no path (bytes, a file object) is as it was, and so is everything where the setting is empty.

    :param name: of the parameter
    :param given: a path, what is to be uploaded, or a pair (file name, any of these)
    :raises PipedriveParameterError: it is outside
    """
    roots = _roots()
    if not roots:
        return given
    if isinstance(given, tuple) and len(given) == 2:
        return given[0], allowed(name, given[1])
    if not _is_path(given):
        return given
    text = str(given)
    if "://" in text or "::" in text:
        if any(_is_below(text, root) for root in roots if "://" in root):
            return given
    else:
        path = _resolved(text)
        if path is not None and any(path.is_relative_to(Path(root).resolve()) for root in roots if "://" not in root):
            return path
    raise PipedriveParameterError(
        f"{name}: {text!r} is outside of the folders that [pipedrive] allowed_paths of Airflow's configuration names "
        f"({', '.join(roots)}). Use a path below one of them, or have the setting extended."
    )


def _roots() -> list[str]:
    from airflow.providers.common.compat.sdk import conf

    given = str(conf.get("pipedrive", "allowed_paths", fallback="") or "")
    roots = [root.strip() for root in given.split(",") if root.strip()]
    for root in roots:
        if "://" not in root and not Path(root).is_absolute():
            raise PipedriveParameterError(
                f"[pipedrive] allowed_paths: {root!r} is not a valid root. Accepted are absolute folders (/data/crm) "
                "and prefixes in object storage (s3://conn@bucket/crm), separated by commas."
            )
    return roots


def _is_path(given: Any) -> bool:
    return isinstance(given, str | PathLike) or (hasattr(given, "open") and not hasattr(given, "read"))


def _resolved(text: str) -> Path | None:
    """The path with its symbolic links followed; none where it cannot be one, such as with zero bytes in it."""
    try:
        return Path(text).resolve()
    except (OSError, RuntimeError, ValueError):
        return None


def _is_below(url: str, root: str) -> bool:
    """Whether an address in object storage begins with a root: same storage, connection and bucket, and its folders.

    A ``file://`` address never does: a local file has its path.
    """
    if "::" in url or re.search(r"[\x00-\x1f\x7f\\]", url) or ".." in re.split("/", url):
        return False
    storage, folders = _parts(url)
    allowed_storage, allowed_folders = _parts(root)
    if storage[0] in ("file", "local") or storage != allowed_storage:
        return False
    return folders[: len(allowed_folders)] == allowed_folders


def _parts(url: str) -> tuple[tuple[str, str], list[str]]:
    """Storage and connection, and bucket and folders: some versions of Airflow write the bucket as the first folder."""
    parts = urlsplit(url)
    connection, _, bucket = parts.netloc.rpartition("@")
    return (parts.scheme, connection), [part for part in f"{bucket}/{parts.path}".split("/") if part]
