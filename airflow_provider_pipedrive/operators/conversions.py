"""A lead becomes a deal, a deal becomes a lead: one task each."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_pipedrive.client.record_links import record_url
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.events.waits.arguments import record_id
from airflow_provider_pipedrive.operators.record_links import PipedriveRecordLink
from airflow_provider_pipedrive.operators.task_support import is_templated, permanent_errors_end_the_task

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.events.conversions import Conversion, Source

_KEPT = "pipedrive_conversion"
_SETTLING = 60.0
"""Seconds after which a conversion that an earlier try may have begun would have shown: its record would be gone."""
_GRACE = 60.0
"""Seconds after the deadline at which Airflow itself ends the wait, should no triggerer do it."""


class _ConversionOperator(BaseOperator):
    """Have Pipedrive convert a record, wait without a worker, and return the new record's id.

    A repetition begins nothing a second time. On Airflow 3.3 the conversion's id is kept for the next try; else, and
    where the old record is gone, the new record is found by the name of its source among the newest ones.

    :param pipedrive_conn_id: the connection (templated)
    :param timeout: how long the conversion may take
    :param interval: seconds between two looks, 1 API token each
    """

    source: ClassVar[Source]
    operator_extra_links = (PipedriveRecordLink(),)
    ui_color = "#e6f4ea"

    def __init__(
        self,
        *,
        pipedrive_conn_id: str = "pipedrive_default",
        timeout: timedelta = timedelta(minutes=10),
        interval: float = 5.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pipedrive_conn_id = pipedrive_conn_id
        self.timeout = timeout
        self.interval = interval
        if interval < 1:
            raise PipedriveParameterError(f"interval must be 1 second or more, not {interval!r}.")

    def _given(self) -> tuple[Any, dict[str, Any]]:
        """The record's id, and the parameters of the conversion."""
        raise NotImplementedError

    def execute(self, context: Context) -> dict[str, Any]:
        """Begin the conversion, unless an earlier try has, and wait for it."""
        from airflow_provider_pipedrive.events.conversions import Conversion, find, is_living

        client = self._client()
        with permanent_errors_end_the_task():
            conversion = Conversion(self.source, str(record_id(f"{self.source}_id", self._given()[0])))
            kept = _journal(context).get(_KEPT) or {}
            if kept.get("job"):
                return self._wait(Conversion(self.source, conversion.key, kept["job"]))
            if not is_living(client, conversion):
                return self._done(context, client, conversion, find(client, conversion), converted=False)
            if kept or (not _keeps(context) and getattr(context["ti"], "try_number", 1) > 1):
                self.log.info("An earlier try may have begun the conversion: looking whether it ends.")
                return self._wait(conversion, seconds=_SETTLING, begins=True)
            return self._begin(context, client, conversion)

    def execute_complete(
        self, context: Context, event: Mapping[str, Any], job: str | None = None, begins: bool = False
    ) -> dict[str, Any]:
        """Return what has become of the record.

        :param job: the conversion's id, if it is known
        :param begins: the record is converted now, where it is still there
        """
        from airflow_provider_pipedrive.events.conversions import Conversion
        from airflow_provider_pipedrive.triggers.waiting import error_from_dict

        client = self._client()
        conversion = Conversion(self.source, str(record_id(f"{self.source}_id", self._given()[0])), job)
        if event["status"] == "success":
            return self._done(context, client, conversion, event["result"], converted=True)
        with permanent_errors_end_the_task():
            if event["status"] == "error":
                _journal(context).set(_KEPT, {})
                raise error_from_dict(event["error"])
            if begins:
                return self._begin(context, client, conversion)
        raise PipedriveError(
            f"The {self.source} {conversion.key} is not converted after {self.timeout} (timeout). The next try looks "
            "again, and begins the conversion only if it was not begun.",
            retryable=True,
        )

    def _begin(self, context: Context, client: PipedriveClient, conversion: Conversion) -> NoReturn:
        from airflow_provider_pipedrive.events.conversions import begin

        journal = _journal(context)
        journal.set(_KEPT, {"sent": True})
        try:
            begun = begin(client, conversion, self._given()[1])
        except PipedriveError:
            journal.set(_KEPT, {})
            raise
        journal.set(_KEPT, {"sent": True, "job": begun.job})
        self._wait(begun)

    def _wait(self, conversion: Conversion, seconds: float | None = None, begins: bool = False) -> NoReturn:
        from airflow_provider_pipedrive.triggers.conversions import PipedriveConversionTrigger

        limit = self.timeout.total_seconds() if seconds is None else seconds
        self.defer(
            trigger=PipedriveConversionTrigger(
                pipedrive_conn_id=self.pipedrive_conn_id,
                source=conversion.source,
                key=conversion.key,
                job=conversion.job,
                interval=self.interval,
                deadline=time.time() + limit,
            ),
            method_name="execute_complete",
            kwargs={"job": conversion.job, "begins": begins},
            timeout=timedelta(seconds=limit + _GRACE),
        )

    def _done(
        self, context: Context, client: PipedriveClient, conversion: Conversion, made: Any, *, converted: bool
    ) -> dict[str, Any]:
        from airflow_provider_pipedrive.events.conversions import KINDS

        new = KINDS[self.source].new
        link = record_url(f"{new}s", made, client.origin)
        _journal(context).set(_KEPT, {})
        context["ti"].xcom_push(key=PipedriveRecordLink.xcom_key, value=link or "")
        self.log.info("%s %s is %s %s now%s", self.source, conversion.key, new, made, f": {link}" if link else "")
        key: Any = int(conversion.key) if self.source == "deal" else conversion.key
        return {
            f"{self.source}_id": key,
            f"{new}_id": made,
            "link": link,
            "conversion_id": conversion.job,
            "converted": converted,
        }

    def _client(self) -> PipedriveClient:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        return PipedriveHook(self.pipedrive_conn_id).client


class PipedriveConvertLeadOperator(_ConversionOperator):
    """Convert a lead to a deal, wait without a worker, and return the deal's id.

    The result is a dict: ``lead_id``, ``deal_id``, ``link`` to the deal, ``conversion_id`` (null where it is not
    known), and ``converted``: false where the lead was converted before. See docs/people.md.

    :param lead_id: the lead (templated)
    :param stage_id: where the deal begins (templated); by default the first stage of the default pipeline
    :param pipeline_id: the pipeline in whose first stage it begins (templated)
    """

    source: ClassVar[Source] = "lead"
    template_fields: Sequence[str] = ("lead_id", "stage_id", "pipeline_id", "pipedrive_conn_id")

    def __init__(
        self,
        *,
        lead_id: str,
        stage_id: int | str | None = None,
        pipeline_id: int | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.lead_id = lead_id
        self.stage_id = stage_id
        self.pipeline_id = pipeline_id
        if stage_id is not None and pipeline_id is not None:
            raise PipedriveParameterError("Give stage_id or pipeline_id: the stage says the pipeline.")
        if not is_templated(lead_id):
            record_id("lead_id", lead_id)

    def _given(self) -> tuple[Any, dict[str, Any]]:
        given = {"stage_id": self.stage_id, "pipeline_id": self.pipeline_id}
        return self.lead_id, {name: value for name, value in given.items() if value not in (None, "")}


class PipedriveConvertDealOperator(_ConversionOperator):
    """Convert a deal to a lead, wait without a worker, and return the lead's id.

    The result is a dict: ``deal_id``, ``lead_id``, ``link`` to the lead, ``conversion_id`` (null where it is not
    known), and ``converted``: false where the deal was converted before. See docs/people.md.

    :param deal_id: the deal (templated); it needs a person or an organization
    """

    source: ClassVar[Source] = "deal"
    template_fields: Sequence[str] = ("deal_id", "pipedrive_conn_id")

    def __init__(self, *, deal_id: int | str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.deal_id = deal_id
        if not is_templated(deal_id):
            record_id("deal_id", deal_id)

    def _given(self) -> tuple[Any, dict[str, Any]]:
        return self.deal_id, {}


class _Forgets:
    """The store of an Airflow that keeps nothing for a task's next try."""

    def get(self, key: str) -> Any:
        """Nothing."""
        return None

    def set(self, key: str, value: Any) -> None:
        """Nothing is kept."""


def _keeps(context: Context) -> bool:
    """Whether this Airflow keeps values for a task's next try: 3.3 and later."""
    return "task_state_store" in context


def _journal(context: Context) -> Any:
    """What the task's tries share."""
    return context["task_state_store"] if _keeps(context) else _Forgets()
