"""Files that actions upload and download: local, in object storage, or open already."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from airflow_provider_pipedrive.client.whole_files import whole_file
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.allowed_paths import allowed

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient


def with_openable_files(action: str, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with a file in object storage, or its address, made one that is read in blocks."""
    from airflow_provider_pipedrive.catalog import get_action

    parameters = get_action(action).parameters
    for name in [parameter.name for parameter in parameters if parameter.type == "file" and parameter.name in given]:
        given[name] = _openable(name, _allowed_file(name, given[name]))
    return given


def _openable(name: str, given: Any) -> Any:
    from airflow_provider_pipedrive.extraction.storage.files import StoredFile
    from airflow_provider_pipedrive.extraction.storage.store import file_system

    if isinstance(given, tuple) and len(given) == 2:
        return given[0], _openable(name, given[1])
    if isinstance(given, str) and "://" in given:
        given = object_path(name, given)
    return given if file_system(given) is None else StoredFile(given)


def _allowed_file(name: str, given: Any) -> Any:
    """What is to be uploaded, if it may be: under the name that it was given by, wherever a symbolic link leads."""
    found = allowed(name, given)
    is_followed = isinstance(given, str | PathLike) and found is not given
    return (Path(given).name, found) if is_followed else found


def uploaded_file(action: str, given: Mapping[str, Any]) -> Any:
    """The file that an action uploads, if it does."""
    from airflow_provider_pipedrive.catalog import get_action

    files = [parameter.name for parameter in get_action(action).parameters if parameter.type == "file"]
    return next((given[name] for name in files if name in given), None)


def download(client: PipedriveClient, action: str, parameters: dict[str, Any], save_to: Any) -> Any:
    """Do a download to ``save_to``, a path or a binary file object, and return ``save_to``.

    :raises PipedriveParameterError: the action has no file to answer with, or nothing can be written there
    """
    from airflow_provider_pipedrive.catalog import get_action

    if get_action(action).result != "binary":
        raise PipedriveParameterError(f"{action} does not answer a file: leave out save_to.", action=action)
    place = save_to if hasattr(save_to, "write") else allowed("save_to", save_to)
    if hasattr(save_to, "write"):
        client.download(action, parameters, save_to)
    elif not isinstance(save_to, str | PathLike) or not str(save_to):
        raise PipedriveParameterError(f"{action}: save_to must be a path or a binary file object.", action=action)
    elif "://" in str(place):
        _save_object(str(place), lambda sink: client.download(action, parameters, sink))
    else:
        _save_local(Path(place), lambda sink: client.download(action, parameters, sink))
    return save_to


def _save_local(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write next to the target and rename: a broken download never looks finished."""
    if path.is_dir():
        raise PipedriveParameterError(f"save_to: {path} is a folder: give the file's name too.")
    with ExitStack() as closing:
        try:
            sink = closing.enter_context(whole_file(path))
        except OSError as error:
            if isinstance(error, NotADirectoryError):
                raise PipedriveParameterError(
                    f"save_to: {path} cannot be written: {path.parent} is not a folder."
                ) from None
            if not path.parent.exists():
                raise PipedriveParameterError(f"save_to: the folder {path.parent} does not exist: create it.") from None
            raise PipedriveParameterError(f"save_to: {path} cannot be written: {error.strerror}.") from None
        write(sink)


def _save_object(url: str, write: Callable[[BinaryIO], object]) -> None:
    """Try the place, collect the file on disk and then upload it whole: an object appears when it is complete."""
    from airflow_provider_pipedrive.extraction.storage.files import try_place, upload

    path = object_path("save_to", url)
    try_place(path)
    with tempfile.TemporaryFile() as spool:
        write(spool)
        spool.seek(0)
        upload(path, cast(BinaryIO, spool))


def object_path(name: str, url: str) -> Any:
    """The path in object storage, its file system ready for use: before anything is downloaded or sent."""
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        path: Any = ObjectStoragePath(url)
        _ = path.fs
    except (ValueError, ImportError) as error:
        raise PipedriveParameterError(
            f"{name}: {url.split('://')[0]}:// cannot be used here ({error}). Install the Airflow provider of that "
            "storage on the workers, such as apache-airflow-providers-amazon[s3fs] for s3."
        ) from None
    return path
