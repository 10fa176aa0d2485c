"""Actions that take one request: a record read, written or deleted, or any request that a caller describes."""

from __future__ import annotations

import logging
import re
from typing import Any

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.named_fields import NamedFields
from airflow_provider_pipedrive.client.parameters import NOTHING, Request, bind
from airflow_provider_pipedrive.client.prepared import PreparedRequest, prepare
from airflow_provider_pipedrive.client.raw_requests import RawRequests
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.results import data_of, deleted
from airflow_provider_pipedrive.client.retries import Tries, is_gone_already
from airflow_provider_pipedrive.client.stack import SendStack
from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveNotFoundError, PipedriveValidationError

log = logging.getLogger(__name__)
_LARGEST_FIELD_ID = 10**18
"""A field code that happens to have no letters is larger: it has 40 digits."""


class SingleRequests:
    """Does these actions by one send stack.

    :param named_fields: says what a write means whose custom fields Pipedrive has refused
    """

    def __init__(self, stack: SendStack, raw_requests: RawRequests, named_fields: NamedFields) -> None:
        self._stack = stack
        self._raw_requests = raw_requests
        self._named_fields = named_fields

    def run(self, action: Action, given: dict[str, Any], *, already_tried: bool) -> Any:
        """The ``data`` of the answer.

        A refusal has written nothing: with custom fields in it, the write is sent once more where their definitions
        tell how.

        :param already_tried: the same may have been sent before: a deletion that finds nothing is done then
        """
        request = bind(action, given)
        operation = Operation.of(action, request.path)
        tries = Tries(may_be_done=already_tried)
        try:
            if action.adapter == "numeric_field_id":
                given = self._with_field_code(action, given)
                request = bind(action, given)
            return data_of(action, self._stack.sender.send(prepare(action, request), self._stack.envelopes, tries))
        except PipedriveNotFoundError as error:
            if not _was_deleted_before(operation, tries, error):
                raise
            return deleted(action, given)
        except PipedriveValidationError as error:
            if tries.may_be_done and action.method == "DELETE" and self._options_are_gone(action, request):
                _log_deleted_before(operation, error)
                return deleted(action, given)
            if error.status != 400:
                raise
            better = self._named_fields.corrected(action, given, error)
        return data_of(action, self._stack.sender.send(prepare(action, bind(action, better)), self._stack.envelopes))

    def run_raw(self, action: Action, given: dict[str, Any], *, already_tried: bool) -> Any:
        """The ``data`` of the answer to a request whose method and path are parameters."""
        bind(action, given)
        method, path, body = given["method"], given["path"], given.get("body", NOTHING)
        request = self._raw_requests.prepare(method, path, given.get("query"), body, action.key)
        return data_of(action, self.send(request, already_tried=already_tried))

    def send(self, request: PreparedRequest, *, already_tried: bool = False) -> dict[str, Any]:
        """The envelope of the answer; an empty one for a deletion that had been carried out before."""
        tries = Tries(may_be_done=already_tried)
        try:
            return self._stack.sender.send(request, self._stack.envelopes, tries)
        except PipedriveNotFoundError as error:
            if not _was_deleted_before(request.operation, tries, error):
                raise
            return {}

    def _with_field_code(self, action: Action, given: dict[str, Any]) -> dict[str, Any]:
        """v2 knows fields by field code only; v1 tells which one a numeric id has."""
        name = "id" if "id" in given else "field_code"
        number = whole_number(given.get(name))
        if number is not None and 0 <= number < _LARGEST_FIELD_ID:
            key = re.sub("^(delete|update)", "get", action.alias_of or action.key)
            field = self.run(get_action(f"{key}V1"), {"id": number}, already_tried=False)
            return {key: value for key, value in given.items() if key != name} | {"field_code": field["key"]}
        return given

    def _options_are_gone(self, action: Action, request: Request) -> bool:
        """Whether a field has none of the options that it was asked to delete: Pipedrive answers 400 then, not 404."""
        if not action.body_is_array:
            return False
        path = request.path.removesuffix("/options")
        field = self.send(self._raw_requests.prepare("GET", path, None, NOTHING, None)).get("data") or {}
        left = {str(option.get("id")) for option in field.get("options") or []}
        return left.isdisjoint(str(option.get("id")) for option in request.json)


def _was_deleted_before(operation: Operation, tries: Tries, error: PipedriveError) -> bool:
    """Whether a deletion found nothing since an earlier try may have carried it out."""
    if not (tries.may_be_done and is_gone_already(operation, error)):
        return False
    _log_deleted_before(operation, error)
    return True


def _log_deleted_before(operation: Operation, error: PipedriveError) -> None:
    log.warning("%s: there is nothing left to delete: an earlier try has done it. (%s)", operation, error)
