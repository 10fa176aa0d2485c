"""The floor of operators, transfers and sensors: what a task is given, where it writes, when it fails for good."""

from __future__ import annotations

import hashlib
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import unquote, urlsplit

from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveError,
    PipedriveParameterError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.hooks import client_factory
from airflow_provider_pipedrive.operators.ticks import in_utc, previous_tick

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperator, Context

    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

_DAY = 86_400
_AFTER_RESET = 300.0
"""Seconds that are waited beyond the time at which the day's tokens are expected to be renewed."""
_ASK_AGAIN = 3600.0
"""Seconds until the next look where they were not: Pipedrive does not say in which time zone its day begins.
https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting"""
_MEANT = 60.0
"""A shorter ``Retry-After`` is that of the burst limit, and says nothing of the day."""
_LONGEST_NAME = 150
BUCKETS = ("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az")
"""Protocols of storages whose keys lie in buckets or containers."""


def is_templated(value: Any) -> bool:
    """Whether a value is only known when the task runs: a template, or another task's result."""
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(is_templated(item) for item in value.values())
    if isinstance(value, list | tuple | set):
        return any(is_templated(item) for item in value)
    # XComArg and friends; everything else that Airflow resolves at run time has the same mark.
    return hasattr(value, "resolve") and hasattr(value, "iter_references")


@contextmanager
def permanent_errors_end_the_task() -> Iterator[None]:
    """Fail at once where another try would fail too; temporary errors leave Airflow's retries to work.

    The message says what to do, and the frames below the task are the package's own: without them the task's log says
    it once.
    """
    try:
        yield
    except PipedriveError as error:
        if error.retryable:
            raise
        raise AirflowFailException(f"{type(error).__name__}: {error}") from None


def storage_path(name: str, path: Any) -> Any:
    """``path`` as something that can be opened: local, or in object storage.

    :param name: of the argument, for the error
    :raises PipedriveParameterError: the storage cannot be used here
    """
    text = str(path)
    if text.startswith("file://"):
        return Path(unquote(urlsplit(text).path))
    if "://" not in text:
        return Path(text).expanduser()
    from airflow_provider_pipedrive.hooks.action_files import object_path

    return object_path(name, text)


def check_path(name: str, path: Any) -> None:
    """Find a path that is none."""
    if not isinstance(path, str | Path) and not hasattr(path, "open"):
        raise PipedriveParameterError(f"{name} must be a path, local or in object storage, not {path!r}.")
    if not str(path).strip():
        raise PipedriveParameterError(f"{name} is empty: give a path, local or in object storage.")
    if "\0" in str(path):
        raise PipedriveParameterError(f"{name}: {str(path)!r} has a zero byte in it, which no path can have.")
    protocol, _, rest = str(path).strip().partition("://")
    if rest.rstrip("/").endswith(("?", "#")):
        end = rest.rstrip("/")[-1]
        raise PipedriveParameterError(
            f"{name}: {path} ends with {end!r}, which an address loses: name the folder else."
        )
    if protocol in BUCKETS and not rest.split("/")[0].rpartition("@")[2]:
        raise PipedriveParameterError(f"{name} must name a bucket, such as {protocol}://bucket/folder, not {path}.")


def check_connection_id(name: str, value: Any) -> None:
    """Find what is not the id of an Airflow connection; what is only known when the task runs is let through."""
    if not is_templated(value):
        client_factory.check_connection_id(name, value)


def data_interval(context: Context) -> tuple[datetime | None, datetime | None]:
    """The run's data interval; ``(None, None)`` where it has none, or one without length.

    On Airflow 3 runs that were triggered by hand or by an asset have none, and those of a cron schedule have one that
    begins and ends at the same moment, unless Airflow is configured otherwise.
    """
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None or start == end:
        return None, None
    return start, end


def run_window(context: Context) -> tuple[datetime | None, datetime | None]:
    """The window that Airflow says is the run's: its data interval, or for a run of a backfill that has none, the time
    from the tick of its schedule before its logical date to that date; ``(None, None)`` where it says none.

    :raises PipedriveParameterError: a run of a backfill whose schedule does not say it: reading on from a watermark
        would give it the present in place of its day
    """
    start, end = data_interval(context)
    run = context.get("dag_run")
    run_type = getattr(run, "run_type", None)
    if start is not None or getattr(run_type, "value", run_type) != "backfill":
        return start, end
    logical_date: datetime | None = context.get("logical_date") or getattr(run, "logical_date", None)
    timetable = getattr(context.get("dag"), "timetable", None)
    before = None if logical_date is None else previous_tick(timetable, logical_date)
    if before is None or logical_date is None:
        raise PipedriveParameterError(
            f"This run of a backfill has no data interval, and its schedule ({type(timetable).__name__}) does not say "
            'which time is the run\'s: give since and until, such as until="{{ logical_date }}", or a schedule with '
            "data intervals (CronDataIntervalTimetable), with cron expressions, or with a fixed distance."
        )
    return before, in_utc(logical_date)


def writer_name(task: Any, context: Context) -> str:
    """The task, night after night: its DAG, its name and, if it is mapped, which of its instances it is."""
    index = getattr(context["ti"], "map_index", -1)
    mapped = f"[{index}]" if isinstance(index, int) and index >= 0 else ""
    return f"{task.dag_id}.{task.task_id}{mapped}"


def run_name(task: Any, context: Context) -> str:
    """A name for one task of one run, the same at each of its tries, that every file system takes."""
    index = getattr(context["ti"], "map_index", -1)
    mapped = f".{index}" if isinstance(index, int) and index >= 0 else ""
    full = f"{task.dag_id}.{task.task_id}.{context.get('run_id', 'run')}{mapped}"
    name = re.sub(r"[^A-Za-z0-9._=-]", "_", full)
    if len(name) <= _LONGEST_NAME:
        return name
    return f"{name[: _LONGEST_NAME - 17]}-{hashlib.sha256(full.encode()).hexdigest()[:16]}"


def journal_folder(task: Any, context: Context) -> Any:
    """Where a task that writes keeps its journal: the ``folder`` that it was given, or one on this machine that belongs
    to this task of this run."""
    if task.folder:
        return storage_path("folder", task.folder)
    return Path(tempfile.gettempdir()) / "airflow-pipedrive-bulk" / run_name(task, context)


@contextmanager
def spent_tokens_end_the_try(
    task: Any, hook: PipedriveHook, *, waited: bool, at_once: int, advice: str = ""
) -> Iterator[None]:
    """Fail the task where its ``max_tokens`` are spent: Airflow's retries would spend more, or end the same. Where the
    day's tokens are spent, wait for new ones, if the task is deferrable. Errors that another try cannot help end the
    task too.

    :param task: the operator; ``execute_complete`` follows a wait
    :param hook: the hook that sends what this try sends
    :param waited: whether this try follows a wait
    :param at_once: requests that go out at once: where no more were sent, all of them may have been refused
    :param advice: said after the error of ``max_tokens``
    """
    try:
        with permanent_errors_end_the_task():
            yield
    except PipedriveTokenCapError as error:
        raise AirflowFailException(f"{error}{advice}") from None
    except PipedriveDailyBudgetError as error:
        if not task.deferrable:
            raise
        _wait_for_tokens(task, error, in_vain=waited and hook.usage.requests <= at_once)


def _wait_for_tokens(task: BaseOperator, error: PipedriveDailyBudgetError, *, in_vain: bool) -> NoReturn:
    """Free the worker until the day's API tokens are expected to be there again; ``execute_complete`` follows."""
    from airflow_provider_pipedrive.triggers.budget import PipedriveBudgetTrigger

    at = next_tokens(time.time(), error.retry_after, in_vain=in_vain)
    task.log.warning(
        "%s What was read is kept: the task continues at about %s.",
        error,
        datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds"),
    )
    task.defer(trigger=PipedriveBudgetTrigger(until=at), method_name="execute_complete")


def next_tokens(now: float, retry_after: float | None, *, in_vain: bool) -> float:
    """When the day's API tokens are expected to be there again, in seconds since the epoch.

    :param now: seconds since the epoch
    :param retry_after: seconds that Pipedrive or the connection's own budget tells, if any
    :param in_vain: whether they were expected by now, and were not there
    """
    if retry_after is not None and retry_after >= _MEANT:
        return now + retry_after + _AFTER_RESET
    if in_vain:
        return now + _ASK_AGAIN
    return now - now % _DAY + _DAY + _AFTER_RESET
