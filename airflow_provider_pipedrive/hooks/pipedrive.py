"""The hook: an Airflow connection becomes a Pipedrive client."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote, unquote

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_pipedrive.client.parameters import as_dict
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.allowed_paths import allowed

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore
    from airflow_provider_pipedrive.client import PipedriveClient, Settings, Usage
    from airflow_provider_pipedrive.hooks.lineage import Lineage

_CLIENT = "_client_and_its_connection"
_NONE = object()
SHORTEST_MASKED = 5
"""Airflow's masker takes no shorter secrets."""


class PipedriveHook(BaseHook):
    """Talks to the Pipedrive account of an Airflow connection.

    The client behind it is made at the first call; its access tokens, pace and token budget are shared by all hooks of
    the process that use the same host and credential.

    :param pipedrive_conn_id: the connection, of type ``pipedrive``
    """

    conn_name_attr = "pipedrive_conn_id"
    default_conn_name = "pipedrive_default"
    conn_type = "pipedrive"
    hook_name = "Pipedrive"

    def __init__(self, pipedrive_conn_id: str = default_conn_name, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipedrive_conn_id = pipedrive_conn_id

    @cached_property
    def lineage(self) -> Lineage:
        """The data sets that this hook has read and written."""
        from airflow_provider_pipedrive.hooks.lineage import Lineage

        return Lineage()

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """The form's own fields, for Airflow before 3.2."""
        from airflow_provider_pipedrive.connection_form import connection_form_widgets

        return connection_form_widgets()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Hidden fields, labels and placeholders of the form, for Airflow before 3.2."""
        from airflow_provider_pipedrive.connection_form import ui_field_behaviour

        return ui_field_behaviour()

    @property
    def client(self) -> PipedriveClient:
        """The client of this connection, made at the first call. It belongs to the id that it was made for: a hook that
        is given another id, itself or as a copy, makes another one.

        :raises PipedriveAuthError: the connection does not exist or has no credential
        :raises PipedriveParameterError: a field of it cannot be read
        """
        made: tuple[str, PipedriveClient] | None = self.__dict__.get(_CLIENT)
        if made is None or made[0] != self.pipedrive_conn_id:
            made = self.__dict__[_CLIENT] = (self.pipedrive_conn_id, client_of(self._connection()))
        return made[1]

    def __getstate__(self) -> dict[str, Any]:
        """What a copy and a pickle take along: not the client, whose sockets, locks and secrets stay here."""
        return {name: value for name, value in self.__dict__.items() if name not in (_CLIENT, "_log")}

    def get_conn(self) -> PipedriveClient:
        """The client, under the name that Airflow's hooks give it."""
        return self.client

    @property
    def usage(self) -> Usage:
        """Requests, pages, records, API tokens and seconds of this hook so far."""
        return self.client.usage

    def run(
        self,
        action: str,
        parameters: Mapping[str, Any] | None = None,
        save_to: Any = None,
        *,
        already_tried: bool = False,
        readable: bool = False,
    ) -> Any:
        """Do one action and return the ``data`` of Pipedrive's answer.

        A list action walks through all pages and returns the records as a list; with ``cursor`` or ``start`` it reads
        that page only. A download returns ``save_to``, or without it the bytes, up to 50 MB.

        :param action: key of the action, such as ``getDeals``; docs/actions.md lists them
        :param parameters: path, query and body parameters in one flat dict, named as Pipedrive names them. A file to
            upload is a local or object-storage path, bytes, a binary file object, or a pair (file name, any of these).
        :param save_to: where a download goes: a local path, an object-storage path (``s3://conn@bucket/key``), or a
            binary file object; it may also be among the parameters. ``[pipedrive] allowed_paths`` bounds the paths of
            uploads and downloads.
        :param already_tried: an earlier try of the same task may have sent the same: a deletion that finds nothing is
            done then, with a warning, and no :class:`.PipedriveNotFoundError`
        :param readable: of a read, custom fields come under their names, options as labels
        :raises PipedriveParameterError: something is wrong, found before anything was sent
        :raises PipedriveError: everything else, see :mod:`airflow_provider_pipedrive.errors`
        """
        given = _with_object_storage(action, as_dict(action, parameters))
        given_save_to = given.pop("save_to", None)
        if save_to is None:
            save_to = given_save_to
        if save_to is None:
            done = self.client.run(action, given, already_tried=already_tried, readable=readable)
        else:
            done = self._download(action, given, save_to)
        self._tell_lineage(action, _file_of(action, given), save_to)
        return done

    def iterate(
        self,
        action: str,
        parameters: Mapping[str, Any] | None = None,
        max_records: int | None = None,
        *,
        readable: bool = False,
    ) -> Iterator[Any]:
        """A lazy iterator over the records of all pages of a list action; memory does not grow with their number.

        :param max_records: stop after so many
        :param readable: custom fields come under their names, options as labels
        """
        return self._told(action, self.client.iterate(action, parameters, max_records, readable=readable))

    def _told(self, action: str, records: Iterator[Any]) -> Iterator[Any]:
        first = next(records, _NONE)
        self._tell_lineage(action)  # an empty list has been read too
        if first is not _NONE:
            yield first
            yield from records

    def _tell_lineage(self, action: str, read_from: Any = None, saved_to: Any = None) -> None:
        from airflow_provider_pipedrive.hooks.lineage import report

        report(self, action, read_from=read_from, saved_to=saved_to)

    def request(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, json: Any = None
    ) -> dict[str, Any]:
        """Send any request to the connection's own host and return the parsed JSON body.

        :param path: ``/v1/...`` or ``/api/v2/...``
        :param params: query parameters
        :param json: JSON body
        """
        from airflow_provider_pipedrive.hooks.lineage import report_request

        answer = self.client.request(method, path, params, **({} if json is None else {"json": json}))
        report_request(self, method, path)
        return answer

    def options(self, source: str, term: str | None = None, **parameters: Any) -> list[dict[str, str]]:
        """Records to choose from, as ``[{"key": "1", "label": "..."}]``.

        :param source: ``selectDeal``, ``selectOrganization``, ``selectPerson``, ``pipelines``, ``stages``, ``users``,
            ``filters``, ``labels`` (of deals, ``dealLabels`` too), ``personLabels``, ``organizationLabels`` or
            ``leadLabels``
        :param term: only what a search for this text finds (deals, organizations and persons)
        :param parameters: narrow the list down, as the list action's parameters do
        """
        from airflow_provider_pipedrive.hooks.lineage import report_options

        found = self.client.options(source, term=term, **parameters)
        report_options(self, source)
        return found

    def test_connection(self) -> tuple[bool, str]:
        """Ask Pipedrive who we are: one call of 2 API tokens.

        :returns: ``(True, who, which company, which auth, which host)`` or ``(False, what to change)``
        """
        from airflow_provider_pipedrive.client import ApiToken

        try:
            me = self._asked_whose_it_is()
            auth = "API token" if isinstance(self.client.settings.credential, ApiToken) else "OAuth"
            return True, (
                f"Connected as {me.get('name')} ({me.get('email')}), company {me.get('company_name')}, "
                f"{auth}, {self.client.origin}"
            )
        except PipedriveError as error:
            return False, str(error).removeprefix("getCurrentUser: ")  # nobody has written this action

    def _asked_whose_it_is(self) -> Any:
        """The credential's user. For Airflow's own Test, the connection is one that the server has merged of stored
        secrets and what somebody has typed, see :mod:`.accounts.approved_routes`."""
        from airflow_provider_pipedrive.accounts.approved_routes import (
            CredentialRoute,
            check_approved,
            is_asked_by_page,
            secrets_in,
            uniform_errors,
        )

        if not is_asked_by_page():
            return self.client.run("getCurrentUser")
        connection = self._connection()
        extra = connection.extra_dejson
        route = CredentialRoute.of(connection, extra)
        check_approved("that is tested", route, secrets_in(connection, extra), extra)
        with uniform_errors(route):
            return self.client.run("getCurrentUser")

    def _connection(self) -> Connection:
        try:
            return self.get_connection(self.pipedrive_conn_id)
        except AirflowNotFoundException:
            name = self.pipedrive_conn_id
            raise PipedriveAuthError(
                f"There is no Airflow connection {name!r}. Create it (type Pipedrive) in the web UI under Admin > "
                f"Connections, by `airflow connections add {name} --conn-type pipedrive ...`, or as the environment "
                f"variable AIRFLOW_CONN_{name.upper()} of every Airflow process. If you did: JSON that cannot be "
                "read is reported like a connection that is not there."
            ) from None

    def _download(self, action: str, parameters: dict[str, Any], save_to: Any) -> Any:
        from airflow_provider_pipedrive.catalog import get_action

        if get_action(action).result != "binary":
            raise PipedriveParameterError(f"{action} does not answer a file: leave out save_to.", action=action)
        place = save_to if hasattr(save_to, "write") else allowed("save_to", save_to)
        if hasattr(save_to, "write"):
            self.client.download(action, parameters, save_to)
        elif not isinstance(save_to, str | PathLike) or not str(save_to):
            raise PipedriveParameterError(f"{action}: save_to must be a path or a binary file object.", action=action)
        elif "://" in str(place):
            _save_object(str(place), lambda sink: self.client.download(action, parameters, sink))
        else:
            _save_local(Path(place), lambda sink: self.client.download(action, parameters, sink))
        return save_to


def client_of(connection: Connection) -> PipedriveClient:
    """The client of an Airflow connection, its secrets registered with Airflow's masker."""
    from airflow_provider_pipedrive.client import PipedriveClient, settings_from

    if connection.conn_type and connection.conn_type != PipedriveHook.conn_type:
        raise PipedriveParameterError(
            f"The connection {connection.conn_id!r} is of type {connection.conn_type}, not {PipedriveHook.conn_type}."
        )
    settings = settings_from(
        host=_host(connection),
        port=connection.port,
        login=connection.login,
        password=connection.password,
        extra=connection.extra_dejson,
    )
    return PipedriveClient(settings, on_secret=_mask, token_store=_token_store(settings))


def _host(connection: Connection) -> str | None:
    """The host; a URI such as ``pipedrive://https://acme.pipedrive.com`` comes in quoted or in pieces."""
    host = unquote(connection.host or "")
    return host or None


def _token_store(settings: Settings) -> VariableRefreshTokenStore | None:
    token = getattr(settings.credential, "refresh_token", None)
    if not token:
        return None
    from airflow_provider_pipedrive.accounts.refresh_tokens import VariableRefreshTokenStore

    return VariableRefreshTokenStore(token)


def _mask(secret: str) -> None:
    """Have Airflow hide a secret in every log of this process, in its URL-quoted form too."""
    from airflow.providers.common.compat.sdk import mask_secret

    for form in {secret, quote(secret, safe="")}:
        if len(form) >= SHORTEST_MASKED:
            mask_secret(form)


def _with_object_storage(action: str, given: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the address of a file in object storage made a path that can be opened."""
    from airflow_provider_pipedrive.catalog import UnknownActionError, get_action

    try:
        parameters = get_action(action).parameters
    except UnknownActionError as error:
        raise PipedriveParameterError(str(error)) from None
    for name in [parameter.name for parameter in parameters if parameter.type == "file" and parameter.name in given]:
        given[name] = _allowed_file(name, given[name])
        if isinstance(given.get(name), str) and "://" in given[name]:
            given[name] = object_path(name, given[name])
    return given


def _allowed_file(name: str, given: Any) -> Any:
    """What is to be uploaded, if it may be: under the name that it was given by, wherever a symbolic link leads."""
    found = allowed(name, given)
    is_followed = isinstance(given, str | PathLike) and found is not given
    return (Path(given).name, found) if is_followed else found


def _file_of(action: str, given: Mapping[str, Any]) -> Any:
    """The file that an action uploads, if it does."""
    from airflow_provider_pipedrive.catalog import get_action

    files = [parameter.name for parameter in get_action(action).parameters if parameter.type == "file"]
    return next((given[name] for name in files if name in given), None)


def _save_local(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the target and rename: a broken download never looks finished."""
    if path.is_dir():
        raise PipedriveParameterError(f"save_to: {path} is a folder: give the file's name too.")
    unfinished = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        sink = unfinished.open("wb")
    except OSError as error:
        if not path.parent.exists():
            raise PipedriveParameterError(f"save_to: the folder {path.parent} does not exist: create it.") from None
        raise PipedriveParameterError(f"save_to: {path} cannot be written: {error.strerror}.") from None
    try:
        with sink:
            write(sink)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _save_object(url: str, write: Callable[[BinaryIO], object]) -> None:
    """Collect the file on disk and then upload it whole: an object appears when it is complete."""
    path = object_path("save_to", url)
    with tempfile.TemporaryFile() as spool:
        write(spool)
        spool.seek(0)
        with path.open("wb") as target:
            shutil.copyfileobj(spool, target)


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
