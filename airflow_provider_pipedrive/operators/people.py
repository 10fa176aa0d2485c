"""The floor of tasks that ask people: a question on Airflow's page of required actions, and what was answered.

A task waits without a worker: Airflow 3.3 parks it until somebody answers, 3.1 and 3.2 defer it to the trigger of
Airflow's standard provider. Airflow keeps one question for each try of a task, so another try is needed to ask another
one; the same one may be asked again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

log = logging.getLogger(__name__)
Users = Sequence[str | Mapping[str, str]]
_TIMEOUT = "timeout"


@dataclass(frozen=True)
class Question:
    """What a person is asked.

    :ivar subject: the headline
    :ivar body: what they need to know to decide, in Markdown
    :ivar options: the buttons
    :ivar defaults: the options that are taken when time is up; without them, time that is up has no answer
    :ivar params: fields of the form by name, Airflow's ``Param``
    :ivar users: who may answer, as ids of Airflow's users; by default everybody who may answer for the DAG
    :ivar timeout: how long to wait; by default for ever
    """

    subject: str
    body: str
    options: Sequence[str]
    defaults: Sequence[str] | None = None
    params: Mapping[str, Any] = field(default_factory=dict)
    users: Users = ()
    timeout: timedelta | None = None


@dataclass(frozen=True)
class HumanAnswer:
    """What came of a question.

    :ivar outcome: somebody has ``answered``, the ``default`` was taken when time was up, or there is none:
        ``timeout``, or ``invalid`` where Airflow itself has refused what was filled in
    :ivar options: the buttons that were pressed
    :ivar values: what was filled in, by the name of the field; nothing has checked it
    :ivar by: who has answered: ``id`` and ``name``
    :ivar at: when, as ISO 8601 writes it
    """

    outcome: Literal["answered", "default", "timeout", "invalid"]
    options: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    by: Mapping[str, str] | None = None
    at: str = ""

    @property
    def name(self) -> str:
        """Who has answered, to be read by people."""
        return str((self.by or {}).get("name") or "nobody")


def check_can_ask(what: str) -> None:
    """Find that this Airflow cannot ask people.

    :param what: what needs it, for the error
    :raises PipedriveParameterError: it is older than 3.1
    """
    if AIRFLOW_V_3_1_PLUS:
        return
    from airflow import __version__

    raise PipedriveParameterError(
        f"{what} asks a person on a page that Airflow has since version 3.1, and this is Airflow {__version__}. Use "
        "Airflow 3.1 or later, or let the DAG's params decide: PipedriveHook().options() lists what can be chosen."
    )


def ask(context: Context, question: Question, kept: Mapping[str, Any] | None = None) -> NoReturn:
    """Put a question on the page, and end this part of the task: ``execute_complete`` gets what was answered.

    :param kept: arguments of ``execute_complete`` besides ``event``
    """
    from airflow.sdk.definitions.param import Param
    from airflow.sdk.execution_time.hitl import upsert_hitl_detail

    task: Any = context["ti"]
    params = {name: Param(**spec).serialize() for name, spec in question.params.items()}
    given: dict[str, Any] = {
        "ti_id": task.id,
        "options": list(question.options),
        "defaults": None if question.defaults is None else list(question.defaults),
        "params": params,
        "multiple": False,
    }
    users: Any = [{"id": user, "name": user} if isinstance(user, str) else dict(user) for user in question.users]
    upsert_hitl_detail(subject=question.subject, body=question.body, assigned_users=users, **given)
    until = f"for {question.timeout} at most" if question.timeout else "for as long as it takes"
    log.info('Asked "%s" on the page Required Actions; waiting %s, without a worker.', question.subject, until)
    _wait(given, question.timeout, dict(kept or {}))


def _wait(given: dict[str, Any], timeout: timedelta | None, kept: dict[str, Any]) -> NoReturn:
    try:
        from airflow.sdk.exceptions import TaskAwaitingInput
    except ImportError:  # before Airflow 3.3
        from airflow.providers.common.compat.sdk import TaskDeferred
        from airflow.providers.standard.triggers.hitl import HITLTrigger

        until = None if timeout is None else datetime.now(UTC) + timeout
        trigger = HITLTrigger(timeout_datetime=until, **given)
        raise TaskDeferred(trigger=trigger, method_name="execute_complete", kwargs=kept) from None
    raise TaskAwaitingInput(method_name="execute_complete", kwargs=kept, timeout=timeout)


def is_answer(event: Any) -> bool:
    """Whether what a task is resumed with is about a question."""
    return isinstance(event, Mapping) and ("chosen_options" in event or "error_type" in event)


def answer_of(event: Mapping[str, Any]) -> HumanAnswer:
    """What a task is resumed with, as an answer."""
    if "error_type" in event:
        return HumanAnswer("timeout" if event["error_type"] == _TIMEOUT else "invalid")
    by, at = event.get("responded_by_user"), event.get("responded_at")
    return HumanAnswer(
        outcome="default" if event.get("timedout") or by is None else "answered",
        options=tuple(event.get("chosen_options") or ()),
        values=dict(event.get("params_input") or {}),
        by=None if by is None else {"id": str(by["id"]), "name": str(by["name"])},
        at=at.isoformat() if isinstance(at, datetime) else str(at or ""),
    )
