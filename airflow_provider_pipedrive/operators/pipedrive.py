"""One action of Pipedrive's as an Airflow task."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterable, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.field_values import native
from airflow_provider_pipedrive.client.values import from_text
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveEndpointRemovedError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.lineage import ReportsLineage
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage, ParametersKeptFromLineage, plain
from airflow_provider_pipedrive.operators.record_links import PipedriveRecordLink, done_to_record, record_url
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    is_templated,
    permanent_errors_end_the_task,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.catalog import Action
    from airflow_provider_pipedrive.catalog.keys import ActionKey
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

XCOM_RECORDS = 10_000
XCOM_BYTES = 5 * 1024 * 1024


class PipedriveOperator(ReportsLineage, BaseOperator):
    """Do one action and push what Pipedrive answers.

    A list action reads all pages. A result that is too large for XCom fails before it is pushed, with advice. A
    deletion that finds nothing fails in a task's first try; in a later one it is done, with a warning: the answer to
    the try before may have been lost.

    :param action: key of the action, such as ``getDeals``; docs/actions.md lists them (templated)
    :param parameters: path, query and body parameters in one flat dict, named as Pipedrive names them (templated).
        What is not a template is checked when the DAG is parsed, everything again before anything is sent.
    :param pipedrive_conn_id: the connection (templated)
    :param save_to: where a download goes: a local or object-storage path (templated). Where ``parameters`` as a whole
        are a template, this is its only place.
    :param max_records: stop a list action after so many records
    :param xcom_max_records: largest number of records that go to XCom
    :param xcom_max_bytes: largest result that goes to XCom, in bytes of JSON
    """

    template_fields: Sequence[str] = ("action", "parameters", "pipedrive_conn_id", "save_to")
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    operator_extra_links = (PipedriveRecordLink(),)
    ui_color = "#e6f4ea"
    parameters = ParametersKeptFromLineage()
    save_to = KeptFromLineage()

    def __init__(
        self,
        *,
        action: ActionKey | str,
        parameters: Mapping[str, Any] | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        save_to: str | PathLike[str] | None = None,
        max_records: int | None = None,
        xcom_max_records: int = XCOM_RECORDS,
        xcom_max_bytes: int = XCOM_BYTES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.action = action
        self.parameters = parameters
        self.pipedrive_conn_id = pipedrive_conn_id
        self.save_to = save_to
        self.max_records = native(max_records)
        self.xcom_max_records = xcom_max_records
        self.xcom_max_bytes = xcom_max_bytes
        self._parameters_come_later = parameters is not None and not isinstance(parameters, Mapping)
        check_connection_id("pipedrive_conn_id", pipedrive_conn_id)
        self._check(parsing=True)

    def execute(self, context: Context) -> Any:
        """Do it. Permanent errors fail the task at once, temporary ones leave Airflow's retries to work."""
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        began = time.monotonic()
        hook = PipedriveHook(self.pipedrive_conn_id)
        self._lineage = hook.lineage
        link: str | None = None
        try:
            with permanent_errors_end_the_task():
                self._read_rendered_parameters()
                self._check(parsing=False)
                result = self._do(hook, already_tried=getattr(context["ti"], "try_number", 1) > 1)
                link = record_url(self.action, plain(self.parameters) or {}, result, hook.client.origin)
                self._log_receipt(hook, result, link, time.monotonic() - began)
        finally:
            # Pushed also where there is none: Airflow 3 logs an error for a link whose XCom is not there.
            context["ti"].xcom_push(key=PipedriveRecordLink.xcom_key, value=link or "")
        return result

    def _read_rendered_parameters(self) -> None:
        """Read the dict that a template for all of the parameters has rendered to text."""
        rendered = plain(self.parameters)
        if isinstance(rendered, str) and isinstance(found := from_text(rendered), Mapping):
            self.parameters = found

    def _do(self, hook: PipedriveHook, *, already_tried: bool) -> Any:
        given = dict(plain(self.parameters) or {})
        if self._reads_a_list(given):
            return self._within_xcom(hook.iterate(self.action, given, max_records=self.max_records))
        result = hook.run(self.action, given, save_to=self.save_to, already_tried=already_tried)
        if isinstance(result, str | PathLike):
            return str(result)  # where a download is; XCom takes no paths
        return self._within_xcom([result])[0]

    def _reads_a_list(self, given: Mapping[str, Any]) -> bool:
        from airflow_provider_pipedrive.catalog import get_action

        action = get_action(self.action)
        one_page = {"cursor", "start"} & given.keys() and self.max_records is None
        return action.result == "records" and action.is_read and not one_page

    def _within_xcom(self, records: Iterable[Any]) -> list[Any]:
        """The records as a list; reading stops as soon as they are too many or too large."""
        collected: list[Any] = []
        size = 0
        for record in records:
            collected.append(record)
            size += len(json.dumps(record, default=str, ensure_ascii=False).encode())
            if len(collected) > self.xcom_max_records or size > self.xcom_max_bytes:
                most = counted(self.xcom_max_records, "record")
                raise PipedriveParameterError(
                    f"{self.action}: the result is too large for XCom (more than {most} or "
                    f"{self.xcom_max_bytes / 1024**2:g} MB). Narrow it down, cap it with max_records, raise "
                    "xcom_max_records and xcom_max_bytes, or write it to files: whole lists and what changed in them "
                    "by PipedriveToObjectStorageOperator, anything else by PipedriveHook.iterate() in a task of your "
                    "own, as the example DAG pipedrive_extract does.",
                    action=self.action,
                )
        return collected

    def _check(self, *, parsing: bool) -> None:
        """Find wrong keys and parameters; when parsing, what is only known at run time is let through."""
        from airflow_provider_pipedrive.catalog import get_action
        from airflow_provider_pipedrive.client.parameters import check

        unknown = is_templated if parsing else _is_given
        if unknown(self.action):
            return
        action = get_action(self.action)
        if action.lifecycle == "removed":
            if not parsing:
                raise PipedriveEndpointRemovedError(action.removed_message(), action=self.action)
            # Airflow adds its own frames to the level: it shall be the DAG's line, which warns once.
            warnings.warn(f"{self.task_id}: {action.removed_message()}", DeprecationWarning, stacklevel=3)
            return
        self._check_arguments(action)
        parameters = plain(self.parameters)
        named_by_parameters = isinstance(parameters, Mapping) and "save_to" in parameters
        if not parsing and self._parameters_come_later and named_by_parameters:
            raise PipedriveParameterError(
                f"{self.action}: parameters come from a template or another task, and name save_to: where a file is "
                "written is for the DAG's author to say. Give save_to as the operator's own argument.",
                action=self.action,
            )
        if parameters is None or isinstance(parameters, Mapping):
            given = {key: value for key, value in (parameters or {}).items() if key != "save_to"}
            check(action, given, unknown)
        elif not unknown(parameters):
            raise PipedriveParameterError(
                f"{self.action}: parameters must be a dict, not {type(parameters).__name__}.", action=self.action
            )
        if action.result == "binary" and not (self.save_to or named_by_parameters):
            raise PipedriveParameterError(
                f"{self.action} downloads a file, which does not fit into XCom: give save_to, a local or "
                "object-storage path.",
                action=self.action,
            )

    def _check_arguments(self, action: Action) -> None:
        """The operator's own arguments, which are no templates."""
        counts = {"xcom_max_records": self.xcom_max_records, "xcom_max_bytes": self.xcom_max_bytes}
        if self.max_records is not None:
            counts["max_records"] = self.max_records
            if action.result != "records" or not action.is_read:
                instead = f" {action.alias_of} lists the records themselves." if action.result == "options" else ""
                raise PipedriveParameterError(f"{action.key}: max_records is for actions that list records.{instead}")
        for name, count in counts.items():
            check_count(name, count)
        if self.save_to is not None and action.result != "binary":
            raise PipedriveParameterError(f"{action.key} does not answer a file: leave out save_to.")

    def _log_receipt(self, hook: PipedriveHook, result: Any, link: str | None, seconds: float) -> None:
        usage = hook.usage
        counts = [
            counted(usage.requests, "request"),
            *([counted(usage.pages, "page"), counted(usage.records, "record")] if usage.pages else []),
            counted(usage.tokens, "API token"),
        ]
        done = done_to_record(self.action, self.parameters or {}, result)
        about = f"{done}; " if done else ""
        # At the end: Airflow's page takes punctuation after an address for a part of it.
        address = f" {link}" if link else ""
        self.log.info("%s: %s%s, %.1f s%s", self.action, about, ", ".join(counts), seconds, address)


def _is_given(value: Any) -> bool:
    """When a task runs, nothing is open any more."""
    return False
