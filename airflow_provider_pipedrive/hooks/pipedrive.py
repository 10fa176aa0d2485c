"""The hook: an Airflow connection becomes a Pipedrive client."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowNotFoundException, BaseHook

from airflow_provider_pipedrive.client.parameters import as_dict
from airflow_provider_pipedrive.connection_form import CONN_TYPE
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError
from airflow_provider_pipedrive.hooks.action_files import download, uploaded_file, with_openable_files
from airflow_provider_pipedrive.hooks.client_factory import check_connection_id, client_of

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Connection

    from airflow_provider_pipedrive.client import PipedriveClient, Usage
    from airflow_provider_pipedrive.hooks.lineage import Lineage

_CLIENT = "_client_and_its_connection"
_NONE = object()


class PipedriveHook(BaseHook):
    """Talks to the Pipedrive account of an Airflow connection.

    The client behind it is made at the first call; its access tokens, pace and token budget are shared by all hooks of
    the process that use the same host and credential.

    :param pipedrive_conn_id: the connection, of type ``pipedrive``
    """

    conn_name_attr = "pipedrive_conn_id"
    default_conn_name = "pipedrive_default"
    conn_type = CONN_TYPE
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
        given = with_openable_files(action, as_dict(action, parameters))
        given_save_to = given.pop("save_to", None)
        if save_to is None:
            save_to = given_save_to
        if save_to is None:
            done = self.client.run(action, given, already_tried=already_tried, readable=readable)
        else:
            done = download(self.client, action, given, save_to)
        self._tell_lineage(action, uploaded_file(action, given), save_to)
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
        check_connection_id("pipedrive_conn_id", self.pipedrive_conn_id)
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
