"""What the sensors have in common: three ways to wait, one table of how a wait ends.

==================  ===========================================================
what happened       how the task ends
==================  ===========================================================
it has happened     success; the result is the task's XCom
time is up          failed, without retries; skipped with soft_fail or never_fail
a passing error     failed, after Airflow's retries; skipped with never_fail; waited out with silent_fail
a lasting error     failed at once; skipped with never_fail
a limit             waited out: the burst limit, the day's API tokens
the record is gone  failed at once; skipped with on_gone="skip" or never_fail
==================  ===========================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from inspect import unwrap
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import (
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
    AirflowTaskTimeout,
    BaseSensorOperator,
    PokeReturnValue,
    conf,
)

from airflow_provider_pipedrive.errors import (
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveGoneError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.events.schedule import SHORTEST_INTERVAL, pause_after
from airflow_provider_pipedrive.events.waits.outcomes import WAITING, WaitOutcome
from airflow_provider_pipedrive.hooks.lineage import DataSet, Lineage, ReportsLineage, entity, entity_of_action
from airflow_provider_pipedrive.operators.task_support import check_connection_id, is_templated

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.client import PipedriveClient
    from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
    from airflow_provider_pipedrive.events.waits.specs import Wait, WaitSpec
    from airflow_provider_pipedrive.triggers.waiting import WaitTrigger

INTERVAL = 300.0
DEFER_GRACE = 5.0
"""Seconds after the deadline at which Airflow itself ends the wait, should no triggerer do it."""
SETTLING = 20.0
"""Seconds between a task's own check and its trigger's first, unless the interval is shorter. A busy scheduler that
hears of a deferral only when the task is queued again takes the task for one that was killed, and fails it."""
AIRFLOWS_TIME_UP = ("Trigger timeout", "Trigger/execution timeout")
"""What Airflow 3 and 2.11 say of a deferred task whose time they have ended."""
LOOKBACK = 600.0
"""Seconds, beyond two intervals, within which a check in reschedule mode, which remembers nothing, reads what a deal
has passed through."""
_LISTS = {"moves": "deals", "files": "files"}
"""The entities that are read by feeds that are no actions."""


class _Over(BaseException):
    """The wait has ended by an error. No ``Exception``: Airflow's loop of pokes would judge it by its own rules, which
    differ from those of a deferred sensor."""

    def __init__(self, error: PipedriveError) -> None:
        super().__init__(str(error))
        self.error = error


class WaitingSensor(ReportsLineage, BaseSensorOperator):
    """The common part of the sensors.

    :param pipedrive_conn_id: the connection (templated)
    :param deferrable: wait without a worker; the default is Airflow's ``[operators] default_deferrable``
    :param on_gone: whether a record that is deleted or merged away fails or skips the task
    :param poke_interval: seconds between two checks
    """

    ui_color = "#e6f4ea"
    trigger_name: ClassVar[str]

    def __init__(
        self,
        *,
        pipedrive_conn_id: str = "pipedrive_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        on_gone: Literal["fail", "skip"] = "fail",
        poke_interval: timedelta | float = INTERVAL,
        **kwargs: Any,
    ) -> None:
        super().__init__(poke_interval=poke_interval, **kwargs)
        self.pipedrive_conn_id = pipedrive_conn_id
        self.deferrable = deferrable
        self.on_gone = on_gone
        self._current: Wait | None = None
        self._client: PipedriveClient | None = None
        self._lineage = Lineage()
        self._pause = 0.0
        self._said = ""
        self._in_airflows_loop = False
        if on_gone not in ("fail", "skip"):
            raise PipedriveParameterError(f"on_gone must be 'fail' or 'skip', not {on_gone!r}.")
        if self.poke_interval < SHORTEST_INTERVAL:
            raise PipedriveParameterError(
                f"poke_interval must be {SHORTEST_INTERVAL:g} s or more, not {poke_interval}."
            )
        check_connection_id("pipedrive_conn_id", pipedrive_conn_id)

    # ---- what a sensor of its own says

    def _spec(self, since: str, resolved_later: Callable[[Any], bool]) -> tuple[WaitSpec, NameRefs | None] | None:
        """What is waited for, with names to be looked up; ``None`` where values that are not known yet leave it open.

        :param since: when the run began
        :param resolved_later: whether a value is not known yet
        :raises PipedriveParameterError: an argument is wrong, or two contradict each other
        """
        raise NotImplementedError

    def _check_when_parsing(self) -> None:
        """Find what is wrong with the arguments that are known already."""
        self._spec("2000-01-01T00:00:00Z", is_templated)

    # ---- one check

    def poke(self, context: Context) -> bool | PokeReturnValue:
        """Check once."""
        try:
            outcome = self._check(context)
        except _Over as over:
            if self._in_airflows_loop:
                raise
            raise self._ending(over.error) from None
        return PokeReturnValue(True, outcome.result) if outcome.kind == "success" else False

    def _check(self, context: Context) -> WaitOutcome:
        from airflow_provider_pipedrive.events.waits.checking import check_waits

        self._pause = 0.0
        try:
            (checked,) = check_waits(self._hook_client(), [self._wait_of(context)], alone=True)
            self._current, answer = checked.wait, checked.answer
            self._has_read(self._records(self._current))
            if isinstance(answer, PipedriveError):
                raise answer
        except (PipedriveDailyBudgetError, PipedriveBurstLimitError) as error:
            self._pause = pause_after(error)
            self.log.warning("Still waiting. The next check is in %.0f s: %s", self._pause, error)
            return WAITING
        except PipedriveError as error:
            if self.silent_fail and error.retryable:
                self.log.warning("Still waiting, as silent_fail says: %s", error)
                return WAITING
            raise _Over(error) from error
        if answer.kind in ("gone", "failed"):
            raise _Over(PipedriveGoneError(answer.reason))
        self._say_where_it_stands(answer)
        return answer

    def _say_where_it_stands(self, answer: WaitOutcome) -> None:
        """In the log: the end, and what is waited for, once and whenever things have changed."""
        from airflow_provider_pipedrive.events.waits.sentences import awaited, doubtful, happened, standing

        assert self._current is not None
        spec, memory = self._current.spec, self._current.memory  # its names are ids by now
        over = answer.kind == "success"
        sentence = happened(spec, answer.result) if over else f"{awaited(spec)} {standing(spec, memory)}".rstrip()
        if over or sentence != self._said:
            self.log.info("%s", sentence)
            if warning := doubtful(spec, memory):
                self.log.warning("%s", warning)
        if not over:
            self._said = sentence

    def _wait_of(self, context: Context) -> Wait:
        from airflow_provider_pipedrive.events.waits.specs import Wait

        if self._current is None:
            decided = self._spec(_run_began(context), lambda value: False)
            assert decided is not None, "every value is known when a task runs"
            remembers_nothing = self.reschedule and not self.deferrable
            lookback = 2 * self.poke_interval + LOOKBACK if remembers_nothing else None
            self._check_begin(decided[0].begins)
            self._current = Wait(*decided, lookback=lookback)
            self._log_cost(decided[0])
        return self._current

    def _check_begin(self, begins: str | None) -> None:
        """Refuse a wait that is over before anything counts."""
        from airflow_provider_pipedrive.client.times import read_time

        moment = read_time(begins)
        if moment is not None and moment > datetime.now(UTC) + timedelta(seconds=self.timeout):
            raise PipedriveParameterError(
                f"since is {begins}, and the sensor waits for {self.timeout:g} s only (timeout): nothing that happens "
                "until then counts. Give a time that has passed, or a longer timeout."
            )

    def _hook_client(self) -> PipedriveClient:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        self._client = self._client or PipedriveHook(self.pipedrive_conn_id).client
        return self._client

    def _records(self, wait: Wait) -> DataSet | None:
        """What a check reads."""
        poll_group = wait.spec.poll_group
        name = _LISTS.get(poll_group) or entity_of_action(poll_group)
        return entity(self._hook_client().origin, name) if name else None

    def _has_read(self, records: DataSet | None) -> None:
        self._lineage = Lineage()
        self._lineage.read(records)

    # ---- waiting

    def execute(self, context: Context) -> Any:
        """Wait, in the worker or deferred."""
        try:
            if not self.deferrable:
                self._in_airflows_loop = True
                # Airflow 2.11 warns in the task's log of an execute that another one calls, unless it is unwrapped.
                return unwrap(BaseSensorOperator.execute)(self, context)
            deadline = time.time() + self.timeout
            outcome = self._check(context)
        except _Over as over:
            raise self._ending(over.error) from None
        except (AirflowSensorTimeout, AirflowSkipException) as end:  # Airflow's loop raises them when time is up
            ended_task = isinstance(end.__cause__, AirflowTaskTimeout)
            raise self._ending(self._time_up(ended_task=ended_task)) from None
        if outcome.kind == "success":
            return outcome.result
        return self._defer(context, deadline)

    def _defer(self, context: Context, deadline: float) -> Any:
        self.defer(
            trigger=self._make_trigger(context, deadline),
            method_name="execute_complete",
            kwargs={"read": [list(records) for records in self._lineage.inputs], "waited_for": self._said},
            timeout=timedelta(seconds=max(deadline - time.time(), 0) + DEFER_GRACE),
        )

    def _make_trigger(self, context: Context, deadline: float) -> WaitTrigger:
        from airflow_provider_pipedrive.triggers import pipedrive

        wait = self._wait_of(context)
        trigger: WaitTrigger = getattr(pipedrive, self.trigger_name)(
            pipedrive_conn_id=self.pipedrive_conn_id,
            spec=wait.spec.to_json(),
            names=wait.names.to_json() if wait.names else None,
            memory=dict(wait.memory),
            interval=self.poke_interval,
            deadline=deadline,
            not_before=time.time() + max(self._pause, min(SETTLING, self.poke_interval)),
            end_from_trigger=self._may_end_from_trigger,
            retry_errors=self.silent_fail,
        )
        return trigger

    @property
    def _may_end_from_trigger(self) -> bool:
        """Whether a success needs no worker.

        A task that ends without one makes no asset events, gives mapped tasks no number of results, and runs
        nothing of its own afterwards.
        """
        own = ("outlets", "multiple_outputs", "_post_execute_hook")
        has_dag = self.has_dag()  # type: ignore[no-untyped-call]
        is_expanded_over = has_dag and next(self.iter_mapped_dependants(), None) is not None
        return self.do_xcom_push and not is_expanded_over and not any(getattr(self, name, None) for name in own)

    def execute_complete(
        self, context: Context, event: Mapping[str, Any], read: Sequence[Sequence[str]] = (), waited_for: str = ""
    ) -> Any:
        """What the trigger reports: the result, or how the wait ended.

        :param read: the data sets of the checks, for lineage: this process has made none
        :param waited_for: what the log said before the task was deferred
        """
        self._said = waited_for
        for namespace, name in read:
            self._has_read(DataSet(namespace, name))
        from airflow_provider_pipedrive.triggers.waiting import error_from_dict

        if event["status"] == "success":
            return event["result"]
        if event["status"] == "timeout":
            raise self._ending(self._time_up())
        error = error_from_dict(event["error"]) if event["status"] == "error" else PipedriveGoneError(event["reason"])
        raise self._ending(error)

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """An operator's: a sensor's own would skip errors with ``soft_fail``, and on 2.11 retry when time is up."""
        reason = (next_kwargs or {}).get("error") if next_method == "__fail__" else None
        if reason in AIRFLOWS_TIME_UP:
            limit = self.execution_timeout
            # Airflow 2.11 ends a deferred task by whichever comes first.
            ended_task = reason == AIRFLOWS_TIME_UP[1] and limit is not None and limit.total_seconds() < self.timeout
            raise self._ending(self._time_up(ended_task=ended_task))
        try:
            return super(BaseSensorOperator, self).resume_execution(next_method, next_kwargs, context)
        except Exception as error:
            # A trigger that broke. By name: the class has no home that all versions share.
            if type(error).__name__ == "TaskDeferralError":
                raise self._ending(error) from error
            raise

    def _time_up(self, *, ended_task: bool = False) -> AirflowSensorTimeout:
        """Time is up.

        :param ended_task: by the task's ``execution_timeout``, not by the sensor's ``timeout``
        """
        waited_for = f" while {self._said[0].lower()}{self._said[1:]}" if self._said else "."
        limit = self.execution_timeout if ended_task else None
        said = f"{self.timeout:g} s (timeout)" if limit is None else f"{limit.total_seconds():g} s (execution_timeout)"
        return AirflowSensorTimeout(f"{said} have passed{waited_for}")

    def _ending(self, error: Exception) -> Exception:
        """How the task ends by ``error``: the table of this module."""
        is_time_up = isinstance(error, AirflowSensorTimeout)
        skips = self.never_fail or (self.soft_fail and is_time_up)
        if skips or (self.on_gone == "skip" and isinstance(error, PipedriveGoneError)):
            return AirflowSkipException(f"Skipped: {error}")
        if isinstance(error, PipedriveError) and not error.retryable:
            return AirflowFailException(f"{type(error).__name__}: {error}")
        return error

    def _get_next_poke_interval(self, started_at: Any, run_duration: Callable[[], float], poke_count: int) -> float:
        """Airflow's, lengthened while a limit lasts, and shortened so that the last check comes when time is up."""
        wanted = max(super()._get_next_poke_interval(started_at, run_duration, poke_count), self._pause)
        return max(min(wanted, self.timeout - run_duration() + 0.1), 0.1)

    def _log_cost(self, spec: WaitSpec) -> None:
        tokens = spec.tokens_a_day(self.poke_interval)
        self.log.info(
            "Checking every %g s, for about %s a day%s.",
            self.poke_interval,
            "1 API token" if tokens == 1 else f"{tokens:,} API tokens",
            "; sensors of this connection that wait in the same triggerer share their requests"
            if self.deferrable
            else "",
        )


def _run_began(context: Context) -> str:
    """When the run began, by Airflow's clock."""
    from airflow_provider_pipedrive.client.times import write_time

    run: Any = context.get("dag_run")
    began = getattr(run, "start_date", None) or getattr(run, "run_after", None)
    return write_time(began or datetime.now(UTC))
